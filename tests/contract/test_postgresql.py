"""What only a server can do to us: cut connections, lock two transactions out, let others win."""

import asyncio
import threading
from collections.abc import Iterator

import psycopg
import pytest

from calbell.flows.hear import under
from calbell.flows.receive import incoming_webhook
from calbell.flows.take_in import Incoming, TakenIn, take_in_many
from calbell.store import migrate, users
from calbell.store.connection import Connection, StoreUnavailable, TryAgain
from calbell.store.database import ThreadedDatabase, run_once
from calbell.store.postgresql import PostgresEngine
from calbell.store.statements import Statement
from tests import payloads
from tests.contract.test_take_in import POLICY, created
from tests.contract.world import NOW, World, profile


@pytest.fixture
def server(postgres_url: str) -> PostgresEngine:
    engine = PostgresEngine(postgres_url)
    migrate.bring_up_to_date(engine, NOW)
    return engine


@pytest.fixture
def threaded(server: PostgresEngine) -> Iterator[ThreadedDatabase]:
    made = ThreadedDatabase(server)
    yield made
    made.close()


def cut_connections(url: str) -> None:
    """As a restart of the server does it to whoever is idle."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )


def test_a_connection_that_was_cut_while_idle_fails_nobody(
    threaded: ThreadedDatabase, postgres_url: str
) -> None:
    async def work() -> list[int]:
        for id_ in range(1, 9):
            await threaded.run(users.save, profile(id_), NOW)
        cut_connections(postgres_url)
        for id_ in range(9, 17):
            await threaded.run(users.save, profile(id_), NOW)
        return [one.id for one in await threaded.read(users.listed)]

    assert asyncio.run(work()) == list(range(1, 17))


def test_a_server_that_is_not_there_is_said_without_its_address() -> None:
    engine = PostgresEngine("postgresql://secret:word@127.0.0.1:1/nowhere")
    with pytest.raises(StoreUnavailable) as raised:
        engine.connect()
    assert "word" not in str(raised.value)


def update(user_id: int) -> Statement:
    sql = f"update users set name = name || 'x' where id = {user_id}"
    return Statement("update", "", (), (), (), sql, sql, returns_rows=False)


def test_two_transactions_that_lock_each_other_out_both_succeed_in_the_end(
    threaded: ThreadedDatabase,
) -> None:
    both = threading.Barrier(2)
    met = threading.Event()

    def crossing(connection: Connection, first: int, second: int) -> None:
        connection.run(update(first))
        if not met.is_set():
            both.wait(20)
            met.set()
        connection.run(update(second))

    async def work() -> list[str]:
        for id_ in (1, 2):
            await threaded.run(users.save, profile(id_), NOW)
        await asyncio.gather(threaded.run(crossing, 1, 2), threaded.run(crossing, 2, 1))
        return [one.name for one in await threaded.read(users.listed)]

    assert asyncio.run(work()) == ["User 1xx", "User 2xx"]


def at_two_processes(server: PostgresEngine, *incoming: Incoming) -> list[TakenIn]:
    """The answers to all of these, each sent at once to both of two processes, three times."""
    world = World(server.connect())
    world.user(7, "host@example.com")
    world.user(8, "guest@example.com")
    first, second = ThreadedDatabase(server), ThreadedDatabase(server)

    async def work() -> list[TakenIn]:
        listed = await asyncio.gather(
            *(
                database.run(take_in_many, [item], POLICY, NOW, world.chance)
                for database in (first, second) * 3
                for item in incoming
            )
        )
        return [taken for (taken,) in listed]

    try:
        return asyncio.run(work())
    finally:
        first.close()
        second.close()
        world.connection.close()


def test_the_same_bytes_at_two_processes_at_once_are_one_event(server: PostgresEngine) -> None:
    taken = at_two_processes(server, incoming_webhook(payloads.body(created()), NOW))
    assert len({one.event_id for one in taken}) == 1
    assert [one.duplicate for one in taken].count(False) == 1


def test_of_two_bodies_under_one_key_at_two_processes_at_once_one_is_kept(
    server: PostgresEngine,
) -> None:
    bodies = (payloads.body(created(uid=uid)) for uid in ("b1", "b2"))
    taken = at_two_processes(server, *(under("k", incoming_webhook(b, NOW)) for b in bodies))
    assert len({one.event_id for one in taken}) == 1
    assert [one.duplicate for one in taken].count(False) == 1
    assert [one.is_other for one in taken].count(True) == 6


def test_a_connection_that_is_lost_in_a_unit_changes_nothing(
    server: PostgresEngine, postgres_url: str
) -> None:
    connection = server.connect()

    def cut_short(c: Connection) -> None:
        users.save(c, profile(1), NOW)
        cut_connections(postgres_url)
        users.save(c, profile(2), NOW)

    with pytest.raises(TryAgain):
        run_once(connection, cut_short)
    assert not connection.is_usable()
    connection.close()
    fresh = server.connect()
    assert run_once(fresh, users.listed) == []
    fresh.close()
