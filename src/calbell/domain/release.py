"""Releasing: at its time, is a notification still true, still wanted, and for which phones?"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from calbell.domain.booking import Booking
from calbell.domain.deadlines import held_until, is_passive
from calbell.domain.notification import Planned, Suppression
from calbell.domain.preferences import Preferences
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform, SubscribedPhone


class Released(Struct, frozen=True):
    """Say it, on these phones."""

    phones: tuple[SubscribedPhone, ...]


class Suppressed(Struct, frozen=True):
    """Say it to nobody."""

    reason: Suppression


class Held(Struct, frozen=True):
    """It is not said before `until`, the end of the user's quiet hours."""

    until: datetime


class Stale(Struct, frozen=True):
    """Its time has passed."""


Verdict: TypeAlias = Released | Suppressed | Held | Stale

ALL_IS_WANTED = Preferences()


def release(
    planned: Planned,
    booking: Booking | None,
    phones: Iterable[SubscribedPhone],
    *,
    exclusive: bool,
    now: datetime,
    wishes: Preferences = ALL_IS_WANTED,
) -> Verdict:
    """What becomes of a notification whose time has come.

    `booking` is how it stands now (`None`: the notification is not about one that is known), and
    `phones` and `wishes` are those that the user has now.
    """
    if now >= planned.expires_at:
        return Stale()
    if booking is not None and not _is_true(planned, booking):
        return Suppressed(Suppression.NO_LONGER_TRUE)
    if not wishes.wants(planned.kind):
        return Suppressed(Suppression.SWITCHED_OFF)
    reachable = tuple(
        phone
        for phone in phones
        if not phone.is_dead and (not exclusive or phone.owner_user_id == phone.user_id)
    )
    if not reachable:
        return Suppressed(Suppression.NO_DEVICE)
    hours = wishes.quiet_hours
    until = held_until(planned.kind, planned.facts, planned.expires_at, hours, now)
    # Of several phones those that have to wait are told so when they are to be rung.
    if is_passive(planned.kind, hours) and any(p.platform is Platform.IOS for p in reachable):
        until = None
    return Released(reachable) if until is None else Held(until)


def _is_true(planned: Planned, booking: Booking) -> bool:
    """A reminder is of an appointment that still stands, at that time. News of a change stays
    true of its change; a later change supersedes it."""
    if planned.kind is not PushEvent.BOOKING_REMINDER:
        return True
    return booking.stands and booking.times == planned.facts.times
