"""Counts."""

from calbell.store import events, upkeep
from calbell.store.connection import Connection
from calbell.store.events import Refusal
from calbell.store.statements import Dialect
from tests import payloads
from tests.contract.test_take_in import Intake, created
from tests.contract.world import LATER, NOW


def filled(connection: Connection) -> Intake:
    world = Intake(connection)
    world.user(7, "host@example.com")
    world.register(7, "a")
    world.take(created())
    world.take(payloads.ping())
    world.notify(7)
    return world


def test_everything_is_counted(connection: Connection) -> None:
    world = filled(connection)
    counts = world.run(upkeep.counts, NOW)
    assert counts.users == 1
    assert (counts.phones, counts.phones_gone) == (1, 0)
    assert counts.deliveries == {"queued": 1}
    assert counts.notifications == {"released": 2, "waiting": 1}
    assert counts.last_event_at == NOW
    assert counts.depth == upkeep.Depth(1, NOW)
    assert counts.last_failures == ()


def test_what_was_deleted_is_free_for_what_comes(connection: Connection) -> None:
    world = filled(connection)
    for number in range(2, 40):
        world.take(created(uid=f"b{number}"))
    before = world.run(upkeep.storage)
    assert before.size > 100_000
    world.run(lambda c: c.script("delete from bookings;"))
    after = world.run(upkeep.storage)
    assert after.size >= before.size
    if connection.dialect is Dialect.SQLITE:
        assert (before.free or 0) < (after.free or 0) < after.size
    else:
        assert after.free is None


def test_the_last_thousand_refusals_are_kept(connection: Connection) -> None:
    world = Intake(connection)

    refusals = [Refusal("no_signature", size) for size in range(1_005)]
    world.run(events.note_refusals, refusals, LATER)
    from calbell.store.statements import Statement

    query = "select min(size), count(*) from refusals"
    counted = Statement("count", "", (), (), (), query, query, returns_rows=True)
    assert world.run(lambda c: c.run(counted)) == [(5, 1000)]
