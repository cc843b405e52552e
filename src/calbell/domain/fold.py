"""Folding: what one more event makes of what is known of a booking.

The fold makes copies, late and out-of-order events harmless: a status only climbs, every detail
follows the newest event that named it, and what is told follows from what changed, not from the
wording of the event (interface.md section 5).
"""

from datetime import datetime
from typing import TypeVar

from msgspec import Struct, json, structs

from calbell.domain.booking import Booking, Change, Status
from calbell.domain.events import BookingEvent, EventKind
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent

T = TypeVar("T")

_STATUS = {
    EventKind.REQUESTED: Status.PENDING,
    EventKind.CREATED: Status.ACCEPTED,
    EventKind.RESCHEDULED: Status.ACCEPTED,
    EventKind.CANCELLED: Status.CANCELLED,
    EventKind.REJECTED: Status.REJECTED,
}
_NEWS = {
    Status.PENDING: PushEvent.BOOKING_REQUESTED,
    Status.ACCEPTED: PushEvent.BOOKING_CONFIRMED,
    Status.REJECTED: PushEvent.BOOKING_REJECTED,
    Status.CANCELLED: PushEvent.BOOKING_CANCELLED,
}


class Fold(Struct, frozen=True):
    """A booking after an event, and what the event changed about it.

    Without `changes` there is nothing to tell; `is_copy` says that there was nothing new either.
    """

    booking: Booking
    changes: tuple[Change, ...]
    is_copy: bool


def fold(booking: Booking, event: BookingEvent) -> Fold:
    """Take one event into its booking. Both must have the same uid."""
    if _gives_up_one_seat(booking, event):
        return _leave(booking, event)
    after = _observe(booking, event)
    return _versioned(booking, after, _changes(booking, after, event))


def replace(booking: Booking, event: BookingEvent) -> Fold:
    """The booking after the event, which is about another uid, moved it there. The first move
    counts; it is told about under the new uid.

    Where somebody moves only his own seat, the booking goes on for the others.
    """
    if booking.replaced_by_uid is not None:
        return Fold(booking, (), True)
    moved = {attendee.email for attendee in event.attendees or ()}
    stays = tuple(a for a in booking.attendees if a.email not in moved)
    if booking.seats is not None and moved and stays:
        left = {f"seat:{email}": event.sent_at for email in moved}
        observed = {**booking.observed, **left}
        return _versioned(booking, structs.replace(booking, attendees=stays, observed=observed), ())
    return _versioned(booking, structs.replace(booking, replaced_by_uid=event.uid), ())


def _versioned(before: Booking, after: Booking, changes: tuple[Change, ...]) -> Fold:
    if structs.replace(after, observed=before.observed) == before:
        return Fold(after, (), True)
    return Fold(structs.replace(after, version=before.version + 1), changes, False)


def _changes(before: Booking, after: Booking, event: BookingEvent) -> tuple[Change, ...]:
    if before.is_over:
        return ()
    if after.status is not before.status:
        return (_climb(after, event),)
    if before.times is not None and after.times != before.times:
        moved = PushEvent.BOOKING_RESCHEDULED
        return (Change(kind=moved, old_times=before.times, reason=event.reason, actor=event.actor),)
    if after.seats is not None:
        known = {attendee.email for attendee in before.attendees}
        return tuple(
            Change(kind=_NEWS[_STATUS[event.kind]], attendee=attendee)
            for attendee in after.attendees
            if attendee.email not in known
        )
    return ()


def _climb(after: Booking, event: BookingEvent) -> Change:
    assert after.status is not None
    kind, old_times = _NEWS[after.status], None
    if after.status is Status.ACCEPTED and event.kind is EventKind.RESCHEDULED:
        kind, old_times = PushEvent.BOOKING_RESCHEDULED, event.old_times
    if after.status is Status.CANCELLED and event.asks_to_reschedule:
        kind = PushEvent.BOOKING_RESCHEDULE_REQUESTED
    return Change(kind=kind, old_times=old_times, reason=event.reason, actor=event.actor)


