"""Quiet hours: when a user's phones are not rung."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from calbell.domain.time_zones import zone_named

_MOST_IN_A_ROW = 8
_DAY = timedelta(days=1)


class Weekday(StrEnum):
    """The days, in the order of `date.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_WEEKDAYS = tuple(Weekday)


class QuietHours(Struct, frozen=True, kw_only=True):
    """From `start` to `end` by the clock on the wall; where that is earlier, until the next day.

    They begin on these `weekdays`. Without a `time_zone` the clock is the user's own. `passive`:
    an iPhone shows news at once, without a sound, instead of hearing of it at the end.
    """

    start: time
    end: time
    weekdays: frozenset[Weekday] = frozenset(Weekday)
    time_zone: str | None = None
    passive: bool = False


@lru_cache(maxsize=4096)
def quiet_until(hours: QuietHours, at: datetime) -> datetime | None:
    """When the quiet hours end in which this instant is; `None` where it is in none.

    In the night in which clocks are set back they begin when the clock shows `start` first, and end
    when it shows `end` last; a time that is left out in spring is as far from midnight as ever.
    """
    zone = zone_named(hours.time_zone or "") or UTC
    quiet, end = at, None
    # Those of two days may touch each other where clocks change.
    for _ in range(_MOST_IN_A_ROW):
        next_end = _end_of_those_at(hours, zone, quiet)
        if next_end is None:
            break
        quiet = end = next_end
    return end


def _end_of_those_at(hours: QuietHours, zone: tzinfo, at: datetime) -> datetime | None:
    today = at.astimezone(zone).date()
    for days in (-2, -1, 0, 1):
        day = today + days * _DAY
        if _WEEKDAYS[day.weekday()] in hours.weekdays:
            first = _on_the_wall(day, hours.start, zone)[0]
            last = max(
                _on_the_wall(day if hours.end > hours.start else day + _DAY, hours.end, zone)
            )
            if first <= at < last:
                return last
    return None


def _on_the_wall(day: date, clock: time, zone: tzinfo) -> tuple[datetime, datetime]:
    """When the clock shows this time, as it does twice when it is set back."""
    shown = datetime.combine(day, clock, zone)
    return shown.astimezone(UTC), shown.replace(fold=1).astimezone(UTC)
