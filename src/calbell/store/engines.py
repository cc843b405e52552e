"""From a database URL to the engine behind it."""

from typing import TYPE_CHECKING, assert_never

from calbell.store.connection import Connection
from calbell.store.sqlite import SqliteEngine
from calbell.store.statements import Dialect, load
from calbell.store.times import from_ms

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


def time_of(connection: Connection) -> float:
    """The database's own clock, in seconds since 1970; SQLite has none but this machine's."""
    match connection.dialect:
        case Dialect.POSTGRESQL:
            ((ms,),) = connection.run(_SQL["database_time"])
            return from_ms(ms).timestamp()
        case Dialect.SQLITE:
            raise ValueError("SQLite has no clock of its own")
        case _:
            assert_never(connection.dialect)
