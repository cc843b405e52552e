"""Reread: an event that was kept is read as this program reads it, whatever form it came in."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from calbell.calcom import listing, webhooks
from calbell.calcom.json_fields import Fields, parsed
from calbell.domain.booking import Booking
from calbell.domain.events import BookingEvent
from calbell.domain.people import is_alias
from calbell.domain.retelling import Heard, Sighted
from calbell.domain.seats import moves_of
from calbell.flows.hear import CHOSEN, PLAIN
from calbell.flows.reconcile import LOOKED_UP
from calbell.store.events import EventState
from calbell.store.history import KeptEvent

ReadPlain: TypeAlias = Callable[[Fields, str, datetime], BookingEvent | None]
"""Reads the plain form of events, told under a key at a time; `None` where it is refused."""


class Read(Struct, frozen=True):
    """An event, and what it says of a booking. `is_unreadable`: nobody knows whether it does."""

    kept: KeptEvent
    said: BookingEvent | Sighted | None
    is_unreadable: bool

    @property
    def event(self) -> BookingEvent | None:
        """What was observed."""
        return self.said.event if isinstance(self.said, Sighted) else self.said

    @property
    def uid(self) -> str | None:
        """The booking that it tells of."""
        if isinstance(self.said, Sighted) and self.said.moved_to is not None:
            return self.said.moved_to
        return None if self.event is None else self.event.uid

    @property
    def replaces(self) -> str | None:
        """The booking that is dead because of it."""
        return None if self.said is None else self.said.replaces

    @property
    def taken_at(self) -> datetime:
        """When something followed from it."""
        return self.kept.mended_at or self.kept.taken_at

    @property
    def heard(self) -> Heard:
        """As it was taken in."""
        return Heard(self.kept.id, self.taken_at, self.said)


def read(kept: KeptEvent, read_plain: ReadPlain) -> Read:
    """What this program reads in the event."""
    if kept.key.startswith(LOOKED_UP):
        seen = listing.seen(kept.raw)
        nth = kept.key.split(":")[-2]
        if seen is None or not nth.isdecimal():
            return Read(kept, None, is_unreadable=True)
        return Read(kept, Sighted(seen.event, seen.moved_to, int(nth)), is_unreadable=False)
    # Who chose a key may have told a webhook's body too.
    if kept.key.startswith((PLAIN, CHOSEN)):
        said = parsed(kept.raw)
        if said is not None and "triggerEvent" not in said:
            # It was sent when it occurred, or when it came: as it was kept.
            event = read_plain(said, kept.key, kept.sent_at)
            return Read(kept, event, is_unreadable=event is None)
    reading = webhooks.read(kept.raw, received_at=kept.received_at)
    event = reading.event if isinstance(reading, webhooks.Understood) else None
    return Read(kept, event, isinstance(reading, webhooks.Unreadable))


def in_order(reads: Iterable[Read]) -> list[Read]:
    """As they were taken in: by their ids, which they got when they had the booking to themselves;
    but those that were mended when they were."""
    listed = sorted(reads, key=lambda one: one.kept.id)
    found = [one for one in listed if one.kept.mended_at is None]
    for one in sorted(listed, key=lambda one: one.taken_at):
        if one.kept.mended_at is not None:
            later = (n for n, other in enumerate(found) if other.taken_at > one.taken_at)
            found.insert(next(later, len(found)), one)
    return found


def is_whole(booking: Booking, own: Sequence[Read], replacing: Sequence[Read]) -> bool:
    """Whether all is kept that was ever heard of the booking: it was not brought by an import, none
    of its people was removed, and no event of it was erased, or had to go before it. Each event
    makes one version at most."""
    taken = [one for one in (*own, *replacing) if one.kept.state is EventState.TAKEN]
    moved_to = {one.uid for one in replacing}
    return (
        not any(map(is_erased, (*own, *replacing)))
        and not any(is_alias(person.email) for person in booking.people)
        and len(taken) >= booking.version
        and moved_to >= {uid for uid, _ in moves_of(booking)}
    )


def is_erased(one: Read) -> bool:
    """Whether the body is gone, as it named somebody who was removed."""
    return not one.kept.raw and one.kept.booking_id is not None
