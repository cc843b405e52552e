"""Charts: what was counted becomes bars that can be looked at and read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calbell.console.charts import FOOT, HEIGHT, LEFT, WIDTH, Layer, stacked

START = datetime(2026, 11, 25, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LAYERS = (Layer("well", "good", ("delivered",)), Layer("badly", "bad", ("failed", "unknown")))


def test_what_is_counted_together_stands_in_one_column() -> None:
    counts = {
        (START, "delivered"): 30,
        (START, "failed"): 6,
        (START + HOUR, "unknown"): 4,
        (START + HOUR, "nobody asks for this"): 99,
        (START - HOUR, "delivered"): 99,
        (START + 2 * HOUR, "delivered"): 99,
    }
    chart = stacked(counts, LAYERS, START, 2, HOUR)
    assert [column.numbers for column in chart.columns] == [(30, 6), (0, 4)]
    assert chart.columns[0].words == "11-25 00:00: 30 well, 6 badly"
    assert [total for _, total in chart.totals] == [30, 10]
    assert [mark.words for mark in chart.heights] == ["0", "10", "20", "30", "40"]
    lower, upper = chart.columns[0].bars
    assert lower.y + lower.height == pytest.approx(HEIGHT - FOOT, abs=0.2)
    assert upper.y + upper.height == pytest.approx(lower.y, abs=0.2)
    assert lower.height == pytest.approx(5 * upper.height, rel=0.02)


def test_a_chart_of_nothing_says_so() -> None:
    chart = stacked({}, LAYERS, START, 24, HOUR)
    assert chart.is_empty
    assert all(not column.bars for column in chart.columns)
    assert chart.columns[0].words == "11-25 00:00: nothing"


@given(
    st.dictionaries(
        st.tuples(st.integers(-5, 40), st.sampled_from(["delivered", "failed", "other"])),
        st.integers(0, 10**9),
    )
)
def test_no_bar_hangs_out_of_its_chart(found: dict[tuple[int, str], int]) -> None:
    counts = {(START + at * HOUR, label): count for (at, label), count in found.items()}
    chart = stacked(counts, LAYERS, START, 24, HOUR)
    for column in chart.columns:
        for bar in column.bars:
            assert bar.x >= LEFT
            assert bar.x + bar.width <= WIDTH + 0.2
            assert bar.y >= 0
            assert bar.height > 0
    assert len(chart.times) <= 8
