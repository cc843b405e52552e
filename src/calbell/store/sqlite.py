"""SQLite: one file, one writer, nothing to install."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import quote

import msgspec
from msgspec import Struct, structs

from calbell.store.connection import Row, StoreDamaged, StoreUnavailable, Value
from calbell.store.file_copies import BUSY_SECONDS, copy, free_name
from calbell.store.sqlite_errors import ends_connection, meant
from calbell.store.sqlite_file import FileId, damaged, file_id, lost, require_whole
from calbell.store.sqlite_log import CHECKPOINT_PAGES, LONGEST_LOG, Log
from calbell.store.statements import Dialect, Statement

OLDEST = (3, 38)
"""JSON in every build, and `->>`; `strict` tables, `returning` and `update ... from` are older."""

FULL = 2
"""The number of synchronous=FULL: each commit is synced before it returns."""


class SqliteConnection:
    """A connection in WAL mode, each commit on disk before it returns (synchronous=FULL): what
    SQLite says that it does is read back, not assumed.

    With `served` it is to that very file, which is not made if it is not there, and not written to
    any more once the path leads to another.
    """

    dialect = Dialect.SQLITE

    def __init__(self, path: str, served: FileId | None = None) -> None:
        self._path = path
        self._name = "SQLite" if path == ":memory:" else str(Path(path).absolute())
        self._served = served
        self._log_file: FileId | None = None
        self._is_usable = True
        try:
            if served is None and path != ":memory:":
                _make_private(path)
            self._raw = sqlite3.connect(
                path if path == ":memory:" else f"file:{quote(os.fsencode(self._name))}?mode=rw",
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
                uri=path != ":memory:",
            )
        except sqlite3.Error as error:
            if served is not None and file_id(path) != served:
                raise lost(path) from error
            raise meant(error, self._name) from error
        except OSError as error:
            raise StoreUnavailable(f"cannot open {self._name}: {error.strerror}") from error
        self._log = Log(self._raw, path)
        try:
            self._set_up()
        except BaseException as error:
            self._raw.close()
            if isinstance(error, sqlite3.Error):
                raise meant(error, self._name) from error
            raise

    def _set_up(self) -> None:
        ((journal,),) = self._raw.execute("pragma journal_mode = wal")
        if journal != "wal" and self._path != ":memory:":
            raise StoreUnavailable(
                f"SQLite cannot keep a write-ahead log beside {self._name} (it "
                f"says {journal}): put the database on a local disk, or use PostgreSQL"
            )
        for name, value in (
            ("synchronous", FULL),
            ("foreign_keys", 1),
            ("wal_autocheckpoint", CHECKPOINT_PAGES),
            ("journal_size_limit", LONGEST_LOG),
            ("temp_store", 2),
        ):
            self._raw.execute(f"pragma {name} = {value}")
            ((found,),) = self._raw.execute(f"pragma {name}")
            if found != value:
                raise StoreUnavailable(
                    f"SQLite {sqlite3.sqlite_version} does not take {name} = {value}, it stays "
                    f"with {found}: use a Python with an ordinary SQLite"
                )
        if self._served is not None and file_id(self._path) != self._served:
            raise lost(self._path)

    def run(self, statement: Statement, /, **scalars: Value) -> list[Row]:
        return self._raw.execute(statement.sqlite, _in_order(statement, scalars)).fetchall()

    def each(
        self, statement: Statement, rows: Iterable[tuple[Value, ...]], /, **scalars: Value
    ) -> list[Row]:
        sql, rest = statement.sqlite, _in_order(statement, scalars)
        if not statement.returns_rows:
            self._raw.executemany(sql, [row + rest for row in rows] if rest else rows)
            return []
        if statement.in_json:
            listed = list(rows) if len(statement.columns) > 1 else [value for (value,) in rows]
            return self._raw.execute(sql, (_json(listed), *rest)).fetchall() if listed else []
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
            if writes and self._served is not None:
                self._require_same_files(self._served)
            yield
            self._raw.execute("commit")
        except BaseException as error:
            self._undo()
            if isinstance(error, sqlite3.Error):
                self._is_usable = self._is_usable and not ends_connection(error)
                raise meant(error, self._name) from error
            raise
        if writes:
            self._log.keep_short()

    def _undo(self) -> None:
        """Nothing of the transaction is left. Some errors make SQLite roll back by itself; where it
        cannot be done, no other unit may run inside this one."""
        if self._raw.in_transaction:
            with suppress(sqlite3.Error):
                self._raw.execute("rollback")
            self._is_usable = self._is_usable and not self._raw.in_transaction

    def _require_same_files(self, served: FileId) -> None:
        """Whoever opens the path sees what is written here. The log is there since `begin`, and
        stays the same for as long as somebody is connected."""
        log = file_id(f"{self._path}-wal")
        if self._log_file is None:
            self._log_file = log
        if log is None or log != self._log_file or file_id(self._path) != served:
            raise lost(self._path)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self.transaction(writes=False):
            yield

    def is_usable(self) -> bool:
        return self._is_usable

    def wait_for_locks(self, seconds: float) -> None:
        self._raw.execute(f"pragma busy_timeout = {int(seconds * 1000)}")

    def read_ends(self) -> None:
        """The schema and the first and last row of every table could be read."""
        tables = self._raw.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        ).fetchall()
        for (name,) in tables:
            for order in ("asc", "desc"):
                self._raw.execute(f'select * from "{name}" order by rowid {order} limit 1')

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
    """The database file `path`; `:memory:` is a new one for every connection. With `served`, it is
    that very file."""

    path: str
    dialect: Dialect = Dialect.SQLITE
    writers: int = 1
    lanes: int = 1
    served: FileId | None = None

    def connect(self) -> SqliteConnection:
        if sqlite3.sqlite_version_info < OLDEST:
            raise StoreUnavailable(
                f"SQLite {'.'.join(map(str, OLDEST))} or newer is needed, "
                f"this Python has {sqlite3.sqlite_version}"
            )
        folder = Path(self.path).absolute().parent
        if self.path != ":memory:" and self.served is None and not folder.is_dir():
            raise StoreUnavailable(f"there is no folder {folder}")
        return SqliteConnection(self.path, self.served)

    def serving(self) -> Self:
        """The engine for as long as a service runs: a file that is removed, or replaced by another,
        is not taken for this one."""
        return structs.replace(self, served=file_id(self.path))

    def examine(self) -> None:
        if self.path == ":memory:":
            return
        require_whole(self.path)
        if file_id(self.path) is None:
            return
        connection = self.connect()
        try:
            with connection.transaction(writes=False):
                connection.read_ends()
        except StoreDamaged as error:
            raise damaged(self.path, str(error)) from error
        finally:
            connection.close()

    def copy_before(self, version: int, now: datetime) -> Path:
        target = free_name(Path(f"{self.path}.before-{version}"))
        return copy(Path(self.path), target, lambda: now).path


def _in_order(statement: Statement, scalars: dict[str, Value]) -> tuple[Value, ...]:
    return tuple([scalars[name] for name in statement.scalars])


def _json(rows: list[Value] | list[tuple[Value, ...]]) -> str:
    return msgspec.json.encode(rows).decode()


def _statements(sql: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit a transaction under way."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
