"""A booking: what is known of one appointment by folding its events."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from calbell.domain.events import Payment, TimeSpan
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent


class Status(StrEnum):
    """Where a booking stands. It only climbs, in the order written here."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def rank(self) -> int:
        """Higher wins, whatever order events arrive in."""
        return _RANKS[self]


_RANKS = {status: rank for rank, status in enumerate(Status)}


def is_provider(place: str) -> bool:
    """Whether a place only names who will provide it: some events say so before, or without saying,
    what the address is."""
    return place.startswith("integrations:")


class Booking(Struct, frozen=True, kw_only=True):
    """One uid. Before any event it is known by its uid alone and has no status.

    `seats` is how many people may book the slot, where several may; then `attendees` gathers those
    of all events. `observed` says for each detail when the newest event that named it was sent, and
    when a seat was taken or given up (`seat:` and the address), a status seen (`status:`), the
    booking moved (`moved:` and the uid) or came to be by a move (`replaces:` and the uid), a fact
    told (`fact:`). `version` grows by one with every
    event that changed anything. `replaced_by_uid` is set when the booking was moved to another uid:
    it is dead then, although no event says so.
    """

    uid: str
    status: Status | None = None
    title: str = ""
    times: TimeSpan | None = None
    place: str | None = None
    organizer: Person | None = None
    hosts: tuple[Person, ...] = ()
    attendees: tuple[Person, ...] = ()
    seats: int | None = None
    observed: dict[str, datetime] = {}
    replaced_by_uid: str | None = None
    version: int = 0

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody who has a part in it: organizer, hosts, attendees."""
        organizer = (self.organizer,) if self.organizer is not None else ()
        return (*organizer, *self.hosts, *self.attendees)

    @property
    def stands(self) -> bool:
        """Whether the appointment will take place, as far as is known."""
        return self.status is Status.ACCEPTED and self.replaced_by_uid is None

    @property
    def is_news_by_itself(self) -> bool:
        """Whether nobody can know of it but by its confirmation: it was not asked for before, nor
        moved here. A move that has to be confirmed comes as a request (cal-webhooks.md section
        6)."""
        asked = f"status:{Status.PENDING}" in self.observed
        return not asked and not any(name.startswith("replaces:") for name in self.observed)

    @property
    def is_over(self) -> bool:
        """Whether nothing that is still heard of it is worth telling: it was rejected or cancelled,
        or moved to another uid."""
        ended = self.status in (Status.REJECTED, Status.CANCELLED)
        return ended or self.replaced_by_uid is not None


class Change(Struct, frozen=True, kw_only=True):
    """What an event changed about a booking, in the words of a push event.

    `attendee` is set where the change is one attendee's own (his seat), not the whole booking's.
    `actor` is the lower-cased address of who did it, where the event says so.
    """

    kind: PushEvent
    old_times: TimeSpan | None = None
    reason: str | None = None
    actor: str | None = None
    attendee: Person | None = None
    payment: Payment | None = None
    added: tuple[Person, ...] = ()
    old_place: str | None = None
    old_organizer: Person | None = None
    is_of_a_series: bool = False