def _observe(booking: Booking, event: BookingEvent) -> Booking:
    """Every detail as the newest event that named it said."""
    observed = dict(booking.observed)
    at = event.sent_at

    def newest(detail: str, known: T, said: T | None) -> T:
        if said is None:
            return known
        seen_at = observed.get(detail)
        if seen_at is None or at > seen_at or (at == seen_at and _outranks(said, known)):
            observed[detail] = at
            return said
        return known

    said = _STATUS[event.kind]
    climbs = booking.status is None or said.rank > booking.status.rank
    seats = newest("seats", booking.seats, event.seats)
    return structs.replace(
        booking,
        status=said if climbs else booking.status,
        title=newest("title", booking.title, event.title),
        times=newest("times", booking.times, event.times),
        place=newest("place", booking.place, event.place),
        organizer=_organizer(booking, event, observed),
        hosts=newest("hosts", booking.hosts, event.hosts),
        attendees=(
            newest("attendees", booking.attendees, event.attendees)
            if seats is None
            else _seated(booking, event, observed)
        ),
        seats=seats,
        observed=observed,
    )


def _outranks(one: object, other: object) -> bool:
    """Decides between two events of the same instant, in whatever order they arrive."""
    return json.encode(one) > json.encode(other)


def _organizer(
    booking: Booking, event: BookingEvent, observed: dict[str, datetime]
) -> Person | None:
    """Whoever is named with a user's id is believed before one who is not: some payloads name the
    organizer by an address alone (cal-webhooks.md section 8)."""
    known, said = booking.organizer, event.organizer
    if said is None:
        return known
    if known is not None and known.user_id is not None and said.user_id is None:
        return known
    seen_at = observed.get("organizer")
    gains_an_id = known is None or (known.user_id is None and said.user_id is not None)
    if not gains_an_id and seen_at is not None:
        if event.sent_at < seen_at:
            return known
        if event.sent_at == seen_at and not _outranks(said, known):
            return known
    observed["organizer"] = event.sent_at
    return said


def _seated(
    booking: Booking, event: BookingEvent, observed: dict[str, datetime]
) -> tuple[Person, ...]:
    """The attendees of all seats: those known and those this event adds, but nobody who gave his
    seat up later than the event that names him."""
    people = {attendee.email: attendee for attendee in booking.attendees}
    for attendee in event.attendees or ():
        seat = f"seat:{attendee.email}"
        seen_at = observed.get(seat)
        if seen_at is None or event.sent_at > seen_at:
            people.setdefault(attendee.email, attendee)
            observed[seat] = event.sent_at
    return tuple(people.values())


def _gives_up_one_seat(booking: Booking, event: BookingEvent) -> bool:
    """A cancellation that lists one attendee of a booking with seats is a seat's, if at least two
    attendees are known; else the booking's."""
    seats = event.seats if event.seats is not None else booking.seats
    return (
        event.kind is EventKind.CANCELLED
        and not event.asks_to_reschedule
        and seats is not None
        and event.attendees is not None
        and len(event.attendees) == 1
        and len({a.email for a in booking.attendees} | {a.email for a in event.attendees}) >= 2
    )


def _leave(booking: Booking, event: BookingEvent) -> Fold:
    """The booking without the attendee who gave up his seat; it goes on for the others."""
    assert event.attendees is not None
    leaving = event.attendees[0]
    seat = f"seat:{leaving.email}"
    since = booking.observed.get(seat)
    if since is not None and event.sent_at < since:
        return Fold(booking, (), True)
    stays = tuple(a for a in booking.attendees if a.email != leaving.email)
    after = structs.replace(
        booking, attendees=stays, observed={**booking.observed, seat: event.sent_at}
    )
    told = stays != booking.attendees and not booking.is_over
    change = Change(
        kind=PushEvent.BOOKING_SEAT_CANCELLED,
        reason=event.reason,
        actor=event.actor,
        attendee=leaving,
    )
    return _versioned(booking, after, (change,) if told else ())
