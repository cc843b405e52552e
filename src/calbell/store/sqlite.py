"""SQLite: one file, one writer, nothing to install."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from calbell.store.connection import MissingReference, Row, StoreUnavailable, Value
from calbell.store.file_copies import BUSY_SECONDS, copy, free_name
from calbell.store.statements import Dialect, Statement

OLDEST = (3, 37)
"""`strict` tables; `returning` and `update ... from` are older."""

CHECKPOINT_PAGES = 4000
"""16 MB of log before it is copied into the file: with SQLite's 1,000 pages that is every few
commits under load."""


class SqliteConnection:
    """A connection in WAL mode, each commit on disk before it returns (synchronous=FULL)."""

    dialect = Dialect.SQLITE

    def __init__(self, path: str) -> None:
        try:
            if path != ":memory:":
                _make_private(path)
            self._raw = sqlite3.connect(
                path,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
            )
            for pragma in (
                "journal_mode = wal",
                "synchronous = full",
                "foreign_keys = on",
                f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
                "temp_store = memory",
            ):
                self._raw.execute(f"pragma {pragma}")
        except (sqlite3.Error, OSError) as error:
            where = Path(path).absolute()
            raise StoreUnavailable(f"cannot open {where}: {error}") from error

    def run(self, statement: Statement, /, **scalars: Value) -> list[Row]:
        return self._raw.execute(statement.sqlite, _in_order(statement, scalars)).fetchall()

    def each(
        self, statement: Statement, rows: Iterable[tuple[Value, ...]], /, **scalars: Value
    ) -> list[Row]:
        sql, rest = statement.sqlite, _in_order(statement, scalars)
        if not statement.returns_rows:
            self._raw.executemany(sql, [row + rest for row in rows] if rest else rows)
            return []
        execute, results = self._raw.execute, list[Row]()
        for row in rows:
            results += execute(sql, row + rest).fetchall()
        return results

    def count(self, statement: Statement, /, **scalars: Value) -> int:
        return self._raw.execute(statement.sqlite, _in_order(statement, scalars)).rowcount

    def script(self, sql: str) -> None:
        for one in _statements(sql):
            self._raw.execute(one)

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[None]:
        try:
            self._raw.execute("begin immediate" if writes else "begin")
            try:
                yield
            except BaseException:
                self._raw.execute("rollback")
                raise
            self._raw.execute("commit")
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                raise MissingReference(f"SQLite: {error}") from error
            raise
        except sqlite3.OperationalError as error:
            if self._raw.in_transaction:
                self._raw.execute("rollback")
            raise StoreUnavailable(f"SQLite: {error}") from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self.transaction(writes=False):
            yield

    def is_usable(self) -> bool:
        return True

    def data_version(self) -> int:
        """Changes when another connection has committed something."""
        version: int = self._raw.execute("pragma data_version").fetchone()[0]
        return version

    def close(self) -> None:
        self._raw.close()


def _make_private(path: str) -> None:
    """The file exists; a new one holds push tokens and addresses and is its owner's alone.

    One that is there is not opened: closing it again would end SQLite's locks on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


class SqliteEngine(Struct, frozen=True):
    """The database file `path`; `:memory:` is a new one for every connection."""

    path: str
    dialect: Dialect = Dialect.SQLITE
    writers: int = 1
    lanes: int = 1

    def connect(self) -> SqliteConnection:
        if sqlite3.sqlite_version_info < OLDEST:
            raise StoreUnavailable(
                f"SQLite {'.'.join(map(str, OLDEST))} or newer is needed, "
                f"this Python has {sqlite3.sqlite_version}"
            )
        if self.path != ":memory:" and not Path(self.path).absolute().parent.is_dir():
            raise StoreUnavailable(f"there is no folder {Path(self.path).absolute().parent}")
        return SqliteConnection(self.path)

    def copy_before(self, version: int, now: datetime) -> Path:
        target = free_name(Path(f"{self.path}.before-{version}"))
        return copy(Path(self.path), target, lambda: now).path


def _in_order(statement: Statement, scalars: dict[str, Value]) -> tuple[Value, ...]:
    return tuple([scalars[name] for name in statement.scalars])


def _statements(sql: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit a transaction under way."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
