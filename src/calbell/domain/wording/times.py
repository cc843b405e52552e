"""Times: when, in the reader's time zone and 12/24-hour habit.

Always absolute: what says `tomorrow` is false a day later. The zone is the reader's own and is not
said, except where the clock alone would not tell the time: in the hour that a clock set back shows
twice, and where the reader's zone is not known and UTC stands in.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import format_interval, format_skeleton, get_timezone_gmt
from msgspec import Struct

from calbell.domain.events import TimeSpan
from calbell.domain.time_zones import zone_named

_ANY_DAY = date(2026, 1, 1)
_MIDNIGHT = time()


class Habit(Struct, frozen=True):
    """How a reader reads times: his IANA zone, the CLDR locale of his words, 12 or 24 hours, and
    the year that needs no mention because it is this one."""

    zone: str
    locale: str
    hours: int
    year: int


@lru_cache(maxsize=4096)
def habit(zone: str, locale: str, hours: int, now: datetime) -> Habit:
    """The habit of whoever reads now."""
    return Habit(zone, locale, hours, _in(zone, now).year)


@lru_cache(maxsize=4096)
def span(times: TimeSpan, habit: Habit) -> str:
    """From when to when: `Tue, Nov 24, 10:00 – 10:30`. The day is said twice only where the end is
    on another one, the year only where it is not this one; of what is all day, only the days."""
    start_at, end_at = _in(habit.zone, times.start_at), _in(habit.zone, times.end_at)
    if is_all_day(times, habit):
        days = (_day(at, habit) for at in (start_at, end_at - timedelta(days=1)))
        return _sure(" – ".join(dict.fromkeys(days)), habit)
    if start_at.date() == end_at.date():
        return _sure(_day_and_hours(start_at, end_at, habit), habit)
    ends = (_day_and_hours(at, at, habit) for at in (start_at, end_at))
    return _sure(" – ".join(ends), habit)


@lru_cache(maxsize=4096)
def span_before(old: TimeSpan, new: TimeSpan, habit: Habit) -> str:
    """From when to when it was before: without the day, where the new one is on that very day."""
    ends = [_in(habit.zone, at) for at in (old.start_at, old.end_at, new.start_at, new.end_at)]
    if len({at.date() for at in ends}) == 1:
        return _sure(_hours(ends[0], ends[1], habit), habit)
    return span(old, habit)


@lru_cache(maxsize=4096)
def is_all_day(times: TimeSpan, habit: Habit) -> bool:
    """Whether it is from a midnight of the reader's to another."""
    start_at, end_at = _in(habit.zone, times.start_at), _in(habit.zone, times.end_at)
    return start_at.time() == _MIDNIGHT == end_at.time() and start_at.date() < end_at.date()


@lru_cache(maxsize=256)
def locale_of(name: str) -> Locale:
    """The locale of a CLDR identifier that is known to be one."""
    return Locale.parse(name)


def _in(zone: str, at: datetime) -> datetime:
    return at.astimezone(zone_named(zone) or UTC)


def _sure(said: str, habit: Habit) -> str:
    return said if zone_named(habit.zone) is not None else f"{said} UTC"


def _day_and_hours(start_at: datetime, end_at: datetime, habit: Habit) -> str:
    before, behind = _around_hours(start_at.date(), habit.locale, start_at.year != habit.year)
    return f"{before}{_hours(start_at, end_at, habit)}{behind}"


@lru_cache(maxsize=4096)
def _around_hours(day: date, locale: str, with_year: bool) -> tuple[str, str]:
    """What stands before and behind the hours of this day, as CLDR writes a day with its hours."""
    pattern = _plain(str(locale_of(locale).datetime_formats["medium"]).replace("'", ""))
    before, _, behind = pattern.replace("{1}", _day_of(day, locale, with_year)).partition("{0}")
    return before, behind


def _day(at: datetime, habit: Habit) -> str:
    return _day_of(at.date(), habit.locale, at.year != habit.year)


@lru_cache(maxsize=4096)
def _day_of(day: date, locale: str, with_year: bool) -> str:
    return _plain(
        format_skeleton("yMMMEd" if with_year else "MMMEd", day, locale=locale_of(locale))
    )


def _hours(start_at: datetime, end_at: datetime, habit: Habit) -> str:
    if not (_is_shown_twice(start_at) or _is_shown_twice(end_at)):
        return _hours_of(start_at.time(), end_at.time(), habit.locale, habit.hours)
    if start_at.utcoffset() != end_at.utcoffset():
        return f"{_hours(start_at, start_at, habit)} – {_hours(end_at, end_at, habit)}"
    hours = _hours_of(start_at.time(), end_at.time(), habit.locale, habit.hours)
    return f"{hours} {_offset(start_at, habit)}"


@lru_cache(maxsize=4096)
def _hours_of(start: time, end: time, locale: str, hours: int) -> str:
    """`10:00 – 10:30 AM`, or one time where both are the same."""
    skeleton, tongue = "hm" if hours == 12 else "Hm", locale_of(locale)
    first, last = (datetime.combine(_ANY_DAY, at.replace(tzinfo=None)) for at in (start, end))
    if start >= end:
        return _plain(format_skeleton(skeleton, first, locale=tongue))
    return _plain(format_interval(first, last, skeleton, locale=tongue))


def _is_shown_twice(at: datetime) -> bool:
    first, second = (at.replace(fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second


def _offset(at: datetime, habit: Habit) -> str:
    return get_timezone_gmt(at, width="long", locale=locale_of(habit.locale))


def _plain(said: str) -> str:
    """With ordinary spaces: CLDR's thin ones are boxes on some phones."""
    return " ".join(said.split())
