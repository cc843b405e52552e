"""`kill -9` in a migration: started again, the database comes up whole, with what was in it."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from calbell.flows.clocks import system_clock
from calbell.store import migrate
from calbell.store.connection import Connection, Engine, Row
from calbell.store.database import run_once
from calbell.store.engines import engine_of
from calbell.store.sqlite import SqliteEngine
from calbell.store.statements import Dialect, Statement, expand
from tests.acceptance.programs import Program, command
from tests.acceptance.stand import started
from tests.crash.points import MIGRATING
from tests.crash.victim import Doom, doomed_environment
from tests.postgresql import new_database

FIRST, *LATER = migrate.migrations()
PENDING = LATER or [FIRST]
ON_POSTGRESQL = ("before_version_is_noted", "before_migration_commit", "after_migration_commit")
"""The server runs the text of a migration as a whole, and copies are its operator's."""

CASES = [
    *(("sqlite", point) for point in MIGRATING if LATER or point != "after_copy"),
    *(("postgresql", point) for point in ON_POSTGRESQL),
]

USER = (
    "insert into users (id, name, time_zone, locale, time_format, source, created_at, refreshed_at)"
    " values (7, 'Ada', 'Europe/Berlin', 'en', 24, 'test', 0, 0)"
)
USERS = "select id, name from users"
VERSIONS = "select version from schema order by version"
SHAPE = {
    Dialect.SQLITE: "select type, name, sql from sqlite_master order by type, name",
    Dialect.POSTGRESQL: "select table_name, column_name, data_type, is_nullable, column_default "
    "from information_schema.columns where table_schema = 'public' "
    "union select tablename, indexname, indexdef, '', '' from pg_indexes "
    "where schemaname = 'public' order by 1, 2",
}


def ask(engine: Engine, sql: str) -> list[Row]:
    """The rows of a query made up for a test."""

    def unit(connection: Connection) -> list[Row]:
        returns_rows = sql.startswith(("select", "pragma"))
        return connection.run(Statement("ask", "", (), (), (), sql, sql, returns_rows=returns_rows))

    connection = engine.connect()
    try:
        return run_once(connection, unit)
    finally:
        connection.close()


@pytest.fixture
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str], str]:
    """`new_url(engine, name)` is that of an empty database."""

    def make(engine: str, name: str) -> str:
        if engine == "sqlite":
            return f"sqlite:///{tmp_path}/{name}.db"
        return new_database(request.getfixturevalue("postgres"))

    return make


def passes(point: str, dialect: Dialect) -> int:
    """At which pass of the point a migration is well under way."""
    if point == "in_migration":
        return sum(len(expand(step.sql, dialect).splitlines()) for step in PENDING) // 2
    if point == "before_version_is_noted":
        return len(PENDING)
    return 1


@pytest.mark.parametrize(("engine_name", "point"), CASES)
def test_killed_in_a_migration_and_started_again_the_database_is_whole(
    new_url: Callable[[str, str], str],
    tmp_path: Path,
    engine_name: str,
    point: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = new_url(engine_name, "killed")
    engine, fresh = engine_of(url), engine_of(new_url(engine_name, "fresh"))
    on_sqlite = isinstance(engine, SqliteEngine)
    if LATER:
        with monkeypatch.context() as older:
            older.setattr(migrate, "migrations", lambda: (FIRST,))
            migrate.bring_up_to_date(engine, system_clock())
        ask(engine, USER)

    variables = {"CALBELL_DATABASE_URL": url}
    # A SQLite file is brought up to date by those that serve it.
    words = ["serve", "--port=0"] if on_sqlite else ["migrate"]
    doom = Doom(point, passes(point, engine.dialect))
    died = subprocess.run(
        [sys.executable, *doom.words, *words],
        cwd=tmp_path,
        env=doomed_environment(variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (died.returncode, died.stdout.strip()) == (-signal.SIGKILL, point), died.stderr

    if on_sqlite:
        program = Program(["-m", "calbell", *words], tmp_path, variables)
        program.first(program.err, started)
        program.stop()
    else:
        assert command(words, tmp_path, variables).code == 0
    migrate.require_up_to_date(engine)
    migrate.bring_up_to_date(fresh, system_clock())
    assert ask(engine, SHAPE[engine.dialect]) == ask(fresh, SHAPE[engine.dialect])
    assert ask(engine, USERS) == ([(7, "Ada")] if LATER else [])
    if isinstance(engine, SqliteEngine):
        assert ask(engine, "pragma integrity_check") == [("ok",)]
        if LATER:
            copy = SqliteEngine(f"{engine.path}.before-{LATER[0].version}")
            assert ask(copy, "pragma integrity_check") == [("ok",)]
            assert ask(copy, VERSIONS) == [(FIRST.version,)]
            assert ask(copy, USERS) == [(7, "Ada")]
