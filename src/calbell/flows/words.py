"""Plain words for states, reasons and codes. What has no words here is shown as it is called."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from calbell.domain.booking import Status
from calbell.domain.delivery import DeliveryFact, DeliveryState, Withdrawal
from calbell.domain.holds import Held
from calbell.domain.notification import NotificationState, Suppression, Wait
from calbell.domain.subscription import Platform
from calbell.expo.words import in_words
from calbell.store.events import EventState

BOOKINGS: Final[Mapping[str, str]] = {
    Status.PENDING: "waits for somebody to confirm it",
    Status.ACCEPTED: "stands",
    Status.REJECTED: "was rejected",
    Status.CANCELLED: "was cancelled",
}
EVENTS: Final[Mapping[str, str]] = {
    EventState.TAKEN: "taken in",
    EventState.COPY: "told nothing new, so nobody is told again",
    EventState.IGNORED: "nothing follows from it",
    EventState.UNREADABLE: "could not be understood, is kept whole",
}
NOTIFICATIONS: Final[Mapping[str, str]] = {
    NotificationState.WAITING: "waits for its time",
    NotificationState.RELEASED: "given to the user's phones",
    NotificationState.SUPERSEDED: "not said: a later change made it pointless",
    NotificationState.SUPPRESSED: "not said",
    NotificationState.EXPIRED: "not said: it was out of date",
}
DELIVERIES: Final[Mapping[str, str]] = {
    DeliveryState.QUEUED: "waits to be sent",
    DeliveryState.SENDING: "on its way to Expo",
    DeliveryState.ACCEPTED: "accepted by Expo, not yet known further",
    DeliveryState.DELIVERED: "handed to Apple or Google; nothing later can be known",
    DeliveryState.FAILED: "refused for good",
    DeliveryState.UNREGISTERED: "the phone is gone",
    DeliveryState.WITHDRAWN: "not sent: no longer wanted",
    DeliveryState.EXPIRED: "not sent: it was out of date",
    DeliveryState.UNKNOWN: "may have arrived or not",
}
OUTCOMES: Final[Mapping[str, str]] = {
    "accepted": "accepted by Expo",
    "lost": "never reported on: the process that sent it stopped",
    DeliveryFact.PHONE_GONE: "the phone is gone",
    DeliveryFact.REFUSED: "refused for good",
    DeliveryFact.POSTPONED: "not sent, to be tried again",
    DeliveryFact.ANSWER_LOST: "the answer was lost: it may have been sent",
}
REFUSALS: Final[Mapping[str, str]] = {
    "no_signature": "it carried no signature",
    "bad_signature": "no secret here makes its signature",
    "no_secret_configured": "there was no secret to check it with",
    "unknown_source": "it came to an address that belongs to no webhook",
}
PLATFORMS: Final[Mapping[str, str]] = {Platform.IOS: "iOS", Platform.ANDROID: "Android"}
REASONS: Final[Mapping[str, str]] = {
    Suppression.NO_DEVICE: "the user has no phone that could be rung",
    Suppression.TOLD_TOGETHER: "it was told in one line with others of its kind",
    Suppression.NO_LONGER_TRUE: "it was no longer true at its time",
    Suppression.RESTORED: "it was due before the copy was made that serves since then",
    Suppression.SWITCHED_OFF: "the user has switched it off",
    Suppression.OWN_ACTION: "the user did it himself",
    Suppression.NEVER_HEARD: "it was booked and cancelled in the same quiet hours, unheard",
    Suppression.PLANNED_ANEW: "the user's wishes changed, and it was planned anew",
    Wait.QUIET_HOURS: "held for the user's quiet hours",
    Withdrawal.SUPERSEDED: "a later change made it pointless",
    Withdrawal.DEVICE_REMOVED: "the user removed the phone",
    Withdrawal.TAKEN_OVER: "another user has registered the phone since",
    Withdrawal.DEVICE_GONE: "the phone is gone",
    DeliveryFact.WENT_STALE: "it was out of date",
    "no_receipt": "Expo had no receipt for it",
    "no_words": "it could not be put into words: the log says why (`wording_failed`)",
}
"""Why, in words of our own."""


class Tally(Struct, frozen=True):
    """How many there are in one state."""

    state: str
    words: str
    number: int


def tallies(words: Mapping[str, str], counts: Mapping[str, int]) -> list[Tally]:
    """All states that have words, and then those that were counted without, each with its count."""
    states: Iterable[str] = {**words, **counts}
    return [Tally(str(state), said(state, words), counts.get(state, 0)) for state in states]


def said(value: str, words: Mapping[str, str]) -> str:
    """The words for the value; without any, the value's own name."""
    return words.get(value) or value.replace("_", " ")


def explained(code: str) -> str:
    """A reason or code in words; a code itself is named too, for those who look it up."""
    if code in REASONS:
        return REASONS[code]
    return in_words(code)


def held_back(held: Held) -> str:
    """Whose deliveries wait."""
    whose = "every project" if held.everything else held.project or "projects not known yet"
    return whose if held.platform is None else f"{whose}, {held.platform}"


def titled(name: str) -> str:
    """`BOOKING_SEAT_CANCELLED` as a heading says it: Booking seat cancelled."""
    return name.replace("_", " ").capitalize()


def utc(at: datetime) -> str:
    """The time to the second, with its zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def stamp(at: datetime) -> str:
    """The time for a program to read."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def span(time: timedelta) -> str:
    """How long, in its two largest units."""
    seconds = max(int(time.total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def short_span(time: timedelta) -> str:
    """How long, where it may be very short."""
    milliseconds = max(time // timedelta(milliseconds=1), 0)
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 60_000 else span(time)
