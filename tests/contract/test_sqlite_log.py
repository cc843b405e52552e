"""The log of a SQLite file stays short, whoever reads."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from calbell.store import migrate, upkeep
from calbell.store.connection import Connection, Engine
from calbell.store.sqlite import SqliteEngine
from calbell.store.sqlite_log import LONGEST_LOG
from tests.contract.test_take_in import Intake
from tests.contract.world import NOW

MEGABYTE = 1_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """PostgreSQL bounds its log itself."""
    engine = SqliteEngine(str(tmp_path / "calbell.db"))
    migrate.bring_up_to_date(engine, NOW)
    return engine


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "calbell.db-wal"


def write(world: Intake, megabytes: int, log: Path) -> int:
    """So much is written and deleted again; how long the log was at most."""
    longest = 0
    for _ in range(megabytes):
        world.run(
            lambda c: c.script(
                "insert into events (public_id, trigger_name, state, recipients, sent_at,"
                " received_at, body_hash, raw)"
                f" values ('e', 't', 'ignored', 0, 0, 0, 'h', zeroblob({MEGABYTE}));\n"
                "delete from events;"
            )
        )
        longest = max(longest, log.stat().st_size)
    return longest


@pytest.fixture
def readers(connect: Callable[[], Connection]) -> Iterator[None]:
    """Two readers who take twenty milliseconds each time and come again at once."""
    end = threading.Event()

    def read(connection: Connection) -> None:
        while not end.is_set():
            with connection.transaction(writes=False):
                upkeep.depth(connection, NOW)
                end.wait(0.02)

    threads = [threading.Thread(target=read, args=(connect(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield
    end.set()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("readers")
def test_readers_who_come_and_go_do_not_make_it_grow(connection: Connection, log: Path) -> None:
    assert write(Intake(connection), 150, log) < 3 * LONGEST_LOG


def test_it_is_cut_when_one_who_read_for_long_is_done(
    connection: Connection, connect: Callable[[], Connection], log: Path
) -> None:
    world, reader = Intake(connection), connect()
    with reader.transaction(writes=False):
        upkeep.depth(reader, NOW)
        assert write(world, 80, log) > 2 * LONGEST_LOG
    write(world, 3, log)
    assert log.stat().st_size <= LONGEST_LOG


def test_what_a_writer_waits_for_in_vain_is_committed(
    connection: Connection, connect: Callable[[], Connection], log: Path
) -> None:
    world, reader = Intake(connection), connect()
    with reader.transaction(writes=False):
        upkeep.depth(reader, NOW)
        write(world, 40, log)
        world.user(7)
        assert upkeep.counts(connection, NOW).users == 1
