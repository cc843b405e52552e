"""Migrations: numbered SQL files, applied once each, in order, under the database's own lock.

Each says in a line `-- serves: N` up to where a program has to know the schema at least to go on
with it. So a program of the release before runs, and starts, while others are upgraded.
"""

import re
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from calbell.store.connection import Connection, Engine, StoreLocked, StoreUnavailable
from calbell.store.database import run_once
from calbell.store.statements import Dialect, expand, load
from calbell.store.times import to_ms

_SQL = load("schema")
_NUMBERED = re.compile(r"(\d{4})_\w+\.sql")
_SERVES = re.compile(r"^-- serves: (\d+)$", re.MULTILINE)
_SCHEMA_TABLE = """
create table if not exists schema (
  version bigint primary key, applied_at bigint not null, checksum text not null
);
"""
_PROMISES_SINCE = 5
"""The migration from which on a database keeps what the files promise."""


class SchemaMismatch(Exception):
    """The database's schema is not the one that this program was written for."""


class Migration(Struct, frozen=True):
    """One step of the schema, with the checksum of its text. A program that knows the schema up to
    `serves` goes on with it."""

    version: int
    sql: str
    checksum: str
    serves: int


def migrations() -> tuple[Migration, ...]:
    """All steps of this program's schema, in order."""
    found = []
    for file in (files("calbell.store") / "migrations").iterdir():
        if numbered := _NUMBERED.fullmatch(file.name):
            sql = file.read_text(encoding="utf-8")
            version, said = int(numbered[1]), _SERVES.search(sql)
            serves = int(said[1]) if said else version
            found.append(Migration(version, sql, sha256(sql.encode()).hexdigest(), serves))
    return tuple(sorted(found, key=lambda migration: migration.version))


def pending(connection: Connection) -> tuple[Migration, ...]:
    """The steps that this database has not seen yet.

    Raises `SchemaMismatch` where it has seen others than this program knows and can go on with:
    then a newer program made it, or the files were changed.
    """
    has_schema = bool(connection.run(_SQL["has_schema"]))
    applied: dict[int, str] = dict(connection.run(_SQL["applied"])) if has_schema else {}
    known = {migration.version: migration for migration in migrations()}
    promises: dict[int, int] = {}
    if _PROMISES_SINCE in applied:
        promises = dict(connection.run(_SQL["promises"]))
    for version, checksum in applied.items():
        if version not in known:
            if promises.get(version, version) > max(known):
                raise SchemaMismatch(
                    f"the database has schema {version}, this program knows up to {max(known)}: "
                    "run the newer program"
                )
        elif known[version].checksum != checksum:
            raise SchemaMismatch(f"migration {version} is not the one that was applied")
    return tuple(migration for version, migration in known.items() if version not in applied)


def migrate(connection: Connection, now: datetime) -> tuple[int, ...]:
    """One unit of work: the schema is up to date. The versions that were applied."""
    if connection.dialect is Dialect.POSTGRESQL:
        connection.script(_SQL["lock_schema"].postgresql)
    steps = pending(connection)
    connection.script(_SCHEMA_TABLE)
    for step in steps:
        connection.script(expand(step.sql, connection.dialect))
        connection.run(_SQL["record"], version=step.version, at=to_ms(now), checksum=step.checksum)
    if any(step.version == _PROMISES_SINCE for step in migrations()):
        connection.each(_SQL["promise"], [(step.version, step.serves) for step in migrations()])
    return tuple(step.version for step in steps)


class Migrated(Struct, frozen=True):
    """The versions that were applied, and the copy that was made before."""

    applied: tuple[int, ...] = ()
    copied_to: Path | None = None


def bring_up_to_date(engine: Engine, now: datetime) -> Migrated:
    """The database has this program's schema; what was done for it.

    A SQLite file that holds something is looked at first, and copied to
    `<file>.before-<version>`; `StoreUnavailable` where that fails, and nothing is changed.
    """
    engine.examine()
    connection = engine.connect()
    try:
        with connection.transaction(writes=True):
            steps = pending(connection)
        if not steps:
            return Migrated()
        holds_something = steps[0].version > 1
        copied_to = engine.copy_before(steps[0].version, now) if holds_something else None
        try:
            return Migrated(run_once(connection, migrate, now), copied_to)
        except Exception:
            # Nothing was changed. A service that is started again and again would fill the disk.
            if copied_to is not None:
                copied_to.unlink()
            raise
    except StoreLocked as error:
        if engine.dialect is Dialect.SQLITE:
            raise
        raise StoreUnavailable(
            "something has used a table for longer than a migration may wait for it (a dump?): "
            "nothing was changed; run calbell migrate again",
            error.reason,
        ) from error
    finally:
        connection.close()


def check(connection: Connection) -> None:
    """One unit of work: raises `SchemaMismatch`, with the command to run, unless the schema is this
    program's or a newer one that serves it."""
    if pending(connection):
        raise SchemaMismatch("the database's schema is out of date: run calbell migrate")


def check_readable(connection: Connection, since: int) -> None:
    """The same for whoever only reads, and finds what he reads in every schema from `since` on."""
    if any(step.version <= since for step in pending(connection)):
        raise SchemaMismatch(
            "the database's schema is older than this command can read: run calbell migrate first; "
            "where this is not to change the database yet, on a copy of it (calbell backup)"
        )


def require_up_to_date(engine: Engine) -> None:
    """The same for a database that nothing is connected to yet."""
    connection = engine.connect()
    try:
        run_once(connection, check)
    finally:
        connection.close()
