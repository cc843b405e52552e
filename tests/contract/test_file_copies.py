"""Copies of a SQLite file: whole, checked, its owner's alone, or none at all."""

import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from calbell.flows.restore import copy_that_serves
from calbell.store import migrate, users
from calbell.store.connection import StoreUnavailable
from calbell.store.database import run_once
from calbell.store.file_copies import copy
from calbell.store.migrate import Migration
from calbell.store.sqlite import SqliteEngine
from tests.contract.world import LATER, NOW, profile


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A database with a user, up to date."""
    path = tmp_path / "calbell.db"
    migrate.bring_up_to_date(SqliteEngine(str(path)), NOW)
    add_user(path, 7)
    return path


def add_user(path: Path, id_: int) -> None:
    with closing(SqliteEngine(str(path)).connect()) as connection:
        run_once(connection, users.save, profile(id_), NOW)


def user_ids(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [id_ for (id_,) in connection.execute("select id from users order by id")]


def later() -> datetime:
    return LATER


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk, nothing can grow beyond it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def next_step(monkeypatch: pytest.MonkeyPatch) -> str:
    """The program has one migration more; its version."""
    monkeypatch.setattr(
        migrate, "migrations", lambda: (*known, newer("create table news (i int);"))
    )
    return "9001"


known = migrate.migrations()


def newer(sql: str) -> Migration:
    return Migration(9001, sql, "checksum", 9001)


def test_a_copy_is_one_file_its_owners_alone_and_knows_when_it_was_made(
    source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    target = folder / "copy.db"
    made = copy(source, target, later)
    assert (made.path, made.made_at, made.size) == (target, LATER, target.stat().st_size)
    assert list(folder.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o600
    assert user_ids(target) == [7]
    with closing(SqliteEngine(str(target)).connect()) as connection:
        assert run_once(connection, copy_that_serves) == LATER
    with closing(SqliteEngine(str(source)).connect()) as connection:
        assert run_once(connection, copy_that_serves) is None


def test_a_database_that_cannot_say_when_it_was_copied_is_copied_too(
    source: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(source, isolation_level=None)) as connection:
        connection.execute("drop table copies")
    copy(source, tmp_path / "copy.db", later)
    assert user_ids(tmp_path / "copy.db") == [7]


def test_what_is_written_meanwhile_neither_holds_it_up_nor_gets_in(
    source: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(source)) as filling:
        filling.execute("create table ballast (b blob)")
        filling.executemany("insert into ballast values (zeroblob(4000))", [()] * 3000)
        filling.commit()
    told = list[tuple[int, int]]()

    def progress(done: int, pages: int) -> None:
        told.append((done, pages))
        writer = threading.Thread(target=add_user, args=(source, 100 + len(told)))
        writer.start()
        writer.join()

    copy(source, tmp_path / "copy.db", later, progress)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    assert user_ids(tmp_path / "copy.db") == [7]
    assert len(user_ids(source)) == 1 + len(told)


def test_nothing_is_written_over_unless_it_is_asked_for(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("dear")
    with pytest.raises(FileExistsError):
        copy(source, target, later)
    assert target.read_text() == "dear"
    copy(source, target, later, replace=True)
    assert user_ids(target) == [7]


def test_where_it_fails_nothing_is_left_of_it(source: Path, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with files_of_at_most(64_000), pytest.raises(StoreUnavailable, match="cannot copy"):
        copy(source, tmp_path / "copy.db", later)
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        copy(source, tmp_path / "nowhere" / "copy.db", later)
    with pytest.raises(StoreUnavailable, match="there is no database"):
        copy(tmp_path / "nothing.db", tmp_path / "copy.db", later)
    assert set(tmp_path.iterdir()) == before


def test_a_damaged_copy_is_not_kept(source: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("pragma journal_mode = delete")
    with source.open("r+b") as file:
        file.seek(4096 * 4)
        file.write(b"\xff" * 4096 * 8)
    with pytest.raises(StoreUnavailable, match=r"damaged|malformed"):
        copy(source, tmp_path / "copy.db", later)
    assert not (tmp_path / "copy.db").exists()


def test_what_a_killed_copy_has_left_is_gone_with_the_next_one(
    source: Path, tmp_path: Path
) -> None:
    killed, another, others = (
        tmp_path / name for name in (".copy.db.x1.part", ".copy.db.x2.part", ".other.db.x3.part")
    )
    for file in (killed, another, others):
        file.write_text("half")
    with another.open() as under_way:
        flock(under_way, LOCK_EX)
        copy(source, tmp_path / "copy.db", later)
    assert not killed.exists()
    assert another.exists()
    assert others.exists()


def test_while_a_copy_is_made_nobody_clears_it_away(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    def meanwhile(_: int, __: int) -> None:
        copy(source, target, later, replace=True)

    assert copy(source, target, later, meanwhile, replace=True).size == target.stat().st_size
    assert user_ids(target) == [7]


def test_before_a_migration_there_is_a_copy(source: Path, next_step: str) -> None:
    migrated = migrate.bring_up_to_date(SqliteEngine(str(source)), LATER)
    expected = source.with_name(f"calbell.db.before-{next_step}")
    assert migrated == migrate.Migrated((9001,), expected)
    assert expected.stat().st_mode & 0o777 == 0o600
    assert user_ids(expected) == [7]
    with closing(SqliteEngine(str(expected)).connect()) as connection:
        assert run_once(connection, copy_that_serves) == LATER


def test_an_older_copy_stays_as_it_is(source: Path, next_step: str) -> None:
    older = source.with_name(f"calbell.db.before-{next_step}")
    older.write_text("dear")
    migrated = migrate.bring_up_to_date(SqliteEngine(str(source)), LATER)
    assert older.read_text() == "dear"
    assert migrated.copied_to == older.with_name(f"{older.name}-2")
    assert user_ids(migrated.copied_to) == [7]


def test_without_room_for_the_copy_nothing_is_migrated(source: Path, next_step: str) -> None:
    engine = SqliteEngine(str(source))
    with files_of_at_most(64_000), pytest.raises(StoreUnavailable, match="cannot copy"):
        migrate.bring_up_to_date(engine, LATER)
    assert list(source.parent.glob("*before*")) == []
    assert migrate.bring_up_to_date(engine, LATER + timedelta(hours=1)).applied == (9001,)


def test_a_migration_that_fails_leaves_the_file_as_it_was_and_no_copy(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = newer("create table news (i int);\ncreate table users (i int);")
    monkeypatch.setattr(migrate, "migrations", lambda: (*known, failing))
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="users already exists"):
            migrate.bring_up_to_date(SqliteEngine(str(source)), LATER)
    assert list(source.parent.glob("*before*")) == []
    assert user_ids(source) == [7]
