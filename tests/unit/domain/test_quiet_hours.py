"""Quiet hours: when they are, by the clock on the wall, also when clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calbell.domain.quiet_hours import QuietHours, Weekday, quiet_until
from tests.unit.domain.builders import DAY, HOUR, MINUTE

NIGHT = QuietHours(start=time(22), end=time(7), time_zone="Europe/Berlin")
NOON = QuietHours(start=time(12), end=time(13, 30), time_zone="Europe/Berlin")
ZONES = ("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Tokyo", "Pacific/Apia")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(start: str, end: str, *days: Weekday, zone: str = "Europe/Berlin") -> QuietHours:
    return QuietHours(
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
        weekdays=frozenset(days or Weekday),
        time_zone=zone,
    )


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-25T20:59:59", None),
        ("2026-11-25T21:00:00", "2026-11-26T06:00:00"),
        ("2026-11-25T23:30:00", "2026-11-26T06:00:00"),
        ("2026-11-26T05:59:59.999", "2026-11-26T06:00:00"),
        ("2026-11-26T06:00:00", None),
    ],
)
def test_a_night_is_from_its_first_moment_to_just_before_its_end(
    at: str, until: str | None
) -> None:
    assert quiet_until(NIGHT, utc(at)) == (until and utc(until))


def test_hours_of_one_day_end_on_it() -> None:
    assert quiet_until(NOON, utc("2026-11-25T11:30:00")) == utc("2026-11-25T12:30:00")
    assert quiet_until(NOON, utc("2026-11-25T12:30:00")) is None


def test_weekdays_are_those_on_which_quiet_hours_begin() -> None:
    friday = hours("22:00", "07:00", Weekday.FRIDAY)
    assert quiet_until(friday, utc("2026-11-27T03:00:00")) is None
    assert quiet_until(friday, utc("2026-11-27T22:00:00")) == utc("2026-11-28T06:00:00")
    assert quiet_until(friday, utc("2026-11-28T03:00:00")) == utc("2026-11-28T06:00:00")
    assert quiet_until(friday, utc("2026-11-28T22:00:00")) is None


def test_hours_that_begin_on_no_day_are_never() -> None:
    never = QuietHours(start=time(0), end=time(23, 59), weekdays=frozenset())
    assert quiet_until(never, utc("2026-11-27T03:00:00")) is None


def test_a_zone_that_nobody_knows_is_utc() -> None:
    odd = hours("22:00", "07:00", zone="Europe/Atlantis")
    assert quiet_until(odd, utc("2026-11-25T22:00:00")) == utc("2026-11-26T07:00:00")


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        # 29 March 2026: 02:00 is 03:00, at 01:00 UTC. 25 October 2026: 03:00 is 02:00, at 01:00.
        (hours("22:00", "07:00"), "2026-03-28T21:00:00", "2026-03-29T05:00:00"),
        (hours("22:00", "07:00"), "2026-10-24T20:00:00", "2026-10-25T06:00:00"),
        (hours("22:00", "02:30"), "2026-03-29T00:59:00", "2026-03-29T01:30:00"),
        (hours("22:00", "02:30"), "2026-10-25T00:40:00", "2026-10-25T01:30:00"),
        (hours("02:30", "07:00"), "2026-10-25T00:29:00", None),
        (hours("02:30", "07:00"), "2026-10-25T00:30:00", "2026-10-25T06:00:00"),
        (hours("02:30", "07:00"), "2026-10-25T01:10:00", "2026-10-25T06:00:00"),
        (hours("02:15", "02:45"), "2026-03-29T01:14:00", None),
        (hours("02:15", "02:45"), "2026-03-29T01:20:00", "2026-03-29T01:45:00"),
        # Half an hour only, and a day that there was not: 30 December 2011 in Samoa.
        (hours("22:00", "01:45", zone="Australia/Lord_Howe"), "2026-04-04T14:45:00",
         "2026-04-04T15:15:00"),
        (hours("22:00", "07:00", zone="Pacific/Apia"), "2011-12-30T09:00:00",
         "2011-12-30T17:00:00"),
    ],
)  # fmt: skip
def test_clocks_may_change_in_quiet_hours(quiet: QuietHours, at: str, until: str | None) -> None:
    assert quiet_until(quiet, utc(at)) == (until and utc(until))


times = st.times(timezones=st.none()).map(lambda at: at.replace(second=0, microsecond=0))
quiet_hours = st.builds(
    QuietHours,
    start=times,
    end=times,
    weekdays=st.frozensets(st.sampled_from(Weekday)),
    time_zone=st.sampled_from(ZONES),
).filter(lambda quiet: quiet.start != quiet.end)
CHANGES = ("2026-03-29T01:00", "2026-10-25T01:00", "2011-12-30T10:00", "2026-04-04T15:00")
instants = st.one_of(
    st.integers(0, 10_000_000).map(lambda minutes: utc("2010-01-01T00:00") + minutes * MINUTE),
    st.builds(
        lambda change, minutes: utc(change) + minutes * MINUTE,
        st.sampled_from(CHANGES),
        st.integers(-2000, 2000),
    ),
)


def is_shown_within(quiet: QuietHours, at: datetime) -> bool:
    """By the clock alone: whether it shows a time within, on the right day."""
    shown = at.astimezone(ZoneInfo(quiet.time_zone or "UTC"))
    began = shown.date()
    clock = shown.time()
    if quiet.start < quiet.end:
        inside = quiet.start <= clock < quiet.end
    else:
        inside = clock >= quiet.start or clock < quiet.end
        if clock < quiet.end:
            began -= DAY
    return inside and list(Weekday)[began.weekday()] in quiet.weekdays


def offsets_around(quiet: QuietHours, at: datetime) -> list[timedelta]:
    """How far the clock is from UTC, in each hour of these days."""
    zone = ZoneInfo(quiet.time_zone or "UTC")
    return [(at + n * HOUR).astimezone(zone).utcoffset() or timedelta() for n in range(-60, 61)]


@given(quiet_hours, instants)
def test_where_clocks_stand_still_the_clock_tells(quiet: QuietHours, at: datetime) -> None:
    if len(set(offsets_around(quiet, at))) == 1:
        assert (quiet_until(quiet, at) is not None) == is_shown_within(quiet, at)


@given(quiet_hours, instants)
def test_quiet_hours_end_later_and_then_it_is_not_quiet(quiet: QuietHours, at: datetime) -> None:
    end = quiet_until(quiet, at)
    if end is None:
        return
    assert at < end < at + 3 * DAY
    assert end.tzinfo is UTC
    assert quiet_until(quiet, end) is None
    just_before = end - timedelta(milliseconds=1)
    assert quiet_until(quiet, max(at, just_before)) == end


@given(quiet_hours, instants)
def test_whenever_the_clock_shows_such_a_time_it_is_quiet_but_where_some_were_left_out(
    quiet: QuietHours, at: datetime
) -> None:
    offsets = offsets_around(quiet, at)
    leaps = offsets != sorted(offsets, reverse=True)
    if not leaps and is_shown_within(quiet, at):
        assert quiet_until(quiet, at) is not None
