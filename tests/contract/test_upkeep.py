"""Retention and counts."""

from datetime import timedelta

from calbell.flows import story
from calbell.store import events, subscriptions, upkeep
from calbell.store.connection import Connection
from calbell.store.events import Refusal
from tests import payloads
from tests.contract.test_take_in import END, Intake, created
from tests.contract.world import LATER, NOW, token


def filled(connection: Connection) -> Intake:
    world = Intake(connection)
    world.user(7, "host@example.com")
    world.register(7, "a")
    world.take(created())
    world.take(payloads.ping())
    world.notify(7)
    return world


def test_what_is_over_is_forgotten_with_all_its_history(connection: Connection) -> None:
    world = filled(connection)
    assert world.run(upkeep.forget, END, 10) == 2
    assert world.run(story.timeline, "b1") is not None
    assert world.run(upkeep.forget, END + timedelta(seconds=1), 10) == 1
    assert world.run(story.timeline, "b1") is None
    assert world.states() == []
    assert world.phones(7)


def test_forgetting_goes_in_steps(connection: Connection) -> None:
    world = filled(connection)
    world.take(created(uid="b2"))
    after = END + timedelta(days=1)
    steps = [world.run(upkeep.forget, after, 1) for _ in range(4)]
    assert steps == [3, 1, 0, 0]


def test_phones_that_nobody_needs_are_forgotten(connection: Connection) -> None:
    world = filled(connection)
    world.run(subscriptions.remove, 7, token("a"))
    world.run(upkeep.forget, END + timedelta(days=1), 10)
    assert world.run(upkeep.forget, END + timedelta(days=1), 10) == 0
    assert world.run(upkeep.counts, NOW).phones == 0


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


def test_the_last_thousand_refusals_are_kept(connection: Connection) -> None:
    world = Intake(connection)

    refusals = [Refusal("no_signature", size) for size in range(1_005)]
    world.run(events.note_refusals, refusals, LATER)
    from calbell.store.statements import Statement

    query = "select min(size), count(*) from refusals"
    counted = Statement("count", "", (), (), (), query, query, returns_rows=True)
    assert world.run(lambda c: c.run(counted)) == [(5, 1000)]
