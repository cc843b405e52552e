"""The plain form of `/v1/events`: what any system may tell of a booking, by the name of the news
(interface.md section 5).

What is told is a fact, said once for its key; what the body says of the booking beside it is
observed as from any other source.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from calbell.api.answers import Problem, bad_request
from calbell.api.operator_input import LARGEST, Id, in_words
from calbell.api.plain_said import Address, Currency, Kind, Moment, Said, Standing, Text, Uid
from calbell.calcom.json_fields import Fields
from calbell.domain.booking import Status
from calbell.domain.events import BookingEvent, EventKind, Fact, Payment, TimeSpan
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent

_OF_STATUS: Final = {
    Status.PENDING: EventKind.REQUESTED,
    Status.ACCEPTED: EventKind.CREATED,
    Status.REJECTED: EventKind.REJECTED,
    Status.CANCELLED: EventKind.CANCELLED,
}
_OF_NEWS: Final = {
    PushEvent.BOOKING_REQUESTED: EventKind.REQUESTED,
    PushEvent.BOOKING_CONFIRMED: EventKind.CREATED,
    PushEvent.BOOKING_RESCHEDULED: EventKind.RESCHEDULED,
    PushEvent.BOOKING_CANCELLED: EventKind.CANCELLED,
    PushEvent.BOOKING_RESCHEDULE_REQUESTED: EventKind.CANCELLED,
    PushEvent.BOOKING_REJECTED: EventKind.REJECTED,
}
"""What news says of the booking's status where the body does not. Other news says nothing of it."""


class PlainPerson(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody who is named by his address."""

    email: Address
    name: Text | None = None


class PlainUser(PlainPerson, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An organizer or a host; `id` is the user's at Cal.com."""

    id: Id | None = None


class PlainAttendee(PlainPerson, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who attends. `seat`, true or the seat's own reference, marks whose seat the news is about."""

    seat: bool | str | None = None


class PlainBooking(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The booking as it is now. `seats` is how many people may book it, where several may."""

    uid: Uid
    title: Text
    start: Moment
    end: Moment
    organizer: PlainUser
    hosts: Annotated[tuple[PlainUser, ...], Meta(max_length=1000)] = ()
    attendees: Annotated[tuple[PlainAttendee, ...], Meta(max_length=1000)] = ()
    status: Standing | None = None
    location: Text | None = None
    seats: Annotated[int, Meta(ge=1, le=LARGEST)] | None = None


class PlainOld(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was before the news."""

    start: Moment | None = None
    end: Moment | None = None
    location: Text | None = None
    organizer: PlainUser | None = None


class PlainPayment(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was paid, in the minor unit of the currency."""

    amount: Annotated[int, Meta(ge=0, lt=10**15)]
    currency: Currency


class PlainEvent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """The body. `added` are those who have joined."""

    event: Kind
    booking: PlainBooking
    occurred_at: Moment | None = None
    actor: Address | None = None
    old: PlainOld | None = None
    reason: Text | None = None
    payment: PlainPayment | None = None
    added: Annotated[tuple[PlainPerson, ...], Meta(max_length=100)] = ()


def read(said: Fields, key: str, now: datetime) -> BookingEvent | Problem:
    """The event that the body tells, as a fact with this key; or what is wrong with the body, by
    the field's name and without its value.

    It counts as sent when it occurred, but never later than now.
    """
    try:
        plain = msgspec.convert(said, PlainEvent, dec_hook=_read)
    except msgspec.ValidationError as error:
        return bad_request(in_words(error))
    except UnicodeEncodeError:
        return bad_request("the name of a field cannot be read")
    booking, old = plain.booking, plain.old or PlainOld()
    times = _span(booking.start, booking.end, "booking")
    if isinstance(times, Problem):
        return times
    old_times = _old_span(old)
    if isinstance(old_times, Problem):
        return old_times
    kind, organizer = PushEvent(plain.event), _person(booking.organizer)
    seats, attendees = _seated(booking)
    return BookingEvent(
        kind=EventKind.TOLD,
        uid=str(booking.uid),
        sent_at=min(plain.occurred_at.at, now) if plain.occurred_at else now,
        title=_text(booking.title),
        times=times,
        place=_text(booking.location),
        organizer=organizer,
        hosts=_hosts(booking.hosts, organizer),
        attendees=attendees,
        seats=seats,
        old_times=old_times,
        actor=_text(plain.actor),
        reason=_text(plain.reason),
        asks_to_reschedule=kind is PushEvent.BOOKING_RESCHEDULE_REQUESTED,
        fact=Fact(
            key=key,
            kind=kind,
            payment=_payment(plain.payment),
            added=_each_once(map(_person, plain.added)),
            old_place=_text(old.location),
            old_organizer=_person(old.organizer) if old.organizer else None,
        ),
        status_kind=_OF_STATUS[Status(booking.status)] if booking.status else _OF_NEWS.get(kind),
    )


def _read(form: type, value: object) -> Said:
    if not issubclass(form, Said):
        raise NotImplementedError(form)
    return form.read(value)


def _text(said: Said | None) -> str | None:
    return str(said) if said else None


def _span(start: Moment, end: Moment, where: str) -> TimeSpan | Problem:
    if end.at < start.at:
        return bad_request(f"{where}.end: before {where}.start")
    return TimeSpan(start.at, end.at)


def _old_span(old: PlainOld) -> TimeSpan | Problem | None:
    if old.start is None and old.end is None:
        return None
    if old.start is None:
        return bad_request("old.start: missing beside old.end")
    if old.end is None:
        return bad_request("old.end: missing beside old.start")
    return _span(old.start, old.end, "old")


def _person(said: PlainPerson) -> Person:
    user_id = said.id if isinstance(said, PlainUser) else None
    return Person(str(said.email), _text(said.name) or "", user_id)


def _hosts(said: Sequence[PlainUser], organizer: Person) -> tuple[Person, ...] | None:
    """The hosts beside the organizer. As in webhooks, an empty list says nothing."""
    hosts = _each_once((organizer, *map(_person, said)))[1:]
    return tuple(h for h in hosts if h.user_id is None or h.user_id != organizer.user_id) or None


def _seated(booking: PlainBooking) -> tuple[int | None, tuple[Person, ...] | None]:
    """How many seats there are, and the attendees whom the news concerns: the only one whose seat
    is marked, else all. An empty list says nothing.

    Where a seat is marked there are seats, also if nobody says how many: at least those of the
    attendees.
    """
    marked = [attendee for attendee in booking.attendees if attendee.seat]
    if len(marked) == 1:
        seats = booking.seats or len(booking.attendees)
        return seats, (_person(marked[0]),)
    return booking.seats, _each_once(map(_person, booking.attendees)) or None


def _each_once(people: Iterable[Person]) -> tuple[Person, ...]:
    """In the order in which their addresses are named first."""
    firsts: dict[str, Person] = {}
    for person in people:
        firsts.setdefault(person.email, person)
    return tuple(firsts.values())


def _payment(said: PlainPayment | None) -> Payment | None:
    return Payment(said.amount, str(said.currency)) if said else None
