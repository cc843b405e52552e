"""Payloads: what the booking in a webhook is, in the domain's words.

Only what an event cannot do without is demanded; whatever else is missing or has another type was
not said. Who of the people named is a user, and the traps in it: cal-webhooks.md section 8.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from calbell.calcom.json_fields import (
    NO_FIELDS,
    Fields,
    address,
    fields,
    items,
    moment,
    positive,
    text,
)
from calbell.domain.booking import is_provider
from calbell.domain.events import BookingEvent, EventKind, Fact, Payment, TimeSpan
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent

LONGEST_UID: Final = 255
"""In bytes of UTF-8: it stands twice in a push of 4096 bytes, once percent-encoded."""
_NEED_TIMES: Final = frozenset({EventKind.REQUESTED, EventKind.CREATED, EventKind.RESCHEDULED})
_ENDS: Final = frozenset({EventKind.CANCELLED, EventKind.REJECTED})
_CURRENCY: Final = re.compile("[A-Za-z]{3}")
_ASKS_TO_RESCHEDULE: Final = "Please reschedule."


class Lack(Struct, frozen=True):
    """What keeps a payload from being an event, in words without any of its values."""

    reason: str


def booking_event(
    kind: EventKind, payload: Fields, sent_at: datetime, fact_kind: PushEvent | None = None
) -> BookingEvent | Lack:
    """The event that the payload tells of; `fact_kind` is the news that an event of the kind `TOLD`
    carries.

    It needs a uid and, where a booking begins or moves, a start and an end.
    """
    uid = _uid(payload)
    if isinstance(uid, Lack):
        return uid
    times = _span(payload, "startTime", "endTime")
    if isinstance(times, Lack) and kind in _NEED_TIMES:
        return times
    asks_to_reschedule = kind is EventKind.CANCELLED and payload.get("requestReschedule") is True
    organizer = _organizer(payload, asks_to_reschedule)
    old_uid, old_times = _replaced(kind, payload)
    return BookingEvent(
        kind=kind,
        uid=uid,
        sent_at=sent_at,
        title=text(payload.get("title")),
        times=times if isinstance(times, TimeSpan) else None,
        place=_place(kind, payload),
        organizer=organizer,
        hosts=_hosts(kind, payload, organizer),
        attendees=_attendees(payload),
        seats=positive(payload.get("seatsPerTimeSlot")),
        old_uid=old_uid,
        old_times=old_times,
        actor=_actor(kind, payload),
        reason=_reason(kind, payload, asks_to_reschedule),
        asks_to_reschedule=asks_to_reschedule,
        is_of_a_series=fields(payload.get("recurringEvent")) is not None,
        fact=_fact(fact_kind, uid, payload) if fact_kind is not None else None,
    )


def _fact(kind: PushEvent, uid: str, payload: Fields) -> Fact:
    """A payment is told once for its id; what else there is, once for each booking."""
    if kind is not PushEvent.PAYMENT_RECEIVED:
        return Fact(key=uid, kind=kind)
    payment_id = positive(payload.get("paymentId"))
    return Fact(
        key=uid if payment_id is None else str(payment_id), kind=kind, payment=_payment(payload)
    )


def _payment(payload: Fields) -> Payment | None:
    amount, currency = positive(payload.get("price")), text(payload.get("currency"))
    if amount is None or currency is None or _CURRENCY.fullmatch(currency) is None:
        return None
    return Payment(amount, currency.upper())


def _uid(payload: Fields) -> str | Lack:
    said = payload.get("uid")
    if said is None:
        return Lack("uid is missing")
    if not isinstance(said, str):
        return Lack("uid is not a text")
    uid = text(said)
    if uid is None:
        return Lack("uid is blank")
    if len(uid.encode()) > LONGEST_UID:
        return Lack(f"uid is longer than {LONGEST_UID} bytes")
    return uid


def _span(payload: Fields, start: str, end: str) -> TimeSpan | Lack:
    start_at, end_at = moment(payload.get(start)), moment(payload.get(end))
    if start_at is None:
        return _no_time(payload, start)
    if end_at is None:
        return _no_time(payload, end)
    if end_at < start_at:
        return Lack(f"{end} is before {start}")
    return TimeSpan(start_at, end_at)


def _no_time(payload: Fields, name: str) -> Lack:
    return Lack(f"{name} is missing" if payload.get(name) is None else f"{name} is not a time")


def _place(kind: EventKind, payload: Fields) -> str | None:
    """Where it is. News of something else that only names who provides the place says nothing: its
    payload has no `videoCallUrl`, and the address that is known would be lost."""
    metadata = fields(payload.get("metadata")) or NO_FIELDS
    place = text(metadata.get("videoCallUrl")) or text(payload.get("location"))
    if kind is EventKind.TOLD and place is not None and is_provider(place):
        return None
    return place


def _organizer(payload: Fields, asks_to_reschedule: bool) -> Person | None:
    """Where a host asks to reschedule, only the address is the organizer's: id and name are those
    of whoever pressed the button."""
    said = fields(payload.get("organizer")) or NO_FIELDS
    if asks_to_reschedule:
        email = address(said.get("email"))
        return Person(email) if email else None
    return _user(said)


def _user(said: Fields) -> Person | None:
    """A person who is named as a user: an id is enough, the address may be missing."""
    email, user_id = address(said.get("email")), positive(said.get("id"))
    if email is None and user_id is None:
        return None
    return Person(email or "", text(said.get("name")) or "", user_id)


def _guest(said: Fields) -> Person | None:
    """A person who is named by his address: an id would be that of his row as an attendee."""
    email = address(said.get("email"))
    return Person(email, text(said.get("name")) or "") if email else None


def _hosts(kind: EventKind, payload: Fields, organizer: Person | None) -> tuple[Person, ...] | None:
    """The hosts beside the organizer. An empty list says nothing: several payloads always have
    one. Where the booking ends, the members are rows of attendees."""
    team = fields(payload.get("team")) or NO_FIELDS
    members = items(team.get("members")) or ()
    read = _guest if kind in _ENDS else _user
    hosts = each_once(person for member in members if (person := read(member)))
    if organizer is not None:
        hosts = tuple(host for host in hosts if not _is_same(host, organizer))
    return hosts or None


def _is_same(one: Person, other: Person) -> bool:
    if one.user_id is not None and other.user_id is not None:
        return one.user_id == other.user_id
    return one.email != "" and one.email == other.email


def _attendees(payload: Fields) -> tuple[Person, ...] | None:
    """Who attends. No booking is without attendees: a list that names nobody says nothing."""
    said = items(payload.get("attendees")) or ()
    return each_once(person for attendee in said if (person := _guest(attendee))) or None


def each_once(people: Iterable[Person]) -> tuple[Person, ...]:
    """In the order in which they are named first."""
    firsts: dict[str | int | None, Person] = {}
    for person in people:
        firsts.setdefault(person.email or person.user_id, person)
    return tuple(firsts.values())


def _replaced(kind: EventKind, payload: Fields) -> tuple[str | None, TimeSpan | None]:
    """The booking that this one replaces and its times. Only one that begins or moves does."""
    if kind not in _NEED_TIMES:
        return None, None
    uid = text(payload.get("rescheduleUid"))
    times = _span(payload, "rescheduleStartTime", "rescheduleEndTime")
    return (
        uid if uid and len(uid.encode()) <= LONGEST_UID else None,
        times if isinstance(times, TimeSpan) else None,
    )


def _actor(kind: EventKind, payload: Fields) -> str | None:
    match kind:
        case EventKind.CANCELLED:
            return address(payload.get("cancelledBy"))
        case EventKind.RESCHEDULED | EventKind.REQUESTED:
            return address(payload.get("rescheduledBy"))
        case EventKind.CREATED | EventKind.REJECTED | EventKind.TOLD:
            return None


def _reason(kind: EventKind, payload: Fields, asks_to_reschedule: bool) -> str | None:
    match kind:
        case EventKind.CANCELLED:
            reason = text(payload.get("cancellationReason"))
            if reason is not None and asks_to_reschedule:
                return text(reason.removeprefix(_ASKS_TO_RESCHEDULE))
            return reason
        case EventKind.REJECTED:
            return text(payload.get("rejectionReason"))
        case EventKind.RESCHEDULED | EventKind.REQUESTED:
            responses = fields(payload.get("responses")) or NO_FIELDS
            answer = fields(responses.get("rescheduleReason")) or NO_FIELDS
            return text(payload.get("rescheduleReason")) or text(answer.get("value"))
        case EventKind.CREATED | EventKind.TOLD:
            return None
