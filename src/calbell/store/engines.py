"""From a database URL to the engine behind it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from calbell.store.connection import Connection
from calbell.store.sqlite import SqliteEngine
from calbell.store.statements import Dialect, load

if TYPE_CHECKING:
    from calbell.store.postgresql import PostgresEngine

_SQL = load("clock")


def engine_of(url: str) -> "SqliteEngine | PostgresEngine":
    """The engine of a URL as configuration takes it."""
    if url.startswith("sqlite:///"):
        return SqliteEngine(url.removeprefix("sqlite:///"))
    # Its driver is half of what a small machine would have to keep in memory.
    from calbell.store.postgresql import PostgresEngine

    return PostgresEngine(url)


def time_of(connection: Connection, monotonic: Callable[[], float]) -> tuple[float, float]:
    """What the database's own clock shows, in seconds since 1970, when `monotonic` is at 0, and how
    many seconds it took to ask: half of that it may be wrong. SQLite has no clock but this
    machine's."""
    match connection.dialect:
        case Dialect.POSTGRESQL:
            before = monotonic()
            ((ms,),) = connection.run(_SQL["database_time"])
            after = monotonic()
            return float(ms) / 1000 - (before + after) / 2, after - before
        case Dialect.SQLITE:
            raise ValueError("SQLite has no clock of its own")
        case _:
            assert_never(connection.dialect)
