"""PostgreSQL: any number of processes around one database that keeps everything."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString

import psycopg
from msgspec import Struct, json
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from calbell.store.arrays import array, teach
from calbell.store.connection import (
    CANNOT_BE_ASKED,
    MissingReference,
    Row,
    StoreDamaged,
    StoreLocked,
    StoreUnavailable,
    TryAgain,
    Value,
)
from calbell.store.statements import Dialect, Statement, load

_SQL = load("durability")
_SESSION = load("session")

CONNECT_SECONDS = 5
CHANNEL = "calbell"

WISHES: dict[str, str | int] = {
    "connect_timeout": CONNECT_SECONDS,
    "fallback_application_name": "calbell",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""How to connect, unless the URL says otherwise: a server that is gone without a word is noticed in
seconds."""

NO_URL = (
    "PostgreSQL: this is not a connection URL, postgresql://user:password@host:port/name; write "
    "@ : / ? # [ ] % in a password as %40 %3A %2F %3F %23 %5B %5D %25"
)
"""Nothing of it is said: any part may be the password's."""

SESSION: Mapping[str, str] = MappingProxyType(
    {
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "30s",
        "random_page_cost": "1.1",
    }
)
"""What holds in each session, unless URL, role, database or server say something else about it.

After how long the server ends a statement, a wait for a lock, and a transaction that nobody goes on
with: less than a lease, far more than any unit takes. So a process that was frozen in the middle
holds up nobody for long. A snapshot may wait for ever, for a reader of what is read in it.

A page in any place costs little more than the next one, for what is hot lies in memory. By its own
setting, which is a turning disk's, the server reads a table of thirty thousand deliveries whole for
a hundred whose ids it is given: 10 ms instead of 3."""

IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "25006": "the database is read-only",
        "53100": "the disk is full",
        "55P03": "another program holds the database locked",
        "57014": "the database takes too long",
        "57P03": "the database is starting or stopping",
        "58030": "the disk cannot be read or written",
        "XX001": "the database is damaged",
        "XX002": "the database is damaged",
    }
)
"""By SQLSTATE: what an operator of the server has to do something about, or to wait for."""

KINDS: Mapping[str, type[StoreUnavailable]] = MappingProxyType(
    {"55P03": StoreLocked, "XX001": StoreDamaged, "XX002": StoreDamaged}
)

_PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.UniqueViolation,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


