"""The settings: each is one field of `Settings`, with its variable, its default and its meaning."""

from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import msgspec
from typing_extensions import override

from calbell.config import kinds
from calbell.config.kinds import (
    Admit,
    AuthMethod,
    AutoConnect,
    LogFormat,
    LogLevel,
    Secret,
    TokenOwnership,
)
from calbell.config.variables import ConfigError, setting
from calbell.domain.privacy import Privacy


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, checked; `Settings()` holds the defaults. Its repr shows no secret."""

    database_url: str = setting(
        "CALBELL_DATABASE_URL",
        kinds.DATABASE,
        "sqlite:///calbell.db",
        "where everything is kept: a SQLite file, or PostgreSQL (any libpq URL)",
    )
    host: str = setting("CALBELL_HOST", kinds.HOST, "127.0.0.1", "where `serve` listens")
    port: int = setting(
        "CALBELL_PORT", kinds.whole(0, 65535), "8000", "where `serve` listens; `0`: any free port"
    )
    public_url: str | None = setting(
        "CALBELL_PUBLIC_URL",
        kinds.BASE_URL,
        None,
        "the service's address as others reach it, for `connect`",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = setting(
        "CALBELL_TRUSTED_PROXIES",
        kinds.several(kinds.NETWORK),
        "",
        "addresses whose `X-Forwarded-For` and `-Proto` count",
    )
    auth: tuple[AuthMethod, ...] = setting(
        "CALBELL_AUTH",
        kinds.several(kinds.choice(AuthMethod)),
        "keys",
        "tried in this order: `keys` (API keys of this service), `calcom` (ask Cal.com who the "
        "token's owner is)",
    )
    calcom_api_url: str = setting(
        "CALBELL_CALCOM_API_URL",
        kinds.BASE_URL,
        "https://api.cal.com/v2",
        "the Cal.com instance for `calcom`, `connect` and reconciling",
    )
    admit: Admit | frozenset[int] = setting(
        "CALBELL_ADMIT",
        kinds.ADMIT,
        "any",
        "who may register under `calcom`: any of its users, those known here, or organisations",
    )
    auto_connect: AutoConnect = setting(
        "CALBELL_AUTO_CONNECT",
        kinds.choice(AutoConnect),
        "off",
        "`user`: a user's first registration creates that user's webhook at Cal.com",
    )
    calcom_api_key: Secret | None = setting(
        "CALBELL_CALCOM_API_KEY",
        kinds.secret(1),
        None,
        "with it, bookings are compared with Cal.com's and gaps repaired",
    )
    reconcile: timedelta = setting(
        "CALBELL_RECONCILE_SECONDS",
        kinds.seconds(1),
        "900",
        "the pause between two such comparisons",
    )
    webhook_secrets: tuple[Secret, ...] = setting(
        "CALBELL_WEBHOOK_SECRETS",
        kinds.several(kinds.WEBHOOK_SECRET),
        "",
        "what Cal.com webhooks may be signed with, beside the secrets of `connect`",
    )
    admin_token: Secret | None = setting(
        "CALBELL_ADMIN_TOKEN",
        kinds.secret(16),
        None,
        "bearer token of the operator: timelines, metrics, console; without it these are closed, "
        "not open (timelines and metrics also take an operator's key)",
    )
    expo_base_url: str = setting(
        "CALBELL_EXPO_BASE_URL",
        kinds.BASE_URL,
        "https://exp.host",
        "requests go to `<base>/--/api/v2/push/send` and `/getReceipts`",
    )
    expo_access_token: Secret | None = setting(
        "CALBELL_EXPO_ACCESS_TOKEN",
        kinds.secret(1),
        None,
        "sent to Expo as `Authorization: Bearer`",
    )
    expo_max_concurrency: int = setting(
        "CALBELL_EXPO_MAX_CONCURRENCY",
        kinds.whole(1, 100),
        "6",
        "push/send requests under way at once, per process",
    )
    expo_rate_limit: int = setting(
        "CALBELL_EXPO_RATE_LIMIT",
        kinds.whole(0, 100_000),
        "600",
        "notifications per second and Expo project, over all processes; `0`: no limit",
    )
    expo_timeout: timedelta = setting(
        "CALBELL_EXPO_TIMEOUT_SECONDS", kinds.seconds(0.1, 600), "30", "one request to Expo, in all"
    )
    receipt_delay: timedelta = setting(
        "CALBELL_RECEIPT_DELAY_SECONDS",
        kinds.seconds(0),
        "900",
        "from ticket to the first look at its receipt",
    )
    retry_base: timedelta = setting(
        "CALBELL_RETRY_BASE_SECONDS",
        kinds.seconds(0.1),
        "2",
        "backoff before the second attempt; doubles with each attempt, full jitter",
    )
    retry_max: timedelta = setting(
        "CALBELL_RETRY_MAX_SECONDS",
        kinds.seconds(0),
        "300",
        "the most that backoff grows to; at least `CALBELL_RETRY_BASE_SECONDS`",
    )
    lease: timedelta = setting(
        "CALBELL_LEASE_SECONDS",
        kinds.seconds(0),
        "60",
        "how long a worker may hold what it claimed before another takes it over; at least twice "
        "`CALBELL_EXPO_TIMEOUT_SECONDS`",
    )
    recipients: frozenset[str] = setting(
        "CALBELL_RECIPIENTS", kinds.ROLES, "organizer,hosts,attendees", "which roles are told"
    )
    token_ownership: TokenOwnership = setting(
        "CALBELL_TOKEN_OWNERSHIP",
        kinds.choice(TokenOwnership),
        "exclusive",
        "`exclusive`: a push token is delivered to only for the user who registered it last; "
        "`shared`: for all of them",
    )
    deep_link: str = setting(
        "CALBELL_DEEP_LINK",
        kinds.LINK,
        "calcom://(tabs)/(bookings)/booking-detail?uid={uid}",
        "`data.url`; `{uid}` stands for the booking's uid",
    )
    android_channel: str | None = setting(
        "CALBELL_ANDROID_CHANNEL",
        kinds.TEXT_OR_NONE,
        "default",
        "`channelId`, as the app has it; empty: the field is not sent",
    )
    sound: str | None = setting(
        "CALBELL_SOUND",
        kinds.TEXT_OR_NONE,
        "default",
        "`sound`, as the app has it; empty: the field is not sent",
    )
    request_category: str | None = setting(
        "CALBELL_REQUEST_CATEGORY",
        kinds.TEXT_OR_NONE,
        "calcom_booking_request_actions",
        "`categoryId` of booking requests, as the app has it; empty: the field is not sent",
    )
    texts_dir: Path | None = setting(
        "CALBELL_TEXTS_DIR",
        kinds.PATH,
        None,
        "a directory of files that replace texts, by language: `en.toml`, `de.toml`, `en-GB.toml` "
        "([texts.md](texts.md))",
    )
    spool_dir: Path | None = setting(
        "CALBELL_SPOOL_DIR",
        kinds.PATH,
        None,
        "where signed webhooks are kept while the database cannot take them; none: answer 503",
    )
    privacy: Privacy = setting(
        "CALBELL_PRIVACY",
        kinds.choice(Privacy),
        "full",
        "what a push may say; `no_names`: nobody's name or address, and no text that holds one; "
        '`minimal`: only that something happened ("You have a new booking")',
    )
    default_reminder_minutes: tuple[int, ...] = setting(
        "CALBELL_DEFAULT_REMINDER_MINUTES",
        kinds.several(kinds.whole(1, 40320)),
        "",
        "default of the users' preferences: reminders before the start (`10,60`)",
    )
    default_quiet_hours: tuple[time, time] | None = setting(
        "CALBELL_DEFAULT_QUIET_HOURS",
        kinds.HOURS,
        None,
        "default of the users' preferences, in each user's time zone",
    )
    rate_limit_api_key: int = setting(
        "CALBELL_RATE_LIMIT_API_KEY",
        kinds.whole(0, 1_000_000),
        "120",
        "requests per minute and credential on `/v2` and `/v1/me`; `0`: no limit",
    )
    retention: timedelta = setting(
        "CALBELL_RETENTION_DAYS",
        kinds.span(timedelta(days=1), 0, 3650),
        "30",
        "finished things are deleted this long after the booking's end, else after they finished",
    )
    callback_url: str | None = setting(
        "CALBELL_CALLBACK_URL",
        kinds.URL,
        None,
        "signed notices go there: `device.gone`, `notification.unreachable`, `project.held`",
    )
    callback_secret: Secret | None = setting(
        "CALBELL_CALLBACK_SECRET",
        kinds.secret(16),
        None,
        "signs those notices, which are not sent without it",
    )
    heartbeat_url: str | None = setting(
        "CALBELL_HEARTBEAT_URL", kinds.URL, None, "asked for every minute while all is well"
    )
    metrics_open: bool = setting(
        "CALBELL_METRICS_OPEN",
        kinds.SWITCH,
        "false",
        "`true`: `/metrics` without the operator's token",
    )
    log_format: LogFormat | None = setting(
        "CALBELL_LOG_FORMAT",
        kinds.choice(LogFormat),
        None,
        "logs on stderr; none: `console` on a terminal, else `json`",
    )
    log_level: LogLevel = setting(
        "CALBELL_LOG_LEVEL", kinds.choice(LogLevel), "info", "the least that is logged"
    )

    @override
    def __rich_repr__(self) -> list[tuple[str, Any]]:
        shown = {"database_url": kinds.DATABASE.show(self.database_url)}
        return [(name, shown.get(name, getattr(self, name))) for name in self.__struct_fields__]

    @override
    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


def check_together(settings: Settings) -> None:
    """A ConfigError where settings, each right by itself, do not fit each other."""
    timeout, lease = settings.expo_timeout.total_seconds(), settings.lease.total_seconds()
    if lease < 2 * timeout:
        raise ConfigError(
            f"CALBELL_LEASE_SECONDS={lease:g}: must be at least {2 * timeout:g}, "
            f"twice CALBELL_EXPO_TIMEOUT_SECONDS ({timeout:g})"
        )
    base, longest = settings.retry_base.total_seconds(), settings.retry_max.total_seconds()
    if longest < base:
        raise ConfigError(
            f"CALBELL_RETRY_MAX_SECONDS={longest:g}: must be at least "
            f"CALBELL_RETRY_BASE_SECONDS ({base:g})"
        )
    if settings.auto_connect is AutoConnect.USER and settings.public_url is None:
        raise ConfigError("CALBELL_AUTO_CONNECT=user: needs CALBELL_PUBLIC_URL, where webhooks go")
    if settings.auto_connect is AutoConnect.USER and AuthMethod.CALCOM not in settings.auth:
        raise ConfigError("CALBELL_AUTO_CONNECT=user: needs calcom in CALBELL_AUTH: its tokens")
    if settings.callback_url and not settings.callback_secret:
        raise ConfigError("CALBELL_CALLBACK_URL: needs CALBELL_CALLBACK_SECRET, which signs")
