"""Retelling: what follows from all that was heard of a booking, as this program understands it.

It is what taking in makes of events, one after the other, without a database: the same fold and the
same plan. What hangs on the moment is left out: news is never held for quiet hours, nor unheard
because it was.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct, structs

from calbell.domain.booking import Booking, Status
from calbell.domain.differences import differences
from calbell.domain.events import BookingEvent
from calbell.domain.fold import fold, replace
from calbell.domain.notification import Planned, Suppression
from calbell.domain.people import Directory
from calbell.domain.plan import Rules, Waiting, plan


class Sighted(Struct, frozen=True):
    """A booking that was looked up at its source (`differences`), beside the one that it replaced,
    as far as that is known. Of the events that made up for what was not heard it is the `nth`."""

    event: BookingEvent
    moved_to: str | None
    nth: int
    replaced: Booking | None = None

    @property
    def replaces(self) -> str | None:
        """The uid of the booking that is dead because of it, if one is."""
        return self.event.replaces if self.moved_to is None else self.event.uid


class Heard(Struct, frozen=True):
    """What was taken in at a time, by the id of its event. `None`: nobody can read it."""

    event_id: int
    at: datetime
    said: BookingEvent | Sighted | None


class Would(Struct, frozen=True):
    """What is planned because of an event, at the time at which that was taken in. `against`: it is
    not said, and why."""

    event_id: int
    at: datetime
    planned: Planned
    against: Suppression | None = None


def retold(uid: str, heard: Iterable[Heard], directory: Directory, rules: Rules) -> list[Would]:
    """All that this program plans, in the order of what was heard: events of the booking, and such
    as replaced it."""
    booking, waiting, found = Booking(uid=uid), list[Waiting](), list[Would]()
    made_up: Sequence[BookingEvent] = ()
    for one in heard:
        event = one.said
        if isinstance(event, Sighted):
            # The events of one look were found together, before the first of them was taken in.
            if event.nth == 0 or not made_up:
                made_up = _made_up(booking, event, one.at)
            event = made_up[event.nth] if event.nth < len(made_up) else None
        if event is None or uid not in (event.uid, event.replaces):
            continue
        folded = fold(booking, event) if event.uid == uid else replace(booking, event)
        booking = folded.booking
        if folded.is_copy:
            continue
        waiting = [item for item in waiting if item.planned.due_at > one.at]
        planned = plan(
            booking,
            folded.changes,
            directory,
            waiting,
            rules,
            event_at=event.sent_at,
            now=one.at,
        )
        number = len(found)
        found += (Would(one.event_id, one.at, item) for item in planned.news)
        found += (Would(one.event_id, one.at, item, why) for item, why in planned.unwanted)
        found += (Would(one.event_id, one.at, item) for item in planned.reminders)
        waiting = [item for item in waiting if item.id not in planned.superseded]
        waiting += (Waiting(id_, item) for id_, item in enumerate(planned.reminders, number))
    return found


def _made_up(booking: Booking, sighted: Sighted, now: datetime) -> Sequence[BookingEvent]:
    """The events that made up for what was not heard, as of when the booking was looked up."""
    old_times = sighted.event.old_times if sighted.replaced is None else sighted.replaced.times
    event = structs.replace(
        sighted.event, sent_at=min(sighted.event.sent_at, now), old_times=old_times
    )
    if sighted.moved_to is not None:
        # It was seen at the booking that is gone, and is told of the one that took its place.
        gone = Booking(uid=event.uid, status=Status.ACCEPTED)
        return differences(gone, None, event, sighted.moved_to, now)
    if event.uid != booking.uid:
        return (event,)
    return differences(booking, sighted.replaced, event, None, now)
