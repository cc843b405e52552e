"""A Calbell to be killed, and an Expo that takes its time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.programs import Program
from tests.acceptance.servers import Expo, address_of, fresh_database
from tests.acceptance.stand import Database, Stand

LEDGER = "ledger"


class SlowExpo(Expo):
    """The program of `slow_expo.py`."""

    @classmethod
    def begin(cls, folder: Path) -> "SlowExpo":
        program = Program([str(Path(__file__).with_name("slow_expo.py"))], folder)
        return cls(program, program.first(program.out, address_of))

    def take(self, before: float, after: float) -> None:
        """Push requests wait so many seconds before and after they have their effect."""
        self.raw("POST", f"/_test/delays/{before}/{after}")


@pytest.fixture
def slow_expo(tmp_path: Path) -> Iterator[SlowExpo]:
    started = SlowExpo.begin(tmp_path)
    yield started
    started.program.stop()
    assert started.program.err == []


@pytest.fixture(params=["sqlite", "postgresql"])
def new_stand(
    request: pytest.FixtureRequest, tmp_path: Path, slow_expo: SlowExpo
) -> Iterator[Callable[..., Stand]]:
    """`new_stand(**variables)` is a Calbell of its own, on each engine."""
    made: list[Stand] = []

    def make(**variables: str) -> Stand:
        url = (
            f"sqlite:///{tmp_path}/calbell.db"
            if request.param == "sqlite"
            else fresh_database(request.getfixturevalue("postgres"), abs(hash(tmp_path)))
        )
        made.append(Stand(Database(url, tmp_path), slow_expo, variables))
        return made[-1]

    yield make
    for stand in made:
        if stand.program.is_running:
            stand.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests wrote into their ledgers is shown at the end."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in report.user_properties:
            if name == LEDGER and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {text}")
