"""Folding: what one more event makes of what is known of a booking.

The fold makes copies, late and out-of-order events harmless: a status only climbs, every detail
follows the newest event that named it, and what is told follows from what changed, not from the
wording of the event (interface.md section 5). The same events end in the same booking, in whatever
order they are heard.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from msgspec import Struct, json, structs

from calbell.domain.booking import Booking, Change, Status
from calbell.domain.events import BookingEvent, EventKind, Fact
from calbell.domain.people import Person, account_of, is_alias
from calbell.domain.push_events import STATE_NEWS, PushEvent
from calbell.domain.seats import freed, moved_away, moved_to, seated, taken

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
    fact = event.fact if event.fact and not _is_known(event.fact, booking) else None
    after = _standing(_observe(booking, event))
    if event.fact is None:
        changes = tuple(_changes(booking, after, event))
    elif fact is None:
        changes = ()
    else:
        changes = () if _is_outdated(fact, booking, after, event) else (_told(fact, after, event),)
        after = structs.replace(after, observed={**after.observed, _fact_key(fact): event.sent_at})
    return _versioned(booking, after, changes)


def replace(booking: Booking, event: BookingEvent) -> Fold:
    """The booking after the event, which is about another uid, moved it there. It is told about
    under the new uid; of several moves the earliest counts.

    Where somebody moves only his own seat, the booking goes on for the others.
    """
    after = moved_to(booking, event)
    return _versioned(booking, _standing(after), ())


def _versioned(before: Booking, after: Booking, changes: tuple[Change, ...]) -> Fold:
    if not changes and structs.replace(after, observed=before.observed) == before:
        return Fold(after, (), True)
    return Fold(structs.replace(after, version=before.version + 1), changes, False)


def _changes(before: Booking, after: Booking, event: BookingEvent) -> Iterator[Change]:
    """What the event changed about the booking, unless that is over and stays so."""
    if before.is_over and after.is_over:
        return
    leaving = freed(before, event)
    if leaving is not None:
        yield from _left(before, after, event, leaving)
        return
    joined = tuple(seated(before, after)) if after.seats is not None else ()
    if after.status is not before.status and not before.is_over:
        yield _climb(after, event)
    elif before.status is not None and before.times is not None and after.times != before.times:
        yield Change(
            kind=PushEvent.BOOKING_RESCHEDULED,
            old_times=before.times,
            reason=event.reason,
            actor=event.actor,
        )
    else:
        for attendee in joined:
            yield Change(kind=_NEWS[_STATUS[event.kind]], attendee=attendee)


def _climb(after: Booking, event: BookingEvent) -> Change:
    assert after.status is not None
    kind, old_times = _NEWS[after.status], None
    if after.status is Status.ACCEPTED and event.kind is EventKind.RESCHEDULED:
        kind, old_times = PushEvent.BOOKING_RESCHEDULED, event.old_times
    if after.status is Status.CANCELLED and event.asks_to_reschedule:
        kind = PushEvent.BOOKING_RESCHEDULE_REQUESTED
    return Change(
        kind=kind,
        old_times=old_times,
        reason=event.reason,
        actor=event.actor,
        is_of_a_series=event.is_of_a_series,
    )


def _left(
    before: Booking, after: Booking, event: BookingEvent, leaving: Person
) -> Iterator[Change]:
    """Somebody gave his seat up. The last one who does so cancels the booking."""
    if after.status is Status.CANCELLED and before.status is not Status.CANCELLED:
        kind = PushEvent.BOOKING_CANCELLED
    elif _has_seat(before, leaving) and not _has_seat(after, leaving):
        kind = PushEvent.BOOKING_SEAT_CANCELLED
    else:
        return
    yield Change(kind=kind, reason=event.reason, actor=event.actor, attendee=leaving)


def _has_seat(booking: Booking, person: Person) -> bool:
    return any(attendee.email == person.email for attendee in booking.attendees)


def _told(fact: Fact, booking: Booking, event: BookingEvent) -> Change:
    """A fact as news. Of a booking with seats it may be one attendee's matter."""
    named = event.attendees or ()
    is_a_seats = booking.seats is not None and len(named) == 1
    return Change(
        kind=fact.kind,
        old_times=event.old_times,
        reason=event.reason,
        actor=event.actor,
        attendee=named[0] if is_a_seats else None,
        payment=fact.payment,
        added=fact.added,
        old_place=fact.old_place,
        old_organizer=fact.old_organizer,
    )


