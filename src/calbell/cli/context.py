"""What commands work on: settings from the environment, and the database that these name."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec, TypeAlias, TypeVar

import structlog
from cyclopts import Parameter
from cyclopts.validators import Number

from calbell import config, telemetry
from calbell.cli.failures import Failure
from calbell.config import LogFormat, Settings
from calbell.store import migrate
from calbell.store.connection import Connection, Engine
from calbell.store.database import ThreadedDatabase, run_once
from calbell.store.engines import engine_of
from calbell.store.sqlite import SqliteEngine
from calbell.store.statements import load

_SESSION = load("session")
log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

Port: TypeAlias = Annotated[int, Parameter(validator=Number(gte=0, lte=65535))]


def settings() -> Settings:
    """The settings of this process; logs go to stderr as they say."""
    found = config.load(os.environ, Path.cwd())
    as_json = (
        not sys.stderr.isatty() if found.log_format is None else found.log_format is LogFormat.JSON
    )
    telemetry.configure_logs(as_json=as_json, level=found.log_level)
    return found


def is_there(engine: Engine) -> bool:
    """Whether there is a database; of a server that is taken for granted."""
    return not isinstance(engine, SqliteEngine) or Path(engine.path).exists()


def _missing(engine: SqliteEngine) -> Failure:
    return Failure(
        f"there is no database {Path(engine.path).absolute()}: run this where calbell serve runs, "
        "or set CALBELL_DATABASE_URL"
    )


def _engine(found: Settings, *, makes: bool) -> Engine:
    """The settings' database. A SQLite file is brought up to date, and made if it is not there and
    this `makes` one; an out-of-date PostgreSQL is refused."""
    from calbell.flows.clocks import system_clock

    engine = engine_of(found.database_url)
    if isinstance(engine, SqliteEngine):
        if not makes and not is_there(engine):
            raise _missing(engine)
        migrated = migrate.bring_up_to_date(engine, system_clock())
        if migrated.copied_to is not None:
            log.info("copied", before=migrated.applied[0], file=str(migrated.copied_to))
    else:
        migrate.require_up_to_date(engine)
    return engine


@contextmanager
def threads(found: Settings, *, makes: bool = False) -> Iterator[ThreadedDatabase]:
    """The settings' database for flows, which run on a loop; units are tried again as a service
    does. Only who `makes` one gets a new one."""
    store = ThreadedDatabase(_engine(found, makes=makes))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def database(found: Settings, *, makes: bool = False) -> Iterator["Units"]:
    """Units of work on the settings' database, one after the other, inline. Only who `makes` one
    gets a new one: in a wrong folder, an empty answer would look like a true one."""
    connection = _engine(found, makes=makes).connect()
    try:
        yield Units(connection)
    finally:
        connection.close()


@contextmanager
def read_only(found: Settings, since: int) -> Iterator[Connection]:
    """A connection to the settings' database, which is not made, migrated, or changed in any way;
    it has at least the schema `since`."""
    engine = engine_of(found.database_url)
    if isinstance(engine, SqliteEngine):
        engine = engine.serving()
        if engine.served is None:
            raise _missing(engine)
    connection = engine.connect()
    try:
        connection.run(_SESSION["only_read"])
        with connection.snapshot():
            migrate.check_readable(connection, since)
        yield connection
    finally:
        connection.close()


class Units:
    """Runs units of work inline."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def run(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The unit's result, after its transaction was committed."""
        return run_once(self.connection, unit, *args, **kwargs)
