"""Seats: who has one in a booking that several people book separately.

When each seat was last taken or given up is kept in what was observed of the booking, so that the
order in which that is heard does not matter, as long as every event says that there are seats.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec import structs

from calbell.domain.booking import Booking
from calbell.domain.events import BookingEvent, EventKind
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent

_ALWAYS = datetime.min.replace(tzinfo=UTC)


def freed(booking: Booking, event: BookingEvent) -> Person | None:
    """Who gives his seat up by the event: the only one whom a cancellation names, of a booking with
    seats."""
    gives_up = (
        event.fact.kind is PushEvent.BOOKING_SEAT_CANCELLED
        if event.fact is not None
        else event.kind is EventKind.CANCELLED and not event.asks_to_reschedule
    )
    has_seats = booking.seats is not None or event.seats is not None
    if gives_up and has_seats and event.attendees is not None and len(event.attendees) == 1:
        return event.attendees[0]
    return None


def taken(booking: Booking, event: BookingEvent) -> Booking:
    """The booking with seats after the event took or freed some of them.

    Facts take none: the event that tells of the seat itself would find it taken.
    """
    leaving = freed(booking, event)
    if leaving is not None:
        return _without(booking, (leaving,), event, "seat_cancelled")
    if event.fact is not None and event.status_kind is None:
        return booking
    observed = dict(booking.observed)
    people = {attendee.email: attendee for attendee in booking.attendees}
    for attendee in event.attendees or ():
        seat = f"seat:{attendee.email}"
        seen_at = observed.get(seat)
        if seen_at is None or event.sent_at > seen_at:
            people[attendee.email] = attendee
            observed[seat] = event.sent_at
    return _seating(booking, people.values(), observed)


def moved_to(booking: Booking, event: BookingEvent) -> Booking:
    """The booking after its event moved it, or those whom the event names, to another uid."""
    observed = {**booking.observed}
    moved = f"moved:{event.uid}"
    observed[moved] = min(event.sent_at, observed.get(moved, event.sent_at))
    seats = booking.seats if booking.seats is not None else event.seats
    booking = structs.replace(booking, seats=seats, observed=observed)
    if seats is not None and event.attendees:
        booking = _without(booking, event.attendees, event, moved)
    return structs.replace(booking, replaced_by_uid=moved_away(booking))


def moved_away(booking: Booking) -> str | None:
    """The uid to which the booking was moved first, unless somebody still has a seat in it."""
    if booking.seats is not None and booking.attendees:
        return None
    moves = sorted((at, uid) for uid, at in moves_of(booking))
    return moves[0][1] if moves else booking.replaced_by_uid


def seated(before: Booking, after: Booking) -> Iterator[Person]:
    """Who got a seat."""
    known = {attendee.email for attendee in before.attendees}
    return (attendee for attendee in after.attendees if attendee.email not in known)


def moves_of(booking: Booking) -> Iterator[tuple[str, datetime]]:
    """The uids of the bookings that took its place, or somebody's in it, and since when."""
    for name, at in booking.observed.items():
        if name.startswith("moved:"):
            yield name.removeprefix("moved:"), at


def _without(
    booking: Booking, leaving: tuple[Person, ...], event: BookingEvent, why: str
) -> Booking:
    """The booking without these people, unless they took their seats again later."""
    observed = dict(booking.observed)
    observed.setdefault(why, event.sent_at)
    gone = set[str]()
    for person in leaving:
        seat = f"seat:{person.email}"
        if (since := observed.get(seat)) is None or event.sent_at >= since:
            observed[seat] = event.sent_at
            gone.add(person.email)
    return _seating(
        booking, (person for person in booking.attendees if person.email not in gone), observed
    )


def _seating(booking: Booking, people: Iterable[Person], observed: dict[str, datetime]) -> Booking:
    """The booking with these people in its seats, in the order in which they took them."""

    def taken_at(person: Person) -> tuple[datetime, str]:
        return observed.get(f"seat:{person.email}", _ALWAYS), person.email

    return structs.replace(
        booking, attendees=tuple(sorted(people, key=taken_at)), observed=observed
    )
