"""The page of proof says what was kept of the long runs, and nothing else."""

from pathlib import Path

from tests.proof.page import page
from tests.proof.runs import Forgotten, Found, Fuzzed, Killed, Lived, Run, Where, keep, read
from tests.universe.lives import Totals

PAGE = Path(__file__).parents[2] / "docs/explanation/proof.md"

WHERE = Where("2026-11-26", "abc1234", 2, "make it")


def test_the_page_is_made_of_what_was_kept() -> None:
    assert PAGE.read_text() == page(read()), "make it anew: python -m tests.proof"


def test_what_is_kept_is_read_in_its_order(tmp_path: Path) -> None:
    runs: list[Run] = [
        Lived(WHERE, 2, Totals(years=2.5, kinds={"F01": 3}), [7]),
        Killed(WHERE, "sqlite", {"kills": "4"}),
        Fuzzed(WHERE, 5, {"200": 5}, 0),
        Forgotten(WHERE, "SQLite", 9, 2.0, [3.5, 3.6], 1.0, 20.0, 5.0, 7.0),
        Found("2026-11-26", "the universe, seed 7", "It rang twice."),
    ]
    for run in runs:
        keep(run, tmp_path / "runs.jsonl")
    assert read(tmp_path / "runs.jsonl") == runs


def test_a_broken_promise_stays_on_the_page() -> None:
    rows = {"kills": "4", "events accepted": "9", "handed to Expo": "30", "  more than once": "2"}
    said = page(
        [
            Lived(WHERE, 2, Totals(years=2.5), [7, 11]),
            Killed(WHERE, "sqlite", rows | {"on a screen twice": "0", "lost": "1"}),
            Fuzzed(WHERE, 5, {"200": 5}, 3),
        ]
    )
    assert "| 2 lives |" in said
    assert "| 7, 11 |" in said
    assert "| 1 lost, 0 twice on a screen |" in said
    assert "| 5 | 3 |" in said
