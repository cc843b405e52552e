"""What a unit of work sees of a database: a connection that runs named statements."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from calbell.store.statements import Dialect, Statement

Value: TypeAlias = str | int | bytes | None
Row: TypeAlias = tuple[Any, ...]


CANNOT_BE_ASKED = "the database cannot be asked"


class StoreUnavailable(Exception):
    """The database cannot be asked now: it is down, locked for too long, full, damaged, or the
    queue to it is. Nothing was changed, unless it failed in the middle of a commit.

    The message is the operator's; `reason` is what anybody may read of it.
    """

    def __init__(self, message: str, reason: str = CANNOT_BE_ASKED) -> None:
        super().__init__(message)
        self.reason = reason


class StoreLocked(StoreUnavailable):
    """Somebody else held the database for longer than a unit of work waits for it."""


class StoreDamaged(StoreUnavailable):
    """What is in the database's file is not what was written. Time does not mend that; other units
    of work may still succeed."""


class TryAgain(StoreUnavailable):
    """Nothing was changed, for a reason that may be gone already: the connection was dead, two
    transactions locked each other out, or somebody else made the same row first."""


class MissingReference(Exception):
    """A row was to refer to one that is not there, a foreign key: it has gone meanwhile. Nothing
    was changed."""


class Connection(Protocol):
    """One connection to either engine, used by one thread at a time."""

    @property
    def dialect(self) -> Dialect:
        """Which engine this is."""

    def run(self, statement: Statement, /, **scalars: Value) -> list[Row]:
        """Run a statement that has no list of rows; its result, read to the end."""

    def each(
        self, statement: Statement, rows: Iterable[tuple[Value, ...]], /, **scalars: Value
    ) -> list[Row]:
        """Run a statement over a list of rows, in the order of its columns; all results."""

    def count(self, statement: Statement, /, **scalars: Value) -> int:
        """Run a statement that changes rows; how many it changed."""

    def script(self, sql: str) -> None:
        """Run several statements without parameters, as migrations do."""

    def transaction(self, *, writes: bool) -> AbstractContextManager[None]:
        """All or nothing; committed and durable when the block ends without an exception."""

    def snapshot(self) -> AbstractContextManager[None]:
        """All that is read in the block is of one moment, whatever others commit, and however long
        it waits in between; nothing is changed in it."""

    def is_usable(self) -> bool:
        """Whether the next transaction can be tried on this connection."""

    def wait_for_locks(self, seconds: float) -> None:
        """From now on a transaction waits this long for another program that holds the whole
        database; where nobody can, nothing changes."""

    def close(self) -> None:
        """The connection is gone."""


class Engine(Protocol):
    """Where connections come from, and what is particular about them."""

    @property
    def dialect(self) -> Dialect:
        """Which engine this is."""

    @property
    def writers(self) -> int:
        """How many connections may write at the same time."""

    @property
    def lanes(self) -> int:
        """How many lists of one kind are under way at the same time; more make each shorter."""

    def connect(self) -> Connection:
        """A new connection; `StoreUnavailable` if there is none to be had."""

    def examine(self) -> None:
        """What can be seen at little cost is well, however much there is; else `StoreDamaged` says
        what to do. To be called before anything is connected."""

    def copy_before(self, version: int, now: datetime) -> Path | None:
        """Where the database is a file, there is a copy of it from before this migration, and where
        that is. `StoreUnavailable` where it cannot be copied."""
