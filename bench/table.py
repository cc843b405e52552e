"""The table: medians of all runs beside what they have to reach."""

from collections.abc import Mapping, Sequence
from statistics import median

from bench.figures import Engine, Figure, Goal, Reading

_HEADER = (
    "| what | engine | median | lowest – highest | to reach | reached | of the median run |",
    "| --- | --- | ---: | ---: | ---: | --- | --- |",
)
_EXPLANATION = (
    "Of the median run: CPU of the service for one, on the event loop's thread + on the "
    "database's threads and whatever else there is, without PostgreSQL's; how much of a core that "
    "was (well under 100 %: it waited, for the disk, PostgreSQL, or others on its core); and how "
    "much was measured."
)


def markdown(
    machine: Sequence[str],
    readings: Mapping[tuple[Figure, Engine], Sequence[Reading]],
    failures: Sequence[str],
) -> str:
    """The whole page. `failures` are measurements that broke off."""
    rows = [
        _row(figure, engine, readings[figure, engine])
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
            " what is not reached yet says so.",
            "",
            *machine,
            "",
            *_HEADER,
            *rows,
            "",
            _EXPLANATION,
            "",
            *(f"Not measured: {failure}" for failure in failures),
        )
    )


def _row(figure: Figure, engine: Engine, several: Sequence[Reading]) -> str:
    values = sorted(reading.value for reading in several)
    middle = median(values)
    typical = min(several, key=lambda reading: abs(reading.value - middle))
    goal = figure.goal(engine)
    cells = (
        figure.words,
        engine,
        f"**{_number(middle)} {figure.unit}**",
        f"{_number(values[0])} – {_number(values[-1])}",
        _limit(goal, figure.unit) if goal else "",
        ("yes" if goal.is_met(middle) else "**no**") if goal else "",
        typical.note,
    )
    return f"| {' | '.join(cells)} |"


def _limit(goal: Goal, unit: str) -> str:
    return f"{'≥' if goal.is_least else '≤'} {goal.limit:,.0f} {unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
