"""Any number of processes around one PostgreSQL: what they tell each other, and what none of them
may do at the same time as another."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from types import MappingProxyType

import msgspec
import psycopg
import pytest

from calbell.flows.clocks import SharedClock
from calbell.flows.receive import incoming_webhook
from calbell.flows.take_in import take_in_many
from calbell.store import deliveries, engines, migrate, projects, subscriptions
from calbell.store.connection import StoreUnavailable
from calbell.store.database import InlineDatabase, run_once
from calbell.store.postgresql import PostgresConnection, PostgresEngine
from tests import payloads
from tests.contract.test_take_in import POLICY, created
from tests.contract.world import NOW, World, token

SPAN = timedelta(seconds=1)
SOON = NOW + timedelta(milliseconds=1)
GATE = 7


@pytest.fixture
def server(postgres_url: str) -> PostgresEngine:
    engine = PostgresEngine(postgres_url)
    migrate.bring_up_to_date(engine, NOW)
    return engine


@pytest.fixture
def connect(server: PostgresEngine) -> Iterator[Callable[[], PostgresConnection]]:
    """Makes connections, as several processes would."""
    made: list[PostgresConnection] = []

    def connect() -> PostgresConnection:
        made.append(server.connect())
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def test_a_list_of_events_is_one_notice(connect: Callable[[], PostgresConnection]) -> None:
    listening, world = connect(), World(connect())
    world.user(7, "host@example.com")
    world.register(7, "a")
    listening.listen()
    incoming = [
        incoming_webhook(payloads.body(created(uid=f"b{n}")), NOW + n * SPAN) for n in range(20)
    ]
    taken = world.run(take_in_many, incoming, POLICY, NOW, world.chance)
    assert len({one.event_id for one in taken}) == 20
    assert len(list(listening.notifications(0.5))) == 1
    assert list(listening.notifications(0.0)) == []


@pytest.fixture
def world(connect: Callable[[], PostgresConnection]) -> World:
    """A user with two phones: of the first nobody knows the project, the second is known."""
    made = World(connect())
    made.user(7)
    for name in ("unknown", "known"):
        made.register(7, name)
    ids = made.run(projects.know, ["@owner/app"])
    made.run(subscriptions.learn_projects, {token("known"): ids["@owner/app"]}, NOW)
    made.queue(7)
    return made


UNKNOWN, KNOWN = 1, 2
PAIRS = [(KNOWN, KNOWN), (UNKNOWN, UNKNOWN), (UNKNOWN, KNOWN), (KNOWN, UNKNOWN)]


def only(world: World, project_id: int) -> None:
    """Nothing is due but in this project."""
    world.run(lambda c: c.script(f"delete from deliveries where project_id <> {project_id}"))


@pytest.mark.parametrize(("taken", "wanted"), PAIRS)
def test_while_one_takes_nobody_takes_what_counts_against_the_same_rate(
    connect: Callable[[], PostgresConnection], world: World, taken: int, wanted: int
) -> None:
    first, second = connect(), connect()
    only(world, wanted)
    with first.transaction(writes=True):
        deliveries.pace(first, taken, NOW, SPAN)
        if taken == KNOWN != wanted:
            # As picking it does.
            first.script("select 1 from projects where id = 1 for share")
        assert run_once(second, deliveries.pick_project, SOON) is None
    assert run_once(second, deliveries.pick_project, SOON) is None
    assert run_once(second, deliveries.pick_project, NOW + SPAN) == wanted


@contextmanager
def gate(url: str) -> Iterator[Callable[[], None]]:
    """Whoever comes to the gate waits; the call waits for somebody there, and the block's end lets
    all through."""
    with psycopg.connect(url, autocommit=True) as keeper:
        keeper.execute("select pg_advisory_lock(%s)", [GATE])

        def await_somebody() -> None:
            waiting = "select 1 from pg_locks where locktype = 'advisory' and not granted"
            while keeper.execute(waiting).fetchone() is None:
                keeper.execute("select pg_sleep(0.01)")

        yield await_somebody
        keeper.execute("select pg_advisory_unlock_all()")


@pytest.mark.parametrize(("taken", "wanted"), PAIRS)
def test_what_was_taken_between_the_look_and_the_lock_is_seen(
    connect: Callable[[], PostgresConnection],
    server: PostgresEngine,
    world: World,
    taken: int,
    wanted: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All workers sleep until the same moment, and look at the same moment."""
    first, second = connect(), connect()
    only(world, wanted)
    pick = deliveries._SQL["pick_project"]
    after_the_look = f"where (select count(pg_advisory_lock_shared({GATE}))) > 0 and "
    slow = msgspec.structs.replace(
        pick, postgresql=pick.postgresql.replace("where ", after_the_look, 1)
    )
    monkeypatch.setattr(
        deliveries, "_SQL", MappingProxyType({**deliveries._SQL, "pick_project": slow})
    )
    picked = list[int | None]()
    picking = threading.Thread(
        target=lambda: picked.append(run_once(second, deliveries.pick_project, SOON))
    )
    with gate(server.url) as await_somebody:
        picking.start()
        await_somebody()
        run_once(first, deliveries.pace, taken, NOW, SPAN)
    picking.join(20)
    assert picked == [None]


