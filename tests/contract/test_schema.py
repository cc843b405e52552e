"""Migrations: applied once, in order, and the same schema on both engines."""

import re
from pathlib import Path

import pytest

from calbell.store import migrate
from calbell.store.connection import Connection, Engine
from calbell.store.database import run_once
from calbell.store.migrate import Migrated, SchemaMismatch
from calbell.store.sqlite import SqliteEngine
from calbell.store.statements import Dialect, Statement
from tests.contract.world import NOW


def query(sqlite: str, postgresql: str) -> Statement:
    return Statement("query", "", (), (), (), sqlite, postgresql, returns_rows=True)


def test_an_empty_database_is_brought_up_to_date_once(empty_engine: Engine) -> None:
    versions = tuple(m.version for m in migrate.migrations())
    assert migrate.bring_up_to_date(empty_engine, NOW) == Migrated(versions)
    assert migrate.bring_up_to_date(empty_engine, NOW) == Migrated()
    migrate.require_up_to_date(empty_engine)


def test_a_database_without_tables_is_refused_where_it_must_be_ready(empty_engine: Engine) -> None:
    with pytest.raises(SchemaMismatch, match="run calbell migrate"):
        migrate.require_up_to_date(empty_engine)


NEWEST = max(migration.version for migration in migrate.migrations())


@pytest.mark.parametrize("serves", ["null", str(NEWEST + 1)])
def test_a_database_of_a_newer_program_is_refused(connection: Connection, serves: str) -> None:
    sql = f"insert into schema values (9999, 0, 'x', {serves})"
    run_once(connection, lambda c: c.count(query(sql, sql)))
    with pytest.raises(SchemaMismatch, match="run the newer program"):
        run_once(connection, migrate.check)


@pytest.mark.parametrize("serves", [NEWEST, 1])
def test_a_newer_schema_that_serves_this_program_is_accepted(
    connection: Connection, serves: int
) -> None:
    sql = f"insert into schema values (9999, 0, 'x', {serves})"
    run_once(connection, lambda c: c.count(query(sql, sql)))
    run_once(connection, migrate.check)
    assert run_once(connection, migrate.migrate, NOW) == ()


def test_who_only_reads_reads_a_schema_that_has_what_he_reads(connection: Connection) -> None:
    sql = f"delete from schema where version = {NEWEST}"
    run_once(connection, lambda c: c.count(query(sql, sql)))
    run_once(connection, migrate.check_readable, NEWEST - 1)
    with pytest.raises(SchemaMismatch, match="older than this command can read"):
        run_once(connection, migrate.check_readable, NEWEST)


def test_the_database_keeps_what_each_migration_promises(connection: Connection) -> None:
    kept = query(*["select version, serves from schema order by version"] * 2)
    promised = {one.version: one.serves for one in migrate.migrations()}
    assert dict(run_once(connection, lambda c: c.run(kept))) == promised


def test_every_new_migration_says_which_programs_go_on_with_it() -> None:
    for migration in migrate.migrations():
        if migration.version >= 5:
            assert migration.sql.startswith("-- serves: ")
            assert migration.serves < migration.version


def test_a_migration_that_was_changed_afterwards_is_refused(connection: Connection) -> None:
    update = query("update schema set checksum = 'x'", "update schema set checksum = 'x'")
    run_once(connection, lambda c: c.count(update))
    with pytest.raises(SchemaMismatch, match="not the one that was applied"):
        run_once(connection, migrate.pending)


def test_both_engines_have_the_tables_and_columns_that_the_migrations_name(
    connection: Connection,
) -> None:
    columns = query(
        "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c "
        "where m.type = 'table' and m.name not like 'sqlite_%'",
        "select table_name, column_name from information_schema.columns "
        "where table_schema = 'public'",
    )
    found: dict[str, set[str]] = {}
    for table, column in run_once(connection, lambda c: c.run(columns)):
        found.setdefault(table, set()).add(column)
    sql = "".join(m.sql for m in migrate.migrations())
    named = {
        table: {
            line.split()[0]
            for line in body.splitlines()
            if line.strip() and line.split()[0] not in ("unique", "primary")
        }
        for table, body in re.findall(r"create table (\w+) \((.*?)\{table_end\}", sql, re.DOTALL)
    }
    named["schema"] = {"version", "applied_at", "checksum"}
    for table, column in re.findall(r"alter table (\w+) add column (\w+)", sql):
        named[table].add(column)
    assert found == named


def test_every_commit_is_on_disk_before_it_is_answered(connection: Connection) -> None:
    if connection.dialect is Dialect.SQLITE:
        pragmas = [
            run_once(connection, lambda c, p=name: c.run(query(f"pragma {p}", "")))[0][0]  # type: ignore[misc]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        assert pragmas == ["wal", 2, 1]
    else:
        shown = [
            run_once(connection, lambda c, p=name: c.run(query("", f"show {p}")))[0][0]  # type: ignore[misc]
            for name in ("fsync", "synchronous_commit")
        ]
        assert shown == ["on", "on"]


def test_a_new_sqlite_file_is_its_owners_alone(tmp_path: Path) -> None:
    SqliteEngine(str(tmp_path / "new.db")).connect().close()
    assert (tmp_path / "new.db").stat().st_mode & 0o777 == 0o600
