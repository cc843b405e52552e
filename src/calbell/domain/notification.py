"""A notification: what is to be said to one user about one change of a booking, and until when."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from calbell.domain.events import Payment, TimeSpan
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent


class NotificationState(StrEnum):
    """Where a notification is (interface.md section 6)."""

    WAITING = "waiting"
    RELEASED = "released"
    SUPERSEDED = "superseded"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


class NotificationFact(StrEnum):
    """What can happen to a notification."""

    ITS_TIME_CAME = "its_time_came"
    BOOKING_CHANGED = "booking_changed"
    NOT_TO_BE_SAID = "not_to_be_said"
    WENT_STALE = "went_stale"


NOTIFICATION_TRANSITIONS: Mapping[tuple[NotificationState, NotificationFact], NotificationState] = (
    MappingProxyType(
        {
            (NotificationState.WAITING, NotificationFact.ITS_TIME_CAME): NotificationState.RELEASED,
            (
                NotificationState.WAITING,
                NotificationFact.BOOKING_CHANGED,
            ): NotificationState.SUPERSEDED,
            (
                NotificationState.WAITING,
                NotificationFact.NOT_TO_BE_SAID,
            ): NotificationState.SUPPRESSED,
            (NotificationState.WAITING, NotificationFact.WENT_STALE): NotificationState.EXPIRED,
            # A released one keeps its state; its deliveries are withdrawn when they are claimed.
            (
                NotificationState.RELEASED,
                NotificationFact.BOOKING_CHANGED,
            ): NotificationState.RELEASED,
        }
    )
)
"""Every transition there is. What is not here does not happen."""


class Suppression(StrEnum):
    """Why a notification is not said to anybody."""

    NO_DEVICE = "no_device"
    TOLD_TOGETHER = "told_together"
    NO_LONGER_TRUE = "no_longer_true"
    RESTORED = "restored"
    SWITCHED_OFF = "switched_off"
    OWN_ACTION = "own_action"
    NEVER_HEARD = "never_heard"
    PLANNED_ANEW = "planned_anew"


class Wait(StrEnum):
    """What keeps a notification, or a delivery, for a later time."""

    QUIET_HOURS = "quiet_hours"


class BookingFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The booking as it stood when the notification was planned: what its words are made from.

    `attendees` and `hosts` name a few of whom there may be thousands; `attendee_count` says how
    many attend. `attendee` is whose seat the news is about. `added` are people who joined, and
    `old_place`, `old_organizer` and `old_times` what was before. `count` is how many occurrences of
    a series, or seats of one booking, the news is about at once; news with the same `together` may
    be told in one.
    """

    uid: str
    title: str = ""
    times: TimeSpan | None = None
    old_times: TimeSpan | None = None
    place: str | None = None
    old_place: str | None = None
    organizer: Person | None = None
    old_organizer: Person | None = None
    hosts: tuple[Person, ...] = ()
    attendees: tuple[Person, ...] = ()
    attendee_count: int = 0
    attendee: Person | None = None
    added: tuple[Person, ...] = ()
    seats: int | None = None
    reason: str | None = None
    payment: Payment | None = None
    count: int = 1
    together: str | None = None


class Planned(Struct, frozen=True, kw_only=True):
    """A notification that should exist. `due_at` is when to say it, `expires_at` when it is stale:
    then it is not worth saying any more. `held`: it would be said earlier but for quiet hours, at
    whose end it is due."""

    user_id: int
    role: Role
    kind: PushEvent
    due_at: datetime
    expires_at: datetime
    facts: BookingFacts
    held: bool = False
