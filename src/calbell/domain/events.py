"""Events: what a source told us about a booking, before anything is made of it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent


class EventKind(StrEnum):
    """What a source says has happened. What is told follows from the fold, not from this."""

    REQUESTED = "requested"
    CREATED = "created"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    TOLD = "told"


class TimeSpan(Struct, frozen=True):
    """From when to when, both aware, in UTC."""

    start_at: datetime
    end_at: datetime


class Payment(Struct, frozen=True):
    """What was paid: an amount in the minor unit of its ISO 4217 currency, upper-case."""

    amount: int
    currency: str


class Fact(Struct, frozen=True, kw_only=True):
    """Something that happened around a booking and changes no field of it, such as a payment.

    It is told once for its `key`, as news of this `kind`. What is said of the booking beside it is
    observed like everything else.
    """

    key: str
    kind: PushEvent
    payment: Payment | None = None
    added: tuple[Person, ...] = ()
    old_place: str | None = None
    old_organizer: Person | None = None


class BookingEvent(Struct, frozen=True, kw_only=True):
    """One observation of one booking.

    `sent_at` orders observations of one booking and is no part of an event's identity. `None`
    means that the source said nothing of it, which never erases what is known. `old_uid` is the
    booking that this one replaces; it equals `uid` where a booking with seats is moved in place.
    `seats` is how many people may book one slot, where several may. `fact` is what an event of the
    kind `TOLD` tells; such an event says nothing of the booking's status unless `status_kind` does:
    it is then the kind of event that would have. `is_of_a_series`: it is one of several occurrences
    that are booked together.
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
    fact: Fact | None = None
    status_kind: EventKind | None = None
    is_of_a_series: bool = False

    @property
    def replaces(self) -> str | None:
        """The uid of the booking that is dead because of this event, if another one is."""
        return self.old_uid if self.old_uid != self.uid else None
