"""What must hold of what people chose: in quiet hours nothing rings that can wait, what was
switched off is not told, and whoever chose nothing is kept from nothing."""

from datetime import datetime, timedelta
from enum import StrEnum

from tests.universe.choices import Hours, Wishes, maybe_quiet, quiet_ends, surely_quiet
from tests.universe.expo import Handed
from tests.universe.happenings import Known
from tests.universe.people import Resident

TIME_TO_READ = timedelta(minutes=15)
AFTER_THE_MEETING = frozenset({"PAYMENT_RECEIVED", "RECORDING_READY", "TRANSCRIPT_READY"})
REMINDER = "BOOKING_REMINDER"
LONGEST_REMINDER = timedelta(days=1)
FRESH_FOR = timedelta(days=1)


class Told(StrEnum):
    """How quiet hours had a part in it that something was told."""

    IN_QUIET_HOURS = "rang in quiet hours"
    WITHOUT_A_SOUND = "shown in quiet hours"
    WHEN_THEY_ENDED = "told after quiet hours"


def is_unwished(handed: Handed, resident: Resident, known: Known, left: datetime) -> str | None:
    """Why it was not to be told, by what he had chosen when the request left."""
    wishes = resident.wishes
    if not wishes.wants(handed.event):
        return "switched off"
    # Judged when it was planned, and no more.
    if resident.chose_at > left - FRESH_FOR - LONGEST_REMINDER:
        return None
    if handed.event != REMINDER and known.doer == resident.id and not wishes.own_actions:
        return "his own doing" if handed.event in _DONE else None
    return None


_DONE = frozenset({"BOOKING_CANCELLED", "BOOKING_RESCHEDULED", "BOOKING_RESCHEDULE_REQUESTED"})


def longest_reminder(resident: Resident, left: datetime) -> timedelta:
    """How long before a meeting he may be reminded of it: what has rung for him already, or is on
    its way, is not what he chose since."""
    if resident.ever_chose and resident.chose_at > left - 2 * LONGEST_REMINDER:
        return LONGEST_REMINDER
    return timedelta(minutes=max(resident.wishes.reminders, default=0))


def hours_kept(
    handed: Handed,
    resident: Resident,
    known: Known,
    expires_at: datetime,
    span: tuple[datetime, datetime],
    *,
    is_iphone: bool,
    was_held: bool,
) -> Told | str | None:
    """What quiet hours had to do with it; or, in words, how they were broken. `span` is from when
    the request left, at the earliest, to its arrival, both by the machine's clock."""
    wishes, left, home = resident.wishes, span[0], resident.zone
    hours = wishes.hours
    if handed.is_silent and (hours is None or not _is_near(hours, span, home)):
        return "without a sound, although it is not quiet"
    if hours is None or not all(surely_quiet(hours, at, home) for at in span):
        return Told.WHEN_THEY_ENDED if was_held else None
    end = quiet_ends(hours, left, home)
    starts = () if handed.event in AFTER_THE_MEETING else (known.start_at, known.old_start_at)
    too_late_at = min((expires_at, *(at for at in starts if at is not None and at > left)))
    if end + TIME_TO_READ > too_late_at:
        return Told.IN_QUIET_HOURS
    if wishes.passive and is_iphone and handed.event != REMINDER:
        return Told.WITHOUT_A_SOUND if handed.is_silent else "with a sound in quiet hours"
    return f"in quiet hours, which end at {end:%d %H:%M}, and could wait until {too_late_at:%H:%M}"


def _is_near(hours: Hours, span: tuple[datetime, datetime], home: str) -> bool:
    left, now = span
    return maybe_quiet(hours, left - timedelta(hours=1), home) or maybe_quiet(hours, now, home)


def waits_too_long(wishes: Wishes, home: str, due_at: datetime, now: datetime) -> bool:
    """Whether something is held for longer than the quiet hours of now."""
    hours = wishes.hours
    if hours is None or not maybe_quiet(hours, now, home):
        return due_at > now
    return due_at > quiet_ends(hours, now, home)
