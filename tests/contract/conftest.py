"""Every test of this folder runs on both engines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calbell.store import migrate
from calbell.store.connection import Connection, Engine
from calbell.store.postgresql import PostgresEngine
from calbell.store.sqlite import SqliteEngine
from tests.contract.world import NOW
from tests.postgresql import drop_database, new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """An engine over a database without tables."""
    if request.param == "sqlite":
        return SqliteEngine(str(tmp_path / "calbell.db"))
    return PostgresEngine(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine over a database whose schema is up to date."""
    with new_engine(request, tmp_path) as engine:
        yield engine


@contextmanager
def new_engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    """As the parameter says, over a database whose schema is up to date."""
    if request.param == "sqlite":
        engine = SqliteEngine(str(folder / "calbell.db"))
        migrate.bring_up_to_date(engine, NOW)
        yield engine
        return
    server = request.getfixturevalue("postgres")
    url = new_database(server, like=request.getfixturevalue("migrated"))
    yield PostgresEngine(url)
    drop_database(server, url)


@pytest.fixture(scope="session")
def migrated(postgres: str) -> str:
    """The URL of a database on PostgreSQL that has all tables, for copying: that is faster than to
    make them."""
    url = new_database(postgres)
    migrate.bring_up_to_date(PostgresEngine(url), NOW)
    return url


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
