"""Events: what a source told us about a booking, before anything is made of it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from calbell.domain.people import Person


class EventKind(StrEnum):
    """What a source says has happened. What is told follows from the fold, not from this."""

    REQUESTED = "requested"
    CREATED = "created"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class TimeSpan(Struct, frozen=True):
    """From when to when, both aware, in UTC."""

    start_at: datetime
    end_at: datetime


class BookingEvent(Struct, frozen=True, kw_only=True):
    """One observation of one booking.

    `sent_at` orders observations of one booking and is no part of an event's identity. `None`
    means that the source said nothing of it, which never erases what is known. `old_uid` is the
    booking that this one replaces; it equals `uid` where a booking with seats is moved in place.
    `seats` is how many people may book one slot, where several may.
    """

    kind: EventKind
    uid: str
    sent_at: datetime
    title: str | None = None
    times: TimeSpan | None = None
    place: str | None = None
    organizer: Person | None = None
    hosts: tuple[Person, ...] | None = None
    attendees: tuple[Person, ...] | None = None
    seats: int | None = None
    old_uid: str | None = None
    old_times: TimeSpan | None = None
    actor: str | None = None
    reason: str | None = None
    asks_to_reschedule: bool = False

    @property
    def replaces(self) -> str | None:
        """The uid of the booking that is dead because of this event, if another one is."""
        return self.old_uid if self.old_uid != self.uid else None
