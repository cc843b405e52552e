"""Deadlines: what waits for the end of quiet hours, and what cannot."""

from datetime import datetime, timedelta

from calbell.domain.notification import BookingFacts
from calbell.domain.push_events import AFTERMATH, PushEvent
from calbell.domain.quiet_hours import QuietHours, quiet_until

LEFT = timedelta(minutes=15)
"""To read it and to act on it: what waits has so much time left when quiet hours end."""


def held_until(
    kind: PushEvent,
    facts: BookingFacts,
    expires_at: datetime,
    hours: QuietHours | None,
    now: datetime,
) -> datetime | None:
    """Until when this is not said because of quiet hours; `None`: it is said now.

    It waits for their end if enough is `LEFT` then until it is stale, and until the meeting begins
    that it is about, also at the time at which that was to begin before. What cannot wait is said
    in the middle of the night.
    """
    end = None if hours is None else quiet_until(hours, now)
    if end is None or end + LEFT > _last_moment(kind, facts, expires_at, now):
        return None
    return end


def is_passive(kind: PushEvent, hours: QuietHours | None) -> bool:
    """Whether an iPhone shows such news in quiet hours, without a sound. A reminder that nobody
    hears is none: it waits."""
    return hours is not None and hours.passive and kind is not PushEvent.BOOKING_REMINDER


def _last_moment(
    kind: PushEvent, facts: BookingFacts, expires_at: datetime, now: datetime
) -> datetime:
    """When it is too late to know. What comes after a meeting does not hang on when that begins."""
    if kind in AFTERMATH:
        return expires_at
    starts = (times.start_at for times in (facts.times, facts.old_times) if times is not None)
    return min((expires_at, *(at for at in starts if at > now)))
