"""Deadlines: what waits for the end of quiet hours, and what is told in the middle of the night."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from calbell.domain.booking import Status
from calbell.domain.deadlines import LEFT, held_until, is_passive
from calbell.domain.events import TimeSpan
from calbell.domain.plan import Rules
from calbell.domain.preferences import Choices, ChosenHours, Preferences
from calbell.domain.push_events import AFTERMATH, PushEvent
from calbell.domain.quiet_hours import QuietHours, quiet_until
from calbell.domain.release import Held, Released, Stale, Suppressed, release
from calbell.domain.subscription import Platform
from tests.unit.domain.builders import (
    ADA_USER,
    DAY,
    HOUR,
    MINUTE,
    directory,
    facts,
    half_hour,
    news,
    phone,
    planned_for,
    standing,
)
from tests.unit.domain.test_quiet_hours import NIGHT, instants, quiet_hours, utc

ELEVEN = utc("2026-11-25T22:00:00")
"""At night, in Berlin."""
SEVEN = utc("2026-11-26T06:00:00")
WISHES = Preferences(quiet_hours=NIGHT)
PASSIVE = Preferences(quiet_hours=structs.replace(NIGHT, passive=True))
REMINDER, CONFIRMED = PushEvent.BOOKING_REMINDER, PushEvent.BOOKING_CONFIRMED


def until(
    start_at: datetime,
    kind: PushEvent = CONFIRMED,
    *,
    old: datetime | None = None,
    expires_at: datetime | None = None,
    now: datetime = ELEVEN,
) -> datetime | None:
    about = facts(times=half_hour(start_at), old_times=half_hour(old) if old else None)
    return held_until(kind, about, expires_at or ELEVEN + DAY, NIGHT, now)


def test_news_waits_for_the_end_of_the_night() -> None:
    assert until(SEVEN + 3 * HOUR) == SEVEN
    assert until(SEVEN + 3 * HOUR, now=SEVEN) is None


@pytest.mark.parametrize("minutes", [-300, 0, 14])
def test_what_begins_in_the_night_or_right_after_it_is_told_at_once(minutes: int) -> None:
    assert until(SEVEN + minutes * MINUTE) is None


def test_a_quarter_of_an_hour_after_the_night_is_enough() -> None:
    assert until(SEVEN + LEFT) == SEVEN


def test_whoever_would_have_got_up_for_nothing_is_told_at_once() -> None:
    later = SEVEN + 5 * DAY
    moved = PushEvent.BOOKING_RESCHEDULED
    assert until(later, moved, old=SEVEN + 10 * MINUTE) is None
    assert until(later, moved, old=SEVEN + 2 * HOUR) == SEVEN
    assert until(SEVEN, PushEvent.BOOKING_CANCELLED) is None


def test_what_is_stale_in_the_morning_is_told_at_once() -> None:
    assert until(SEVEN + DAY, expires_at=SEVEN + LEFT) == SEVEN
    assert until(SEVEN + DAY, expires_at=SEVEN + LEFT - MINUTE) is None


@pytest.mark.parametrize("kind", sorted(AFTERMATH))
def test_what_comes_after_meetings_does_not_wake_anybody(kind: PushEvent) -> None:
    assert until(SEVEN, kind) == SEVEN


def test_a_meeting_that_has_begun_is_no_reason_to_wake_anybody() -> None:
    assert until(ELEVEN - HOUR) == SEVEN


def test_without_quiet_hours_nothing_waits() -> None:
    assert held_until(CONFIRMED, facts(), ELEVEN + DAY, None, ELEVEN) is None


def times_at(at: datetime) -> st.SearchStrategy[TimeSpan | None]:
    return st.none() | st.integers(-1000, 5000).map(lambda m: half_hour(at + m * MINUTE))


@given(st.data(), quiet_hours, instants, st.sampled_from(PushEvent), st.integers(1, 2880))
def test_what_waits_is_told_outside_of_quiet_hours_and_in_time(
    data: st.DataObject, quiet: QuietHours, now: datetime, kind: PushEvent, lives: int
) -> None:
    times, old = data.draw(times_at(now)), data.draw(times_at(now))
    expires_at = now + lives * MINUTE
    told_at = held_until(kind, facts(times=times, old_times=old), expires_at, quiet, now)
    end = quiet_until(quiet, now)
    if end is None:
        assert told_at is None
        return
    starts = [] if kind in AFTERMATH else [t.start_at for t in (times, old) if t is not None]
    in_time = all(end + LEFT <= at for at in (expires_at, *(s for s in starts if s > now)))
    assert told_at == (end if in_time else None)
    if told_at is not None:
        assert now < told_at < expires_at
        assert quiet_until(quiet, told_at) is None


def test_release_holds_what_can_wait() -> None:
    confirmed = news(due_at=ELEVEN, expires_at=ELEVEN + DAY, facts=facts(times=None))
    phones = [phone()]
    held = release(confirmed, None, phones, exclusive=True, now=ELEVEN, wishes=WISHES)
    assert held == Held(SEVEN)
    said = release(confirmed, None, phones, exclusive=True, now=SEVEN, wishes=WISHES)
    assert said == Released((phone(),))


def test_what_speaks_against_saying_it_at_all_comes_before_quiet_hours() -> None:
    one = news(due_at=ELEVEN, expires_at=ELEVEN + DAY)
    assert release(one, None, [], exclusive=True, now=ELEVEN, wishes=WISHES) == Suppressed(
        "no_device"  # type: ignore[arg-type]
    )
    stale = structs.replace(one, expires_at=ELEVEN)
    verdict = release(stale, None, [phone()], exclusive=True, now=ELEVEN, wishes=WISHES)
    assert verdict == Stale()


def test_an_iphone_may_be_told_without_a_sound_and_android_waits() -> None:
    confirmed = news(due_at=ELEVEN, expires_at=ELEVEN + DAY, facts=facts(times=None))
    android = phone(2, platform=Platform.ANDROID)

    def verdict(*phones: object, **more: object) -> object:
        one = structs.replace(confirmed, **more)
        return release(one, None, phones, exclusive=True, now=ELEVEN, wishes=PASSIVE)  # type: ignore[arg-type]

    assert verdict(phone()) == Released((phone(),))
    assert verdict(phone(), android) == Released((phone(), android))
    assert verdict(android) == Held(SEVEN)
    assert verdict(phone(), kind=REMINDER) == Held(SEVEN)
    assert is_passive(CONFIRMED, PASSIVE.quiet_hours)
    assert not is_passive(REMINDER, PASSIVE.quiet_hours)
    assert not is_passive(CONFIRMED, NIGHT)
    assert not is_passive(CONFIRMED, None)


def reminded(start_at: datetime, *minutes: int) -> list[tuple[datetime, bool]]:
    """When a user who sleeps from ten to seven is reminded of a meeting, and whether that is later
    than he wished."""
    choices = Choices(
        reminders=minutes,
        quiet_hours=ChosenHours(start="22:00", end="07:00", time_zone="Europe/Berlin"),
    )
    made = planned_for(
        standing(status=Status.ACCEPTED, times=half_hour(start_at)),
        users=directory(structs.replace(ADA_USER, choices=choices)),
        rules=Rules(),
        now=ELEVEN - DAY,
    )
    return sorted((item.due_at, item.held) for item in made.reminders)


def test_a_reminder_in_the_night_waits_where_there_is_time_in_the_morning() -> None:
    assert reminded(SEVEN + 50 * MINUTE, 60) == [(SEVEN, True)]
    assert reminded(SEVEN + 16 * HOUR, 1440) == [(SEVEN, True)]


def test_a_reminder_of_a_meeting_right_after_the_night_is_on_time() -> None:
    early = SEVEN + 10 * MINUTE
    assert reminded(early, 10, 60) == [(early - HOUR, False), (SEVEN, False)]


def test_several_reminders_that_wait_are_one() -> None:
    assert reminded(SEVEN + HOUR, 75, 120) == [(SEVEN, True)]
    assert [at for at, _ in reminded(SEVEN + HOUR, 60, 75, 120)] == [SEVEN]
    assert reminded(SEVEN + HOUR, 30, 75, 120) == [(SEVEN, True), (SEVEN + 30 * MINUTE, False)]


@given(quiet_hours, instants, st.lists(st.integers(1, 3000), max_size=4))
def test_a_reminder_is_never_in_quiet_hours_but_where_the_meeting_is_near(
    quiet: QuietHours, start_at: datetime, minutes: list[int]
) -> None:
    choices = Choices(reminders=tuple(minutes))
    made = planned_for(
        standing(times=half_hour(start_at)),
        users=directory(structs.replace(ADA_USER, choices=choices)),
        rules=Rules(quiet_hours=quiet),
        now=start_at - timedelta(days=7),
    )
    wished = [start_at - one * MINUTE for one in minutes]
    for item in made.reminders:
        assert item.due_at < start_at
        assert any(at <= item.due_at for at in wished)
        end = quiet_until(quiet, item.due_at)
        assert end is None or end + LEFT > start_at
        assert item.held or item.due_at in wished
