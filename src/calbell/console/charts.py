"""Charts: numbers over time as bars that stand on each other, to be drawn as SVG by a template."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from calbell.flows import words

WIDTH, HEIGHT, HEAD, FOOT, LEFT = 720, 170, 10, 22, 44
"""In the units of the drawing: all of it, of which above the bars, below them and left of them.
Above is room for half a line of the largest writing."""

LINES = 4
"""Lines across the chart, at the most."""


class Layer(Struct, frozen=True):
    """What is counted together: its name, how it is drawn, and the labels that belong to it."""

    name: str
    style: str
    labels: tuple[str, ...]


class Bar(Struct, frozen=True):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    style: str


class Column(Struct, frozen=True):
    """What is counted in one span of time: bars, and the same in words."""

    at: datetime
    bars: tuple[Bar, ...]
    words: str
    numbers: tuple[int, ...]


class Mark(Struct, frozen=True):
    """A place at an axis, and what is written there."""

    at: float
    words: str


class Chart(Struct, frozen=True):
    """A drawing: columns, the marks of both axes, and what each layer comes to in all."""

    columns: tuple[Column, ...]
    heights: tuple[Mark, ...]
    times: tuple[Mark, ...]
    totals: tuple[tuple[Layer, int], ...]

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing at all."""
        return not any(number for _, number in self.totals)


def stacked(
    counts: Mapping[tuple[datetime, str], int],
    layers: Sequence[Layer],
    since: datetime,
    number: int,
    span: timedelta,
) -> Chart:
    """A chart of so many columns, each of so much time, from the lowest layer up."""
    belongs = {label: at for at, layer in enumerate(layers) for label in layer.labels}
    numbers = [[0] * len(layers) for _ in range(number)]
    for (hour, label), count in counts.items():
        column = (hour - since) // span
        if 0 <= column < number and label in belongs:
            numbers[column][belongs[label]] += count
    step = _step(max(map(sum, numbers), default=0))
    top = step * LINES
    wide, high = (WIDTH - LEFT) / number, HEIGHT - FOOT - HEAD
    columns = []
    for place, each in enumerate(numbers):
        bars, below, x = list[Bar](), 0.0, _round(LEFT + (place + 0.1) * wide)
        for layer, count in zip(layers, each, strict=True):
            if count:
                height = max(count / top * high, 0.75)
                y = _round(HEIGHT - FOOT - below - height)
                bars.append(Bar(x, y, _round(wide * 0.8), _round(height), layer.style))
                below += height
        at = since + place * span
        columns.append(Column(at, tuple(bars), _words(at, layers, each), tuple(each)))
    every = max(number // 6, 1)
    return Chart(
        columns=tuple(columns),
        heights=tuple(
            Mark(_round(HEIGHT - FOOT - high * line / LINES), _short(step * line))
            for line in range(LINES + 1)
        ),
        times=tuple(
            Mark(_round(LEFT + (place + 0.5) * wide), _time(since + place * span, span))
            for place in range(0, number, every)
        ),
        totals=tuple((layer, sum(each[at] for each in numbers)) for at, layer in enumerate(layers)),
    )


def _step(most: int) -> int:
    """A round number, of which `LINES` reach as high as the highest column."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * LINES >= most:
                return step * factor
        step *= 10


def _words(at: datetime, layers: Iterable[Layer], column: Iterable[int]) -> str:
    said = ", ".join(
        f"{count} {layer.name}" for layer, count in zip(layers, column, strict=True) if count
    )
    return f"{words.utc(at)[5:16]}: {said or 'nothing'}"


def _time(at: datetime, span: timedelta) -> str:
    return f"{at:%d %b}" if span > timedelta(hours=1) else f"{at:%H:%M}"


def _short(number: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return str(number)


def _round(number: float) -> float:
    return round(number, 1)