def _is_outdated(fact: Fact, before: Booking, after: Booking, event: BookingEvent) -> bool:
    """Whether news of how a booking stands comes too late: it was over before, stands higher by
    what is known, or takes place at another time by now."""
    if fact.kind not in STATE_NEWS:
        return False
    said = _STATUS.get(event.status_kind) if event.status_kind else None
    is_lower = said is not None and after.status is not None and said.rank < after.status.rank
    is_elsewhere = event.times is not None and event.times != after.times
    return before.is_over or is_lower or is_elsewhere


def _fact_key(fact: Fact) -> str:
    return f"fact:{fact.kind}:{fact.key}"


def _is_known(fact: Fact, booking: Booking) -> bool:
    return _fact_key(fact) in booking.observed


def _observe(booking: Booking, event: BookingEvent) -> Booking:
    """Every detail as the newest event that named it said, and every status that was seen."""
    observed = dict(booking.observed)
    at = event.sent_at
    if event.replaces is not None:
        came_from = f"replaces:{event.replaces}"
        observed[came_from] = min(at, observed.get(came_from, at))

    def newest(detail: str, known: T, said: T | None) -> T:
        if said is None:
            return known
        seen_at = observed.get(detail)
        if seen_at is None or at > seen_at or (at == seen_at and _outranks(said, known)):
            observed[detail] = at
            return said
        return known

    seats = newest("seats", booking.seats, event.seats)
    said = structs.replace(
        booking,
        title=newest("title", booking.title, event.title),
        times=newest("times", booking.times, event.times),
        place=newest("place", booking.place, event.place),
        organizer=_organizer(booking, event, observed),
        hosts=newest("hosts", booking.hosts, event.hosts),
        seats=seats,
        attendees=(
            newest("attendees", booking.attendees, event.attendees)
            if seats is None
            else booking.attendees
        ),
        observed=observed,
    )
    if seats is not None:
        said = taken(said, event)
    status = _STATUS.get(event.status_kind or event.kind)
    if status is not None and freed(booking, event) is None:
        said.observed.setdefault(f"status:{status}", at)
        if booking.status is None or status.rank > booking.status.rank:
            said = structs.replace(said, status=status)
    return said


def _standing(booking: Booking) -> Booking:
    """The booking as it stands by all that was seen of it: one with seats is cancelled, or moved,
    when the last seat was given up, or moved, and not any more when another one is heard of."""
    if booking.seats is None:
        return booking
    booking = structs.replace(booking, replaced_by_uid=moved_away(booking))
    if "seat_cancelled" not in booking.observed:
        return booking
    seen = [status for status in Status if f"status:{status}" in booking.observed]
    if not booking.attendees:
        seen.append(Status.CANCELLED)
    return structs.replace(booking, status=max(seen, key=lambda s: s.rank, default=None))


def _outranks(one: object, other: object) -> bool:
    """Decides between two events of the same instant, in whatever order they arrive."""
    return json.encode(one) > json.encode(other)


def _organizer(
    booking: Booking, event: BookingEvent, observed: dict[str, datetime]
) -> Person | None:
    """Whoever is named as an account is believed before one who is not: some payloads name the
    organizer by an address alone (cal-webhooks.md section 8). What stands for who was removed is
    an account only among accounts: by an address it may be him again, who is a user once more."""
    known, said = booking.organizer, event.organizer
    if said is None:
        return known
    was_account, is_account = known is not None and account_of(known), account_of(said)
    if known is not None and was_account and not is_account and not is_alias(known.email):
        return known
    seen_at = observed.get("organizer")
    gains_an_account = known is None or (
        not was_account and is_account and not is_alias(said.email)
    )
    if not gains_an_account and seen_at is not None:
        if event.sent_at < seen_at:
            return known
        if event.sent_at == seen_at and not _outranks(said, known):
            return known
    observed["organizer"] = event.sent_at
    return said
