"""Every test of this folder runs on both engines."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from calbell.store import migrate
from calbell.store.connection import Connection, Engine
from calbell.store.postgresql import PostgresEngine
from calbell.store.sqlite import SqliteEngine
from tests.contract.world import NOW


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """An engine over a database without tables."""
    if request.param == "sqlite":
        return SqliteEngine(str(tmp_path / "calbell.db"))
    return PostgresEngine(request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(empty_engine: Engine) -> Engine:
    """An engine over a database whose schema is up to date."""
    migrate.bring_up_to_date(empty_engine, NOW)
    return empty_engine


@pytest.fixture
def connect(engine: Engine) -> Iterator[Callable[[], Connection]]:
    """Makes connections, as several processes would."""
    made: list[Connection] = []

    def connect() -> Connection:
        made.append(engine.connect())
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


@pytest.fixture
def connection(connect: Callable[[], Connection]) -> Connection:
    """One connection."""
    return connect()
