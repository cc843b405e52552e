"""The table of what was measured."""

import pytest
from bench.figures import LAYERS_WHERE_DESIGNED, Engine, Figure, Reading
from bench.table import markdown


def rows(figures: dict[Figure, list[float]]) -> dict[str, list[str]]:
    """The cells of each row, by what was measured."""
    readings = {
        (figure, Engine.SQLITE): [Reading(figure, value) for value in values]
        for figure, values in figures.items()
    }
    lines = markdown((), readings, ()).splitlines()
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "| SQLite |" in line
    ]
    return {row[0]: row[2:7] for row in cells}


HALF = LAYERS_WHERE_DESIGNED[Engine.SQLITE] / 2


@pytest.mark.parametrize(
    ("figure", "values", "expected"),
    [
        (
            Figure.REGISTRATIONS,
            [7000, 6500, 8000],
            ["**7,000 /s**", "6,500 – 8,000", "≥ 12,000 /s", "**no**", "14,000 /s, yes"],
        ),
        (Figure.PACED, [12], ["**12.0 %**", "12.0 – 12.0", "≤ 5 %", "**no**", "6.0 %, **no**"]),
        (Figure.MEMORY, [70], ["**70.0 MB**", "70.0 – 70.0", "≤ 80 MB", "yes", ""]),
        (Figure.WORDS, [20], ["**20.0 µs**", "20.0 – 20.0", "", "", ""]),
    ],
)
def test_what_goes_with_the_speed_is_reckoned_with_that_of_the_layers(
    figure: Figure, values: list[float], expected: list[str]
) -> None:
    assert rows({Figure.LAYERS: [HALF], figure: values})[figure.words] == expected


def test_without_the_layers_nothing_is_reckoned() -> None:
    assert rows({Figure.REGISTRATIONS: [7000]})[Figure.REGISTRATIONS.words][-1] == ""
