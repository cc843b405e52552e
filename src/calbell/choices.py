"""The operator's choices: what the settings say, in the terms of the flows."""

from datetime import datetime, timedelta

from calbell.calcom.me import CalcomUser
from calbell.config import Admit, ConfigError, Settings, TokenOwnership
from calbell.config.languages import read_languages
from calbell.config.texts import read_texts
from calbell.domain.backoff import Backoff
from calbell.domain.people import Role
from calbell.domain.plan import Rules
from calbell.domain.quiet_hours import QuietHours
from calbell.domain.wording import Voice, texts_of
from calbell.flows.claim import Pace
from calbell.flows.compose import App
from calbell.flows.identify import Admission
from calbell.flows.spool import Spool
from calbell.flows.surroundings import Policy

_ROLES = {"organizer": Role.ORGANIZER, "hosts": Role.HOST, "attendees": Role.ATTENDEE}


def policy_of(settings: Settings) -> Policy:
    """What the settings say about who is told what."""
    hours = settings.default_quiet_hours
    return Policy(
        Rules(
            roles=frozenset(_ROLES[name] for name in settings.recipients),
            reminders=tuple(timedelta(minutes=m) for m in settings.default_reminder_minutes),
            quiet_hours=None if hours is None else QuietHours(start=hours[0], end=hours[1]),
            privacy=settings.privacy,
        ),
        exclusive=settings.token_ownership is TokenOwnership.EXCLUSIVE,
        gives_notice=settings.callback_url is not None,
    )


def pace_of(settings: Settings) -> Pace:
    """What the settings say about how fast to send."""
    return Pace(
        rate=settings.expo_rate_limit,
        requests=settings.expo_max_concurrency,
        lease=settings.lease,
        backoff=Backoff(settings.retry_base, settings.retry_max),
        receipt_delay=settings.receipt_delay,
    )


def app_of(settings: Settings) -> App:
    """What the settings say about the mobile app and what it is told. `ConfigError` where the
    operator's own texts are not good any more."""
    languages = read_languages()
    own = read_texts(settings.texts_dir, languages) if settings.texts_dir else {}
    return App(
        settings.deep_link,
        settings.android_channel,
        settings.sound,
        settings.request_category,
        Voice(texts_of(own, languages), settings.privacy),
    )


def spool_of(settings: Settings) -> Spool | None:
    """What the settings say about where webhooks wait while the database cannot take them."""
    return None if settings.spool_dir is None else Spool(settings.spool_dir)


def require_spool(settings: Settings, now: datetime) -> None:
    """A `ConfigError` where webhooks are to wait in a folder that cannot be written."""
    spool = spool_of(settings)
    try:
        if spool is not None:
            spool.prepare(now)
    except OSError as error:
        raise ConfigError(
            f"CALBELL_SPOOL_DIR={settings.spool_dir}: must be a folder that can be written: "
            f"{error.strerror}"
        ) from None


def admission_of(settings: Settings) -> Admission:
    """What the settings say about whom of Cal.com's users may register here."""
    admit = settings.admit

    def admits(user: CalcomUser, is_known: bool) -> bool:
        match admit:
            case Admit.ANY:
                return True
            case Admit.KNOWN:
                return is_known
            case organizations:
                return user.organization_id in organizations

    return admits
