"""The table: medians of all runs beside what they have to reach."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from bench.figures import LAYERS_WHERE_DESIGNED, Engine, Figure, Goal, Reading

Readings = Mapping[tuple[Figure, Engine], Sequence[Reading]]

_HEADER = (
    "| what | engine | median | lowest – highest | to reach | reached | at the design's speed "
    "| of the median run |",
    "| --- | --- | ---: | ---: | ---: | --- | --- | --- |",
)
_EXPLANATION = (
    "Of the median run: CPU of the service for one, on the event loop's thread + on the "
    "database's threads and whatever else there is, without PostgreSQL's; how much of a core that "
    "was (well under 100 %: it waited, for the disk, PostgreSQL, or others on its core); and how "
    "much was measured."
)


def markdown(
    machine: Sequence[str],
    readings: Readings,
    failures: Sequence[str],
) -> str:
    """The whole page. `failures` are measurements that broke off."""
    speeds = _speeds(readings)
    rows = [
        _row(figure, engine, readings[figure, engine], speeds.get(engine))
        for figure in Figure
        for engine in Engine
        if (figure, engine) in readings
    ]
    runs = max((len(several) for several in readings.values()), default=0)
    return "\n".join(
        (
            f"# What Calbell reaches, medians of {runs} runs",
            "",
            "Made by `python -m bench --markdown docs/explanation/performance.md`"
            " (`make bench` prints the same). What is to be reached comes from the design;"
            " what is not reached says so.",
            "",
            *machine,
            *_compared(speeds),
            "",
            *_HEADER,
            *rows,
            "",
            _EXPLANATION,
            "",
            *(f"Not measured: {failure}" for failure in failures),
        )
    )


def _speeds(readings: Readings) -> dict[Engine, float]:
    """How fast this machine was beside the one of the design, by what the layers alone did."""
    return {
        engine: _middle(readings[Figure.LAYERS, engine]) / there
        for engine, there in LAYERS_WHERE_DESIGNED.items()
        if (Figure.LAYERS, engine) in readings
    }


def _compared(speeds: Mapping[Engine, float]) -> Iterator[str]:
    for engine, speed in speeds.items():
        there = LAYERS_WHERE_DESIGNED[engine]
        yield (
            f"On {engine} the layers below Calbell, alone, did {100 * speed:.0f} % of what they "
            f"did where the figures to reach come from ({there:,.0f} /s)."
        )
    if speeds:
        yield (
            "So fast was this machine in these runs. At the design's speed: what was measured "
            "here, reckoned with that, of figures that go with it."
        )


def _middle(several: Sequence[Reading]) -> float:
    return median(reading.value for reading in several)


def _row(figure: Figure, engine: Engine, several: Sequence[Reading], speed: float | None) -> str:
    values = sorted(reading.value for reading in several)
    middle = _middle(several)
    typical = min(several, key=lambda reading: abs(reading.value - middle))
    goal = figure.goal(engine)
    cells = (
        figure.words,
        engine,
        f"**{_number(middle)} {figure.unit}**",
        f"{_number(values[0])} – {_number(values[-1])}",
        _limit(goal, figure.unit) if goal else "",
        _answer(goal.is_met(middle)) if goal else "",
        _at_speed(figure, goal, middle, speed) if goal and speed else "",
        typical.note,
    )
    return f"| {' | '.join(cells)} |"


def _at_speed(figure: Figure, goal: Goal, value: float, speed: float) -> str:
    """What the value would be where the figures to reach come from, if it goes with the speed."""
    if not figure.with_speed:
        return ""
    there = value / speed**figure.with_speed
    return f"{_number(there)} {figure.unit}, {_answer(goal.is_met(there))}"


def _answer(reached: bool) -> str:
    return "yes" if reached else "**no**"


def _limit(goal: Goal, unit: str) -> str:
    return f"{'≥' if goal.is_least else '≤'} {goal.limit:,.0f} {unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
