"""Times: what is said of when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.events import TimeSpan
from calbell.domain.push_events import PushEvent
from calbell.domain.wording.times import habit, span, span_before
from tests.unit.domain.builders import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    NOW,
    facts,
    half_hour,
    reader,
    said,
)

LATE = half_hour(datetime(2026, 11, 23, 23, 45, tzinfo=UTC))


def when(
    times: TimeSpan, zone: str = "UTC", locale: str = "en", clock: int = 24, now: datetime = NOW
) -> str:
    return span(times, habit(zone, locale, clock, now))


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "locale", "clock", "expected"),
    [
        ("UTC", "en", 24, "Mon, Nov 23, 10:00 – 10:30"),
        ("UTC", "en", 12, "Mon, Nov 23, 10:00 – 10:30 AM"),
        ("Europe/Berlin", "en", 24, "Mon, Nov 23, 11:00 – 11:30"),
        ("America/New_York", "en", 12, "Mon, Nov 23, 5:00 – 5:30 AM"),
        ("Asia/Kathmandu", "en", 24, "Mon, Nov 23, 15:45 – 16:15"),
        ("Pacific/Kiritimati", "en", 24, "Tue, Nov 24, 00:00 – 00:30"),
        ("Pacific/Pago_Pago", "en", 12, "Sun, Nov 22, 11:00 – 11:30 PM"),
        ("Europe/London", "en_GB", 24, "Mon 23 Nov, 10:00–10:30"),
        ("Europe/London", "en_GB", 12, "Mon 23 Nov, 10:00 – 10:30 am"),
    ],
)
def test_times_are_those_of_the_readers_zone_and_habit(
    zone: str, locale: str, clock: int, expected: str
) -> None:
    assert when(MONDAY, zone, locale, clock) == expected


def test_both_halves_of_the_day_are_said_where_both_are_meant() -> None:
    noon = TimeSpan(at(2026, 11, 23, 11, 30), at(2026, 11, 23, 12, 30))
    assert when(noon, clock=12) == "Mon, Nov 23, 11:30 AM – 12:30 PM"


def test_a_span_without_length_is_one_time() -> None:
    assert when(TimeSpan(MONDAY.start_at, MONDAY.start_at)) == "Mon, Nov 23, 10:00"


def test_the_day_is_said_twice_only_where_the_end_is_on_another() -> None:
    assert when(LATE) == "Mon, Nov 23, 23:45 – Tue, Nov 24, 00:15"
    assert when(LATE, "Europe/Berlin") == "Tue, Nov 24, 00:45 – 01:15"


def test_a_time_in_summer_is_said_as_summer_time() -> None:
    summer = half_hour(at(2026, 7, 1, 10))
    assert when(summer, "Europe/London") == "Wed, Jul 1, 11:00 – 11:30"


def body(times: TimeSpan, zone: str, old: TimeSpan | None = None) -> list[str]:
    about = facts(times=times, old_times=old)
    return said(PushEvent.BOOKING_RESCHEDULED, about, reader(time_zone=zone)).body.split("\n")


@pytest.mark.parametrize(
    ("days", "expected"),
    [(1, "Tue, Nov 24 (all day)"), (3, "Tue, Nov 24 – Thu, Nov 26 (all day)")],
)
def test_from_midnight_to_midnight_of_the_reader_is_all_day(days: int, expected: str) -> None:
    start_at = at(2026, 11, 23, 23)
    times = TimeSpan(start_at, start_at + days * DAY)
    assert body(times, "Europe/Berlin")[1] == expected
    assert "all day" not in body(times, "Europe/London")[1]
    assert body(MONDAY, "Europe/Berlin", times)[2] == f"Was {expected}"


def test_a_day_of_25_hours_is_all_day() -> None:
    times = TimeSpan(at(2026, 10, 24, 22), at(2026, 10, 25, 23))
    assert body(times, "Europe/Berlin")[1] == "Sun, Oct 25 (all day)"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(2026, 12, 31, 22, 59), "Mon, Nov 23, 11:00 – 11:30"),
        (at(2026, 12, 31, 23, 0), "Mon, Nov 23, 2026, 11:00 – 11:30"),
        (at(2025, 12, 31, 22, 59), "Mon, Nov 23, 2026, 11:00 – 11:30"),
        (at(2025, 12, 31, 23, 0), "Mon, Nov 23, 11:00 – 11:30"),
    ],
)
def test_the_year_is_said_where_it_is_not_the_readers_own(now: datetime, expected: str) -> None:
    assert when(MONDAY, "Europe/Berlin", now=now) == expected


def test_over_the_new_year_the_year_is_said_of_the_end_that_is_in_the_next() -> None:
    times = half_hour(at(2026, 12, 31, 23, 45))
    assert when(times) == "Thu, Dec 31, 23:45 – Fri, Jan 1, 2027, 00:15"


def test_of_the_hour_that_a_clock_shows_twice_it_is_said_which_one() -> None:
    first, second = half_hour(at(2026, 10, 25, 0, 0)), half_hour(at(2026, 10, 25, 1, 0))
    assert when(first, "Europe/London") == "Sun, Oct 25, 01:00 – 01:30 GMT+01:00"
    assert when(second, "Europe/London") == "Sun, Oct 25, 01:00 – 01:30 GMT+00:00"
    across = half_hour(at(2026, 10, 25, 0, 45))
    assert when(across, "Europe/London") == "Sun, Oct 25, 01:45 GMT+01:00 – 01:15 GMT+00:00"
    assert when(half_hour(at(2026, 10, 25, 2, 0)), "Europe/London") == "Sun, Oct 25, 02:00 – 02:30"


def test_a_clock_that_is_set_forward_is_never_in_doubt() -> None:
    assert when(half_hour(at(2026, 3, 29, 0, 45)), "Europe/London") == "Sun, Mar 29, 00:45 – 02:15"


def test_what_was_before_says_the_day_only_where_it_was_another() -> None:
    reads = habit("UTC", "en", 24, NOW)
    later = half_hour(MONDAY.start_at + HOUR)
    assert span_before(MONDAY, later, reads) == "10:00 – 10:30"
    assert span_before(MONDAY, half_hour(MONDAY.start_at + DAY), reads) == when(MONDAY)
    assert span_before(LATE, half_hour(LATE.start_at - HOUR), reads) == when(LATE)
    all_day = TimeSpan(at(2026, 11, 23), at(2026, 11, 24))
    assert span_before(all_day, MONDAY, reads) == "Mon, Nov 23"


def test_times_have_only_spaces_that_every_phone_shows() -> None:
    for locale in ("en", "en_GB", "en_AU"):
        for times in (MONDAY, LATE, TimeSpan(NOW, NOW + 400 * DAY)):
            said_of_it = when(times, locale=locale, clock=12)
            assert all(char == " " or not char.isspace() for char in said_of_it)


@pytest.mark.parametrize(
    "zone", ["", ".", "/", "America", "Mars/Olympus", "../../etc/passwd", "\0", "\ud800", "x" * 999]
)
def test_where_a_zone_is_not_known_utc_is_said_and_named(zone: str) -> None:
    assert when(MONDAY, zone) == "Mon, Nov 23, 10:00 – 10:30 UTC"
    reads = habit(zone, "en", 24, NOW)
    assert span_before(MONDAY, half_hour(MONDAY.end_at), reads) == "10:00 – 10:30 UTC"


@pytest.mark.parametrize("locale", ["", "_", "xx", "en-XX", "\0", "\ud800", "x" * 999, "../en"])
def test_a_locale_that_is_not_known_is_read_as_english(locale: str) -> None:
    told = said(PushEvent.BOOKING_CONFIRMED, facts(), reader(locale=locale)).body
    assert "Mon, Nov 23, 10:00 – 10:30" in told


@pytest.mark.parametrize("locale", ["de", "fr-CA", "ar", "zh_Hant_TW"])
def test_dates_are_english_as_long_as_the_words_are(locale: str) -> None:
    told = said(PushEvent.BOOKING_CONFIRMED, facts(), reader(locale=locale)).body
    assert "Mon, Nov 23, 10:00 – 10:30" in told


@pytest.mark.parametrize("locale", ["en-GB", "en_GB", "en-gb"])
def test_dates_are_those_of_the_readers_part_of_the_world(locale: str) -> None:
    told = said(PushEvent.BOOKING_CONFIRMED, facts(), reader(locale=locale)).body
    assert "Mon 23 Nov, 10:00–10:30" in told


zones = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London", "Nowhere/Land"]


@settings(deadline=None)
@given(
    # The readers of events leave out the first and the last year of all.
    st.timedeltas(timedelta(days=-700_000), timedelta(days=2_900_000)),
    st.timedeltas(timedelta(0), timedelta(days=2)),
    st.sampled_from(zones),
    st.sampled_from([12, 24]),
)
def test_every_time_can_be_said(until: timedelta, long: timedelta, zone: str, clock: int) -> None:
    start_at = NOW + until
    times = TimeSpan(start_at, start_at + long)
    said_of_it = when(times, zone, "en", clock)
    assert said_of_it == " ".join(said_of_it.split())
    assert span_before(times, half_hour(start_at + MINUTE), habit(zone, "en", clock, NOW))
