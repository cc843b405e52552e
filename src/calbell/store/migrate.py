"""Migrations: numbered SQL files, applied once each, in order, under the database's own lock."""

import re
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from calbell.store.connection import Connection, Engine
from calbell.store.database import run_once
from calbell.store.statements import Dialect, expand, load
from calbell.store.times import to_ms

_SQL = load("schema")
_NUMBERED = re.compile(r"(\d{4})_\w+\.sql")
_SCHEMA_TABLE = """
create table if not exists schema (
  version bigint primary key, applied_at bigint not null, checksum text not null
);
"""
_LOCK = 0x43616C62656C6C
"""The advisory lock that one migrating process holds on PostgreSQL."""


class SchemaMismatch(Exception):
    """The database's schema is not the one that this program was written for."""


class Migration(Struct, frozen=True):
    """One step of the schema, with the checksum of its text."""

    version: int
    sql: str
    checksum: str


def migrations() -> tuple[Migration, ...]:
    """All steps of this program's schema, in order."""
    found = []
    for file in (files("calbell.store") / "migrations").iterdir():
        if numbered := _NUMBERED.fullmatch(file.name):
            sql = file.read_text(encoding="utf-8")
            found.append(Migration(int(numbered[1]), sql, sha256(sql.encode()).hexdigest()))
    return tuple(sorted(found, key=lambda migration: migration.version))


def pending(connection: Connection) -> tuple[Migration, ...]:
    """The steps that this database has not seen yet.

    Raises `SchemaMismatch` where it has seen others than this program knows: then a newer program
    made it, or the files were changed.
    """
    has_schema = bool(connection.run(_SQL["has_schema"]))
    applied: dict[int, str] = dict(connection.run(_SQL["applied"])) if has_schema else {}
    known = {migration.version: migration for migration in migrations()}
    for version, checksum in applied.items():
        if version not in known:
            raise SchemaMismatch(
                f"the database has schema {version}, this program knows up to {max(known)}: "
                "run the newer program"
            )
        if known[version].checksum != checksum:
            raise SchemaMismatch(f"migration {version} is not the one that was applied")
    return tuple(migration for version, migration in known.items() if version not in applied)


def migrate(connection: Connection, now: datetime) -> tuple[int, ...]:
    """One unit of work: the schema is up to date. The versions that were applied."""
    if connection.dialect is Dialect.POSTGRESQL:
        connection.script(f"select pg_advisory_xact_lock({_LOCK})")
    steps = pending(connection)
    connection.script(_SCHEMA_TABLE)
    for step in steps:
        connection.script(expand(step.sql, connection.dialect))
        connection.run(_SQL["record"], version=step.version, at=to_ms(now), checksum=step.checksum)
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
    finally:
        connection.close()


def check(connection: Connection) -> None:
    """One unit of work: raises `SchemaMismatch`, with the command to run, unless the schema is this
    program's."""
    if pending(connection):
        raise SchemaMismatch("the database's schema is out of date: run calbell migrate")


def require_up_to_date(engine: Engine) -> None:
    """The same for a database that nothing is connected to yet."""
    connection = engine.connect()
    try:
        run_once(connection, check)
    finally:
        connection.close()
