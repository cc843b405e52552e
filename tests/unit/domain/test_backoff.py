"""How long to wait: between attempts, and for receipts."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.backoff import Backoff, receipt_look

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BACKOFF = Backoff(timedelta(seconds=2), timedelta(seconds=300))
ALMOST_ONE = 1 - 2**-53

chances = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, 1000)
spans = st.timedeltas(timedelta(milliseconds=1), timedelta(hours=12))


@st.composite
def backoffs(draw: st.DrawFn) -> Backoff:
    base, longest = sorted((draw(spans), draw(spans)))
    return Backoff(base, longest)


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (7, 64), (8, 128), (9, 150), (1000, 150)]
)
def test_a_pause_doubles_with_each_attempt_up_to_the_longest(attempt: int, seconds: int) -> None:
    assert BACKOFF.pause(attempt, 0.5) == timedelta(seconds=seconds)


@settings(deadline=None)
@given(backoffs(), attempts, chances)
def test_a_pause_is_never_over_its_ceiling_and_no_retry_follows_at_once(
    backoff: Backoff, attempt: int, chance: float
) -> None:
    pause = backoff.pause(attempt, chance)
    assert backoff.base / 10 <= pause <= backoff.longest
    assert pause / backoff.base <= 2 ** (attempt - 1)
    assert pause > timedelta(0)


@settings(deadline=None)
@given(backoffs(), attempts, chances)
def test_a_later_attempt_never_waits_less_by_the_same_chance(
    backoff: Backoff, attempt: int, chance: float
) -> None:
    assert backoff.pause(attempt, chance) <= backoff.pause(attempt + 1, chance)


def test_chance_spreads_the_pauses_over_the_whole_span() -> None:
    assert BACKOFF.pause(5, 0) == timedelta(seconds=0.2)
    assert BACKOFF.pause(5, 0.25) == timedelta(seconds=8)
    assert BACKOFF.pause(5, ALMOST_ONE) == timedelta(seconds=32)


def looks(first: timedelta) -> list[timedelta]:
    found: list[timedelta] = []
    while (look := receipt_look(first, len(found))) is not None:
        found.append(look)
        assert len(found) < 100
    return found


def test_receipts_are_looked_for_as_expo_makes_them() -> None:
    minutes = [look / MINUTE for look in looks(15 * MINUTE)]
    assert minutes == [15, 30, 60, 4 * 60, 12 * 60, 23 * 60]


def test_there_is_no_look_after_the_last() -> None:
    assert receipt_look(15 * MINUTE, 6) is None
    assert receipt_look(15 * MINUTE, 600) is None


def test_a_short_first_look_is_doubled_up_to_a_quarter_of_an_hour() -> None:
    assert looks(3 * MINUTE) == [
        3 * MINUTE,
        6 * MINUTE,
        12 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        4 * HOUR,
        12 * HOUR,
        23 * HOUR,
    ]


def test_a_late_first_look_leaves_out_what_was_before_it() -> None:
    assert looks(2 * HOUR) == [2 * HOUR, 4 * HOUR, 12 * HOUR, 23 * HOUR]


def test_a_first_look_after_expo_has_forgotten_is_made_while_it_still_knows() -> None:
    assert looks(24 * HOUR) == [23 * HOUR]


@settings(deadline=None)
@given(st.timedeltas(timedelta(0), timedelta(days=1)))
def test_looks_grow_strictly_and_end_while_expo_still_knows(first: timedelta) -> None:
    found = looks(first)
    assert found[0] == min(first, 23 * HOUR)
    assert all(before < after for before, after in pairwise(found))
    assert found[-1] == 23 * HOUR
    assert len(found) <= 25