def test_two_who_migrate_at_once_migrate_once(postgres_url: str) -> None:
    both = threading.Barrier(2)
    applied: list[tuple[int, ...]] = []

    def bring_up_to_date() -> None:
        engine = PostgresEngine(postgres_url)
        both.wait(20)
        applied.append(migrate.bring_up_to_date(engine, NOW).applied)

    threads = [threading.Thread(target=bring_up_to_date) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    everything = tuple(one.version for one in migrate.migrations())
    assert sorted(applied) == [(), everything]
    migrate.require_up_to_date(PostgresEngine(postgres_url))


def test_a_migration_does_not_wait_long_for_a_table_because_all_wait_behind_it(
    server: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = migrate._SQL["lock_schema"]
    impatient = msgspec.structs.replace(lock, postgresql=lock.postgresql.replace("5s", "100ms"))
    monkeypatch.setattr(migrate, "_SQL", {**migrate._SQL, "lock_schema": impatient})
    step = migrate.Migration(9999, "alter table users add column extra text;", "x", 1)
    known = migrate.migrations()
    monkeypatch.setattr(migrate, "migrations", lambda: (*known, step))
    with psycopg.connect(server.url) as dumping:
        dumping.execute("lock table users in access share mode")
        with pytest.raises(StoreUnavailable, match="nothing was changed; run calbell migrate"):
            migrate.bring_up_to_date(server, NOW)
        with pytest.raises(migrate.SchemaMismatch, match="run calbell migrate"):
            migrate.require_up_to_date(server)
    assert migrate.bring_up_to_date(server, NOW).applied == (9999,)


def test_a_migrating_process_is_waited_for_as_long_as_it_takes(server: PostgresEngine) -> None:
    # Its own limits would end it: 100 ms for a lock, as by the URL.
    limited = PostgresEngine(f"{server.url}&options=-c%20lock_timeout%3D100")
    with closing(server.connect()) as first, closing(limited.connect()) as second:
        waited = threading.Thread(target=run_once, args=(second, migrate.migrate, NOW))
        with first.transaction(writes=True):
            first.script(migrate._SQL["lock_schema"].postgresql)
            waited.start()
            waited.join(0.5)
            assert waited.is_alive()
        waited.join(20)
        assert not waited.is_alive()


def test_a_server_that_takes_its_time_does_not_move_the_clock(
    connect: Callable[[], PostgresConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, database = SharedClock(), InlineDatabase(connect())
    asyncio.run(clock.measure(database))
    kept = clock._at_zero
    asking = engines._SQL["database_time"]
    slow = msgspec.structs.replace(
        asking, postgresql=f"select t.* from ({asking.postgresql}) as t, pg_sleep(0.2)"
    )
    monkeypatch.setattr(engines, "_SQL", {"database_time": slow})
    monkeypatch.setattr(SharedClock, "TRUSTED_SECONDS", 0.1)
    again_at = asyncio.run(clock.measure(database))
    assert clock._at_zero == kept
    assert again_at - clock() <= SharedClock.AGAIN_AFTER
    monkeypatch.setattr(SharedClock, "TRUSTED_SECONDS", 60)
    asyncio.run(clock.measure(database))
    assert clock._at_zero != kept
