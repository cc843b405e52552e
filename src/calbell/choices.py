"""The operator's choices: what the settings say, in the terms of the flows."""

from datetime import timedelta

from calbell.calcom.me import CalcomUser
from calbell.config import Admit, Settings, TokenOwnership
from calbell.config.texts import read_texts
from calbell.domain.backoff import Backoff
from calbell.domain.people import Role
from calbell.domain.plan import Rules
from calbell.domain.wording import Voice, texts_of
from calbell.flows.claim import Pace
from calbell.flows.compose import App
from calbell.flows.identify import Admission
from calbell.flows.surroundings import Policy

_ROLES = {"organizer": Role.ORGANIZER, "hosts": Role.HOST, "attendees": Role.ATTENDEE}


def policy_of(settings: Settings) -> Policy:
    """What the settings say about who is told what."""
    return Policy(
        Rules(
            roles=frozenset(_ROLES[name] for name in settings.recipients),
            reminders=tuple(timedelta(minutes=m) for m in settings.default_reminder_minutes),
        ),
        exclusive=settings.token_ownership is TokenOwnership.EXCLUSIVE,
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
    own = read_texts(settings.texts_dir) if settings.texts_dir else {}
    return App(
        settings.deep_link,
        settings.android_channel,
        settings.sound,
        settings.request_category,
        Voice(texts_of(own), settings.privacy),
    )


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
