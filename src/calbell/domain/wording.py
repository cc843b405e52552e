"""Wording: what a push says to its reader, from the facts of the notification.

In the reader's time zone and 12/24-hour habit. Times are absolute, so that nothing is false when
it is read an hour later.
"""

import re
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton
from msgspec import Struct

from calbell.domain.events import TimeSpan
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent

LONGEST_TITLE = 160
LONGEST_NAME = 100
LONGEST_PLACE = 200
LONGEST_REASON = 300
"""In UTF-8 bytes. What strangers wrote can so never fill a push of 4096 bytes."""


class Reader(Struct, frozen=True):
    """Who reads: his role, IANA time zone, locale and 12- or 24-hour habit."""

    role: Role
    time_zone: str
    locale: str
    time_format: int


class Words(Struct, frozen=True):
    """What the lock screen shows."""

    title: str
    body: str


_TITLES = {
    PushEvent.BOOKING_REQUESTED: "Booking Requested",
    PushEvent.BOOKING_REQUEST_REMINDER: "Booking Request Waiting",
    PushEvent.BOOKING_CONFIRMED: "Booking Confirmed",
    PushEvent.BOOKING_REJECTED: "Booking Rejected",
    PushEvent.BOOKING_RESCHEDULED: "Booking Rescheduled",
    PushEvent.BOOKING_RESCHEDULE_REQUESTED: "Reschedule Requested",
    PushEvent.BOOKING_CANCELLED: "Booking Cancelled",
    PushEvent.BOOKING_LOCATION_CHANGED: "Booking Location Changed",
    PushEvent.BOOKING_REASSIGNED: "Booking Reassigned",
    PushEvent.BOOKING_ATTENDEE_ADDED: "Attendee Added",
    PushEvent.BOOKING_GUESTS_ADDED: "Guests Added",
    PushEvent.BOOKING_SEAT_CANCELLED: "Seat: Booking Cancelled",
    PushEvent.PAYMENT_RECEIVED: "Payment Received",
    PushEvent.BOOKING_PROPOSAL_REQUESTED: "New Time Proposed",
    PushEvent.RECORDING_READY: "Recording Ready",
    PushEvent.TRANSCRIPT_READY: "Transcript Ready",
    PushEvent.CAL_EVENT_NEW_REGISTRATION: "New Registration",
    PushEvent.CAL_EVENT_PENDING_REGISTRATION: "Registration Pending",
    PushEvent.BOOKING_REMINDER: "Upcoming Booking",
}


def words(kind: PushEvent, facts: BookingFacts, reader: Reader) -> Words:
    """The title is a short label of the event; the body says what, with whom, when (and when
    before), where and why, as far as is known."""
    lines = [
        _what(facts, reader.role),
        _when(facts, reader),
        _said(facts.place, LONGEST_PLACE) if kind in _SAYS_WHERE else "",
        _said(facts.reason, LONGEST_REASON, 'Reason: "{}"'),
    ]
    return Words(_TITLES[kind], "\n".join(line for line in lines if line))


_SAYS_WHERE = frozenset(
    {
        PushEvent.BOOKING_CONFIRMED,
        PushEvent.BOOKING_LOCATION_CHANGED,
        PushEvent.BOOKING_REMINDER,
        PushEvent.BOOKING_RESCHEDULED,
    }
)


def _what(facts: BookingFacts, role: Role) -> str:
    title = clean(facts.title, LONGEST_TITLE) or "Booking"
    other = _other_side(facts, role)
    if other is None:
        return title
    name = clean(other.name, LONGEST_NAME) or clean(other.email, LONGEST_NAME)
    return f"{title} with {name}" if name and not _mentions(title, name) else title


def _mentions(title: str, name: str) -> bool:
    """Whether all words of the name stand in the title, next to each other: Ann is not in a
    planning."""
    return _spelled(name) in _spelled(title)


def _spelled(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _other_side(facts: BookingFacts, role: Role) -> Person | None:
    if role is Role.ATTENDEE:
        return facts.organizer
    if facts.attendee is not None:
        return facts.attendee
    return facts.attendees[0] if facts.attendees else None


def _when(facts: BookingFacts, reader: Reader) -> str:
    if facts.times is None:
        return ""
    now = span(facts.times, reader.time_zone, reader.locale, reader.time_format)
    if facts.old_times is None or facts.old_times == facts.times:
        return now
    before = span(facts.old_times, reader.time_zone, reader.locale, reader.time_format)
    return f"{now} (was {before})"


def _said(text: str | None, longest: int, form: str = "{}") -> str:
    if text is None or text.startswith("integrations:"):
        return ""
    cleaned = clean(text, longest)
    return form.format(cleaned) if cleaned else ""


@lru_cache(maxsize=4096)
def span(times: TimeSpan, time_zone: str, locale: str, time_format: int) -> str:
    """From when to when, in the reader's zone: `Tue, Nov 24, 10:00 – 10:30`; the day is said twice
    only where the end is on another one."""
    zone, tongue = _zone(time_zone), _locale(locale)
    start_at, end_at = times.start_at.astimezone(zone), times.end_at.astimezone(zone)
    day, clock = "MMMEd", "hm" if time_format == 12 else "Hm"

    def said(at: datetime, skeleton: str) -> str:
        return format_skeleton(skeleton, at, locale=tongue).replace("\u202f", " ")

    start = f"{said(start_at, day)}, {said(start_at, clock)}"
    if start_at.date() == end_at.date():
        return f"{start} – {said(end_at, clock)}"
    return f"{start} – {said(end_at, day)}, {said(end_at, clock)}"


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=256)
def _locale(name: str) -> Locale:
    try:
        tongue = Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
    return tongue if tongue.language == "en" else Locale("en")


_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"\w+")
_JOINERS = "\u200c\u200d"
"""They hold emoji and some scripts together, and cannot be seen by themselves."""


def _is_harmless(char: str) -> bool:
    # An emoji may be younger than what this Python knows of Unicode.
    young_emoji = "\U0001f000" <= char <= "\U0001faff"
    return char.isprintable() or char.isspace() or char in _JOINERS or young_emoji


def clean(text: str, longest: int) -> str:
    """Text of a stranger on one line, without control and direction characters, cut to `longest`
    bytes of UTF-8 with an ellipsis."""
    visible = text if text.isprintable() else "".join(filter(_is_harmless, text))
    line = _SPACE.sub(" ", visible).strip(" " + _JOINERS)
    raw = line.encode()
    if len(raw) <= longest:
        return line
    return raw[: longest - 3].decode(errors="ignore").rstrip(" " + _JOINERS) + "…"
