"""A Calbell to be killed, and an Expo that takes its time."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.programs import Program
from tests.acceptance.servers import Expo, address_of
from tests.acceptance.stand import Database, Stand
from tests.crash.ledger import Handed, Push
from tests.postgresql import new_database

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

    def taken(self) -> dict[Push, list[Handed]]:
        """All messages that it took, in pages: after a long storm there are many."""
        found = defaultdict[Push, list[Handed]](list)
        first, number = 0, -1
        while number:
            number, messages = self.raw("GET", f"/_test/taken/{first}").json()
            for at, event_id, token, key in messages:
                found[event_id, token].append(Handed(at, key))
            first += number
        return found


@pytest.fixture
def slow_expo(tmp_path: Path) -> Iterator[SlowExpo]:
    started = SlowExpo.begin(tmp_path)
    yield started
    started.take(0.0, 0.0)
    started.program.stop()
    assert started.program.err == []


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database of its own, on each engine."""
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path}/calbell.db", tmp_path)
    server = request.getfixturevalue("postgres")
    return Database(new_database(server), tmp_path)


@pytest.fixture
def new_stand(database: Database, slow_expo: SlowExpo) -> Iterator[Callable[..., Stand]]:
    """`new_stand(**variables)` is a Calbell on this database."""
    made: list[Stand] = []

    def make(**variables: str) -> Stand:
        made.append(Stand(database, slow_expo, variables))
        return made[-1]

    yield make
    for stand in made:
        if stand.program.is_running:
            stand.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The ledgers are shown at the end, side by side."""
    engines, table = list[str](), defaultdict[str, dict[str, str]](dict)
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, told in report.user_properties:
            if name == LEDGER and report.when == "call":
                engine, *rows = told
                engines.append(engine)
                for label, value in rows:
                    table[label][engine] = value
    if engines:
        engines.sort()
        terminalreporter.write_line(" " * 34 + "".join(f"{engine:>14}" for engine in engines))
    for label, values in table.items():
        cells = "".join(f"{values.get(engine, '-'):>14}" for engine in engines)
        terminalreporter.write_line(f"{label:34}{cells}")