class PostgresConnection:
    """A connection in autocommit mode; transactions are begun by `transaction`.

    `is_pooled`: not the server itself answers, but something like PgBouncer that stands before it.
    Then a session may be another one in each transaction: nothing is prepared in it.
    """

    dialect = Dialect.POSTGRESQL

    def __init__(self, url: str) -> None:
        try:
            self._raw = psycopg.connect(_conninfo(url), autocommit=True)
            try:
                self._raw.execute(_SQL["commit_durably"].postgresql)
                wishes = {"wishes": json.encode(dict(SESSION)).decode()}
                self._raw.execute(_SESSION["set_session"].postgresql, wishes)
                ((answering,),) = self._raw.execute(_SESSION["who_answers"].postgresql).fetchall()
            except BaseException:
                self._raw.close()
                raise
        except psycopg.Error as error:
            message = f"cannot connect to PostgreSQL: {_plain(error)}"
            raise StoreUnavailable(message, _words(error)) from None
        teach(self._raw)
        self._encoding = self._raw.info.encoding
        self.is_pooled = answering != self._raw.info.backend_pid
        self._raw.prepare_threshold = None if self.is_pooled else 2

    def run(self, statement: Statement, /, **scalars: Value) -> list[Row]:
        cursor = self._raw.execute(statement.postgresql, scalars)
        return cursor.fetchall() if statement.returns_rows else []

    def each(
        self, statement: Statement, rows: Iterable[tuple[Value, ...]], /, **scalars: Value
    ) -> list[Row]:
        listed = list(rows)
        if not listed:
            return []
        columns = zip(statement.columns, statement.types, zip(*listed, strict=True), strict=True)
        arrays = {name: array(type_, column, self._encoding) for name, type_, column in columns}
        cursor = self._raw.execute(statement.postgresql, arrays | scalars)
        return cursor.fetchall() if statement.returns_rows else []

    def count(self, statement: Statement, /, **scalars: Value) -> int:
        return self._raw.execute(statement.postgresql, scalars).rowcount

    def script(self, sql: str) -> None:
        # Several statements at once cannot be prepared.
        self._raw.execute(sql, prepare=False)

    def transaction(self, *, writes: bool) -> AbstractContextManager[None]:
        return self._begun("begin")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._begun("begin isolation level repeatable read read only"):
            self._raw.execute(_SESSION["wait_in_snapshot"].postgresql)
            yield

    @contextmanager
    def _begun(self, begin: LiteralString) -> Iterator[None]:
        try:
            self._raw.execute(begin)
            yield
        except BaseException as error:
            self._undo()
            if isinstance(error, psycopg.Error) and not _is_forbidden_here(error, begin):
                raise self._meant(error) from error
            raise
        try:
            self._raw.execute("commit")
        except psycopg.Error as error:
            self._undo()
            raise StoreUnavailable(f"PostgreSQL: {_plain(error)}", _words(error)) from error

    def _meant(self, error: psycopg.Error) -> Exception:
        """The error in the store's terms, after a rollback; itself where it is a mistake of
        ours."""
        if isinstance(error, psycopg.errors.ForeignKeyViolation):
            return MissingReference("PostgreSQL: a foreign key refers to nothing")
        if error.sqlstate in IN_WORDS:
            if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                # A server that became a standby: another connection may lead to its successor.
                self._raw.close()
            kind = KINDS.get(error.sqlstate or "", StoreUnavailable)
            return kind(f"PostgreSQL: {_plain(error)}", _words(error))
        return TryAgain(f"PostgreSQL: {_plain(error)}") if isinstance(error, _PASSING) else error

    def _undo(self) -> None:
        """What was begun is rolled back; with a connection that is lost, the server does it."""
        with suppress(psycopg.Error):
            self._raw.execute("rollback")

    def is_usable(self) -> bool:
        return not self._raw.closed and not self._raw.broken

    def wait_for_locks(self, seconds: float) -> None:
        """Nobody can hold the whole of this database."""

    def notifications(self, timeout: float) -> Iterator[str]:
        """What arrives on Calbell's channel within `timeout` seconds; `listen` first."""
        try:
            for notice in self._raw.notifies(timeout=timeout):
                yield notice.payload
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise StoreUnavailable(f"PostgreSQL: {_plain(error)}") from error

    def listen(self) -> None:
        """From now on, what other connections notify is heard by this one."""
        try:
            self._raw.execute(f"listen {CHANNEL}")
        except psycopg.Error as error:
            raise StoreUnavailable(f"PostgreSQL: {_plain(error)}", _words(error)) from error

    def close(self) -> None:
        self._raw.close()


class PostgresEngine(Struct, frozen=True):
    """The database at a libpq URL; it may hold a password and is never shown."""

    url: str
    writers: int = 4
    lanes: int = 2
    dialect: Dialect = Dialect.POSTGRESQL

    def connect(self) -> PostgresConnection:
        return PostgresConnection(self.url)

    def examine(self) -> None:
        """A server looks after its files by itself."""

    def copy_before(self, version: int, now: datetime) -> None:
        """Copies of a server are its operator's."""

    def dump_command(self, file: Path) -> str:
        """What to run for a copy of this database in `file`, without the password."""
        try:
            parameters = conninfo_to_dict(self.url)
        except psycopg.Error:
            raise StoreUnavailable(NO_URL) from None
        shown = {name: str(value) for name, value in parameters.items() if "password" not in name}
        where = make_conninfo("", **shown)
        return shlex.join(("pg_dump", "--format=custom", f"--file={file}", f"--dbname={where}"))


def _conninfo(url: str) -> str:
    """The URL as it is, with our wishes where it says nothing.

    A password with an `@` or a `/` in it makes other parts of it, which the driver's errors would
    show: such a URL is not given to it. The name of a socket may begin with an `@`.
    """
    try:
        told = conninfo_to_dict(url)
    except psycopg.Error:
        raise StoreUnavailable(NO_URL) from None
    hosts, ports = str(told.get("host", "")), str(told.get("port", ""))
    if any("@" in host[1:] for host in hosts.split(",")) or not re.fullmatch("[0-9,]*", ports):
        raise StoreUnavailable(NO_URL)
    return make_conninfo(url, **{name: wish for name, wish in WISHES.items() if name not in told})


def _is_forbidden_here(error: psycopg.Error, begin: str) -> bool:
    """Whether a unit wrote that said it would only read: a mistake of ours, not of the server."""
    read_only = isinstance(error, psycopg.errors.ReadOnlySqlTransaction)
    return read_only and begin.endswith("read only")


def _words(error: psycopg.Error) -> str:
    return IN_WORDS.get(error.sqlstate or "", CANNOT_BE_ASKED)


def _plain(error: psycopg.Error) -> str:
    """One line, without the connection's parameters."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
