"""What fails under the store: disks, files, locks and servers. Said in words, and over when it is
over."""

import asyncio
import shutil
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from structlog.testing import capture_logs

from calbell.store import database as database_room
from calbell.store import durability, migrate, users
from calbell.store.condition import Condition
from calbell.store.connection import (
    CANNOT_BE_ASKED,
    Connection,
    StoreDamaged,
    StoreLocked,
    StoreUnavailable,
)
from calbell.store.database import ThreadedDatabase, run_once
from calbell.store.postgresql import PostgresEngine
from calbell.store.sqlite import SqliteConnection, SqliteEngine
from calbell.store.sqlite_file import LOST
from calbell.store.statements import Statement
from tests.contract.world import NOW, profile

T = TypeVar("T")

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A SQLite database with ten users."""
    path = tmp_path / "calbell.db"
    migrate.bring_up_to_date(SqliteEngine(str(path)), NOW)
    connection = SqliteConnection(str(path))
    for id_ in range(1, 11):
        run_once(connection, users.save, profile(id_), NOW)
    connection.close()
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[SqliteConnection]:
    made = SqliteConnection(str(path))
    yield made
    made.close()


@pytest.fixture
def served(path: Path) -> Iterator[ThreadedDatabase]:
    """The database as a service has it."""
    made = ThreadedDatabase(SqliteEngine(str(path)).serving())
    yield made
    made.close()


@pytest.fixture
def server(postgres_url: str) -> PostgresEngine:
    engine = PostgresEngine(postgres_url)
    migrate.bring_up_to_date(engine, NOW)
    return engine


def query(sql: str) -> Statement:
    return Statement("query", "", (), (), (), sql, sql, returns_rows=True)


def ids_of(connection: Connection) -> list[int]:
    return [one.id for one in users.listed(connection)]


def save_many(connection: Connection, first: int, number: int) -> None:
    for id_ in range(first, first + number):
        users.save(connection, profile(id_), NOW)


def within(work: Callable[[], Awaitable[T]]) -> T:
    async def limited() -> T:
        async with asyncio.timeout(20):
            return await work()

    return asyncio.run(limited())


async def on_each_writer(
    database: ThreadedDatabase, engine: PostgresEngine, unit: Callable[[Connection], object]
) -> None:
    """The unit once on every connection that writes: none is done before each has begun."""
    everybody = threading.Barrier(engine.writers, timeout=20)

    def together(connection: Connection) -> None:
        everybody.wait()
        unit(connection)

    ends = await asyncio.gather(
        *(database.run(together) for _ in range(engine.writers)), return_exceptions=True
    )
    for error in filter(None, ends):
        raise error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the database."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    try:
        yield
    finally:
        other.execute("rollback")
        other.close()


def without_room(connection: SqliteConnection) -> int:
    """The database cannot grow any more; how large it is."""
    ((pages,),) = connection.run(query("pragma page_count"))
    connection.script(f"pragma max_page_count = {pages};")
    return int(pages)


def test_a_full_disk_is_called_so_and_nothing_of_the_unit_is_left(
    connection: SqliteConnection,
) -> None:
    pages = without_room(connection)
    with pytest.raises(StoreUnavailable, match="the disk is full") as raised:
        run_once(connection, save_many, 11, 5000)
    assert raised.value.reason == "the disk is full"
    assert connection.is_usable()
    assert run_once(connection, ids_of) == list(range(1, 11))
    connection.script(f"pragma max_page_count = {pages * 100};")
    run_once(connection, save_many, 11, 5)
    assert run_once(connection, ids_of) == list(range(1, 16))


def test_no_unit_runs_inside_one_whose_commit_failed(
    path: Path, connection: SqliteConnection
) -> None:
    def orphan(one: Connection) -> None:
        one.script("pragma defer_foreign_keys = on;")
        users.save(one, profile(11), NOW)
        one.script("insert into addresses values ('nobody@example.com', 999, 0);")

    with pytest.raises(Exception, match="FOREIGN KEY"):
        run_once(connection, orphan)
    run_once(connection, save_many, 12, 1)
    other = SqliteConnection(str(path))
    assert run_once(other, ids_of) == [*range(1, 11), 12]
    other.close()


def test_a_database_that_may_only_be_read_is_called_so(connection: SqliteConnection) -> None:
    connection.script("pragma query_only = on;")
    with pytest.raises(StoreUnavailable) as raised:
        run_once(connection, save_many, 11, 1)
    assert raised.value.reason == "the database is read-only"
    assert not connection.is_usable()


def test_what_may_be_written_again_is_written_on_a_new_connection(
    served: ThreadedDatabase,
) -> None:
    def only_read(one: Connection) -> None:
        one.script("pragma query_only = on;")

    async def work() -> list[int]:
        await served.run(only_read)
        with pytest.raises(StoreUnavailable, match="read-only"):
            await served.run(save_many, 11, 1)
        await served.run(save_many, 12, 1)
        return await served.read(ids_of)

    assert within(work) == [*range(1, 11), 12]


def test_who_waits_for_a_lock_waits_once_whatever_waits_before(
    path: Path, served: ThreadedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_room, "LOCK_SECONDS", 1.0)
    monkeypatch.setattr(database_room, "LOCKED_SECONDS", 0.05)

    async def waited() -> float:
        began_at = time.monotonic()
        with pytest.raises(StoreLocked, match="another program holds"):
            await served.run(save_many, 11, 1)
        return time.monotonic() - began_at

    async def work() -> tuple[list[float], float, list[int]]:
        await served.run(lambda one: one.wait_for_locks(1.0))
        with locked(path):
            together = await asyncio.gather(*(waited() for _ in range(20)))
            later = await waited()
        await served.run(save_many, 12, 1)
        return together, later, await served.read(ids_of)

    together, later, ids = within(work)
    assert min(together) > 0.9
    assert max(together) < 1.9
    assert later < 0.5
    assert ids == [*range(1, 11), 12]


def test_a_file_that_is_no_database_stops_the_start_with_what_to_do(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"%PDF-1.7" + b"\0" * 92)
    with pytest.raises(StoreDamaged, match=r"it is no SQLite database; .*backup.*\.recover"):
        migrate.bring_up_to_date(SqliteEngine(str(path)), NOW)


def test_a_file_that_was_cut_short_stops_the_start(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - 3 * PAGE)
    with pytest.raises(StoreDamaged, match=f"{3 * PAGE} bytes are missing"):
        migrate.bring_up_to_date(SqliteEngine(str(path)), NOW)


@pytest.mark.parametrize("page", [1, 2])
def test_a_file_with_a_spoilt_page_stops_the_start(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE + 100 * (page == 1))
        file.write(b"\xff" * 1000)
    with pytest.raises(StoreDamaged, match="is damaged"):
        migrate.bring_up_to_date(SqliteEngine(str(path)), NOW)


def test_an_ordinary_file_and_what_a_crash_leaves_are_whole(path: Path, tmp_path: Path) -> None:
    connection = SqliteConnection(str(path))
    run_once(connection, save_many, 11, 5000)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(path.parent / name, crashed / name)
    connection.close()
    for whole in (crashed / path.name, path):
        assert migrate.bring_up_to_date(SqliteEngine(str(whole)), NOW).applied == ()
    again = SqliteConnection(str(crashed / path.name))
    assert run_once(again, ids_of) == list(range(1, 5011))
    again.close()


def test_damage_that_is_found_at_work_is_said_until_the_end(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        ((root,),) = raw.execute("select rootpage from sqlite_master where name = 'users'")
    raw.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xff" * PAGE)
    database = ThreadedDatabase(SqliteEngine(str(path)).serving())

    async def work() -> str | None:
        with pytest.raises(StoreDamaged, match="damaged"):
            await database.read(ids_of)
        assert not await database.prove()
        return database.trouble()

    try:
        assert within(work) == "the database file is damaged"
    finally:
        database.close()


def replaced_by_a_copy(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


def move(path: Path, to: Path) -> None:
    path.rename(to)


def without_its_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


@pytest.mark.parametrize("lose", [Path.unlink, replaced_by_a_copy, without_its_log])
def test_nothing_is_written_to_a_file_that_nobody_will_see_again(
    path: Path, served: ThreadedDatabase, lose: Callable[[Path], None]
) -> None:
    async def work() -> None:
        await served.run(save_many, 11, 1)
        lose(path)
        left = sorted(one.name for one in path.parent.iterdir())
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="stop Calbell") as raised:
                await served.run(save_many, 12, 1)
            assert raised.value.reason == LOST
        assert served.trouble() == LOST
        assert sorted(one.name for one in path.parent.iterdir()) == left

    within(work)


def test_a_file_that_is_put_back_is_written_to_again(path: Path, served: ThreadedDatabase) -> None:
    async def work() -> list[int]:
        await served.run(save_many, 11, 1)
        move(path, path.with_name("elsewhere"))
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await served.run(save_many, 12, 1)
        move(path.with_name("elsewhere"), path)
        await served.run(save_many, 13, 1)
        return await served.read(ids_of)

    assert within(work) == [*range(1, 12), 13]


def test_what_was_committed_is_there_after_the_log_was_removed_and_the_end_was_orderly(
    path: Path,
) -> None:
    database = ThreadedDatabase(SqliteEngine(str(path)).serving())

    async def work() -> None:
        await database.run(save_many, 11, 1)
        without_its_log(path)

    within(work)
    database.close()
    connection = SqliteConnection(str(path))
    assert run_once(connection, ids_of) == list(range(1, 12))
    connection.close()


def test_a_database_without_a_write_ahead_log_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def without_shared_memory(database: str, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(f"{database}&vfs=unix-dotfile", **options)
        return made

    with connect(path) as raw:
        raw.execute("pragma journal_mode = delete")
    raw.close()
    monkeypatch.setattr(sqlite3, "connect", without_shared_memory)
    with pytest.raises(StoreUnavailable, match=r"cannot keep a write-ahead log.*a local disk"):
        SqliteConnection(str(path))


def test_a_trouble_lasts_until_there_is_real_room(path: Path) -> None:
    seconds = [0.0]
    database = ThreadedDatabase(SqliteEngine(str(path)).serving(), lambda: seconds[0])

    def shrink(one: Connection) -> None:
        assert isinstance(one, SqliteConnection)
        without_room(one)

    def grow(one: Connection) -> None:
        one.script("pragma max_page_count = 100000;")

    async def work() -> None:
        assert not await database.prove()
        await database.run(shrink)
        with pytest.raises(StoreUnavailable, match="full"):
            await database.run(save_many, 11, 5000)
        assert database.trouble() == "the disk is full"
        await database.run(save_many, 1, 1)
        seconds[0] += 10
        with pytest.raises(StoreUnavailable, match="full"):
            await database.prove()
        await database.run(grow)
        assert not await database.prove()
        seconds[0] += 10
        assert await database.prove()
        assert database.trouble() is None
        assert await database.read(ids_of) == list(range(1, 11))

    try:
        within(work)
    finally:
        database.close()


def test_a_unit_that_does_not_come_back_is_a_trouble(
    engine: SqliteEngine | PostgresEngine,
) -> None:
    seconds = [0.0]
    database = ThreadedDatabase(engine, lambda: seconds[0])
    release = threading.Event()

    def hang(_: Connection) -> None:
        release.wait()

    async def work() -> None:
        hanging = asyncio.create_task(database.run(hang))
        while not any(database._writes.began_at()):
            seconds[0] = max(seconds[0], 0.1)
            await asyncio.sleep(0)
        seconds[0] += 11
        assert database.trouble() == "the database does not answer"
        release.set()
        await hanging
        assert database.trouble() is None

    try:
        within(work)
    finally:
        database.close()


def test_a_trouble_is_said_once_and_its_end_once() -> None:
    seconds = [100.0]
    condition = Condition(lambda: seconds[0])
    full = StoreUnavailable("/data: the disk is full", "the disk is full")
    with capture_logs() as lines:
        for _ in range(3):
            condition.failed(full)
            seconds[0] += 0.5
        assert not condition.proven(seconds[0])
        seconds[0] += 5
        assert condition.proven(seconds[0])
        assert condition.reason is None
        condition.failed(full)
        seconds[0] += 5
        assert condition.proven(seconds[0])
    assert [line["event"] for line in lines] == ["database_down", "database_up"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("53100", "the disk is full"),
        ("25006", "the database is read-only"),
        ("58030", "the disk cannot be read or written"),
        ("XX001", "the database is damaged"),
    ],
)
def test_what_a_server_lacks_is_said_in_words(
    server: PostgresEngine, code: str, reason: str
) -> None:
    connection = server.connect()

    def fail(one: Connection) -> None:
        users.save(one, profile(1), NOW)
        one.script(f"do $$ begin raise exception 'no' using errcode = '{code}'; end $$")

    try:
        with pytest.raises(StoreUnavailable) as raised:
            run_once(connection, fail)
        assert raised.value.reason == reason
        assert isinstance(raised.value, StoreDamaged) == (code == "XX001")
    finally:
        connection.close()
    fresh = server.connect()
    assert run_once(fresh, ids_of) == []
    fresh.close()


def test_a_server_that_became_read_only_is_asked_anew(
    server: PostgresEngine, postgres_url: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]
    database = ThreadedDatabase(server)
    made_read_only = query("select set_config('default_transaction_read_only', 'on', false)")

    async def work() -> list[int]:
        await database.run(save_many, 1, 1)
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(f'alter database "{name}" set default_transaction_read_only = on')
        await on_each_writer(database, server, lambda one: one.run(made_read_only))
        with pytest.raises(StoreUnavailable, match="read-only"):
            await database.run(save_many, 2, 1)
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("set default_transaction_read_only = off")
            other.execute(f'alter database "{name}" reset default_transaction_read_only')
        with suppress(StoreUnavailable):
            await on_each_writer(database, server, lambda one: save_many(one, 3, 1))
        await on_each_writer(database, server, lambda one: save_many(one, 3, 1))
        return await database.read(ids_of)

    try:
        assert within(work) == [1, 3]
    finally:
        database.close()


def test_commits_are_durable_where_the_role_does_without(postgres_url: str) -> None:
    both = "&" if "?" in postgres_url else "?"
    connection = PostgresEngine(
        f"{postgres_url}{both}options=-c%20synchronous_commit%3Doff"
    ).connect()
    try:
        assert run_once(connection, lambda one: one.run(query("show synchronous_commit"))) == [
            ("on",)
        ]
        assert run_once(connection, durability.switched_off) == ()
    finally:
        connection.close()


def test_a_server_that_does_not_promise_durability_is_found_out(postgres: str) -> None:
    connection = PostgresEngine(postgres).connect()

    def found() -> tuple[str, ...]:
        return run_once(connection, durability.switched_off)

    def change(sql: str, until: tuple[str, ...]) -> None:
        with psycopg.connect(postgres, autocommit=True) as server:
            server.execute(sql)
            server.execute("select pg_reload_conf()")
        deadline = time.monotonic() + 20
        while found() != until:
            assert time.monotonic() < deadline

    try:
        change("alter system set full_page_writes = off", ("full_page_writes",))
    finally:
        change("alter system reset full_page_writes", ())
        connection.close()


def test_words_are_for_everybody_and_name_no_path(path: Path) -> None:
    with pytest.raises(StoreUnavailable) as raised:
        SqliteConnection(str(path.parent))
    assert str(path.parent) in str(raised.value)
    assert str(path.parent) not in raised.value.reason
    assert StoreUnavailable("whatever").reason == CANNOT_BE_ASKED
