"""What is old enough to be forgotten, and how much of it goes at once."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from calbell.domain.retention import Horizon, Portion, horizon, portion
from tests.unit.domain.builders import DAY, NOW

weights = st.lists(st.one_of(st.none(), st.integers(1, 300)), max_size=40)


def test_what_was_heard_of_within_a_day_is_kept_however_long_ago_it_ended() -> None:
    assert horizon(NOW, 30 * DAY) == Horizon(NOW - 30 * DAY, NOW - DAY)


def test_a_short_retention_is_not_made_longer_by_that() -> None:
    hour = timedelta(hours=1)
    assert horizon(NOW, hour) == Horizon(NOW - hour, NOW - hour)
    assert horizon(NOW, timedelta()) == Horizon(NOW, NOW)


def test_a_portion_ends_where_there_is_no_more_room() -> None:
    assert portion([(1, 4), (2, 6), (3, 1)], 10) == Portion((1, 2), None, 2)
    assert portion([(1, 4), (2, 7), (3, 1)], 10) == Portion((1,), None, 1)


def test_what_is_unfinished_is_passed_over() -> None:
    assert portion([(1, None), (2, 6), (3, None)], 10) == Portion((2,), None, 3)


def test_one_that_never_fits_is_taken_apart_when_its_turn_comes() -> None:
    assert portion([(1, 4), (2, 11)], 10) == Portion((1,), None, 1)
    assert portion([(2, 11), (3, 1)], 10) == Portion((), 2, 0)


@given(weights, st.integers(1, 200))
def test_portions_pass_over_nothing_but_the_unfinished(listed: list[int | None], room: int) -> None:
    weighed, gone = list(enumerate(listed)), list[int]()
    while weighed:
        chosen = portion(weighed, room)
        assert sum(listed[id_] or 0 for id_ in chosen.whole) <= room
        gone += chosen.whole
        if chosen.large is not None:
            assert (chosen.whole, chosen.large) == ((), weighed[chosen.seen][0])
            gone.append(chosen.large)
        weighed = weighed[chosen.seen + (chosen.large is not None) :]
    assert gone == [id_ for id_, weight in enumerate(listed) if weight is not None]
