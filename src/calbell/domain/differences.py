"""Differences: what is not known yet of a booking that was looked up at its source.

What was seen is an event like others, as of the booking's last change, so that what a webhook said
later counts. Cal.com has no webhook for some changes; these are told as facts when they are seen.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import structs

from calbell.domain.booking import Booking, is_provider
from calbell.domain.events import BookingEvent, EventKind, Fact
from calbell.domain.fold import fold
from calbell.domain.people import Person, account_of, is_alias
from calbell.domain.push_events import PushEvent

OLD = timedelta(days=1)
"""The end of a booking of which nothing was ever heard, so long ago, is no news."""

_ENDS = (EventKind.CANCELLED, EventKind.REJECTED)


def differences(
    known: Booking,
    replaced: Booking | None,
    seen: BookingEvent,
    moved_to: str | None,
    now: datetime,
) -> tuple[BookingEvent, ...]:
    """The events that make up for what was not heard, in their order; none where all is known.

    `known` is what is known of the booking seen, `replaced` of the one that it replaces;
    `moved_to` is the uid that took its place.
    """
    if known.status is None and _is_past(seen, now):
        return ()
    if moved_to is not None:
        # Also where nothing was heard of it: the webhook that made it may still come.
        return () if known.is_over else (_gone(seen, moved_to),)
    if known.seats is not None:
        seen = structs.replace(seen, seats=known.seats)
    given_up = tuple(_given_up(known, seen))
    replaces = seen.replaces is not None and replaced is not None and not replaced.is_over
    if fold(known, seen).changes or (replaces and replaced is not None and replaced.version):
        return (seen, *given_up)
    return given_up or tuple(_details(known, seen))


def _is_past(seen: BookingEvent, now: datetime) -> bool:
    is_over = seen.times is not None and seen.times.end_at <= now
    return is_over or (seen.kind in _ENDS and seen.sent_at + OLD <= now)


def _gone(seen: BookingEvent, moved_to: str) -> BookingEvent:
    """The booking is dead; what is to be told of that is told under the other uid, when that is
    seen."""
    return BookingEvent(kind=EventKind.TOLD, uid=moved_to, sent_at=seen.sent_at, old_uid=seen.uid)


def _given_up(known: Booking, seen: BookingEvent) -> Iterator[BookingEvent]:
    """Seats that somebody had and has no more."""
    if known.seats is None or known.is_over or seen.kind in _ENDS or len(known.attendees) < 2:
        return
    seated = {person.email for person in seen.attendees or ()}
    for person in known.attendees if seated else ():
        taken_at = known.observed.get(f"seat:{person.email}")
        if person.email not in seated and (taken_at is None or taken_at < seen.sent_at):
            yield structs.replace(
                seen, kind=EventKind.CANCELLED, attendees=(person,), old_uid=None, reason=None
            )


def _details(known: Booking, seen: BookingEvent) -> Iterator[BookingEvent]:
    """What no webhook tells of a booking that stands or is asked for."""
    if known.status is None or known.is_over or seen.kind in _ENDS:
        return

    def is_newer(detail: str) -> bool:
        return seen.sent_at > known.observed.get(detail, seen.sent_at)

    def told(kind: PushEvent, **more: object) -> BookingEvent:
        fact = structs.replace(Fact(key=seen.sent_at.isoformat(), kind=kind), **more)
        return structs.replace(
            seen, kind=EventKind.TOLD, fact=fact, old_uid=None, old_times=None, reason=None
        )

    if is_newer("place") and _is_elsewhere(known.place, seen.place):
        yield told(PushEvent.BOOKING_LOCATION_CHANGED, old_place=known.place)
    before, after = known.organizer, seen.organizer
    if is_newer("organizer") and _is_another(before, after):
        yield told(PushEvent.BOOKING_REASSIGNED, old_organizer=before)
    if known.seats is None and seen.seats is None and is_newer("attendees"):
        added = _added(known, seen)
        if added:
            yield told(PushEvent.BOOKING_GUESTS_ADDED, added=added)


def _added(known: Booking, seen: BookingEvent) -> tuple[Person, ...]:
    """Who came to those who attend. Users who were removed and are back, whom only their old places
    stand for, did not; nor did who is being removed, and is known by his name still."""
    attending = seen.attendees or ()
    organizer = (seen.organizer,) if seen.organizer else ()
    named = {person.email for person in (*known.people, *organizer)}
    there = {person.email for person in attending}
    back = [one for one in known.attendees if is_alias(one.email) and one.email not in there]
    new = (one for one in attending if one.email not in named and not is_alias(one.email))
    return tuple(new)[len(back) :]


def _is_elsewhere(before: str | None, after: str | None) -> bool:
    places = (before, after)
    return before != after and all(one and not is_provider(one) for one in places)


def _is_another(before: Person | None, after: Person | None) -> bool:
    accounts = [None if one is None else account_of(one) for one in (before, after)]
    return None not in accounts and accounts[0] != accounts[1]
