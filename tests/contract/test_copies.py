"""A copy that serves instead of a lost original: what that one has sent is not sent again."""

from datetime import timedelta

import pytest

from calbell.domain.notification import NotificationState
from calbell.flows.restore import (
    CannotRestore,
    Restored,
    Restoring,
    copy_that_serves,
    restore,
)
from calbell.store import copies, deliveries
from calbell.store.connection import Connection
from calbell.store.copies import Ended
from calbell.store.statements import Statement, load
from calbell.store.times import to_ms
from tests.contract.world import LATER, NOW, World

SECOND = timedelta(seconds=1)
MORNING = NOW + timedelta(hours=6)
OURS = Restoring()


def copied(connection: Connection) -> World:
    """A world of which a copy was made now."""
    world = World(connection)
    world.user(7)
    world.register(7, "a")
    return world


def note(world: World, at: object = NOW) -> None:
    """The database is a copy, made then."""
    statement = load("copies")["note_copy"]
    world.run(lambda c: c.count(statement, made_at=to_ms(at)))  # type: ignore[arg-type]


def notifications(world: World) -> list[tuple[str, str | None]]:
    query = "select state, reason from notifications order by id"
    listed = Statement("listed", "", (), (), (), query, query, returns_rows=True)
    return [tuple(row) for row in world.run(lambda c: c.run(listed))]


def test_what_was_queued_or_being_sent_ends_as_unknown(connection: Connection) -> None:
    world = copied(connection)
    world.queue(7, at=NOW - SECOND)
    world.lease(NOW - SECOND)
    world.queue(7, at=NOW)
    note(world)
    assert world.run(restore, OURS, MORNING) == Restored(NOW, Ended(2, 0))
    assert [(state, reason) for state, reason, *_ in world.states()] == [
        ("unknown", "restored"),
        ("unknown", "restored"),
    ]
    assert world.due(MORNING) == []
    assert world.run(deliveries.next_lost_at) is None


def test_what_was_being_sent_ends_also_where_it_had_time(connection: Connection) -> None:
    """As what tries broken credentials: it is held until it is stale."""
    world = copied(connection)
    world.queue(7, at=NOW - SECOND)
    world.lease(NOW - SECOND)
    world.run(lambda c: c.script(f"update deliveries set due_at = {to_ms(LATER)}"))
    note(world)
    assert world.run(restore, OURS, MORNING) == Restored(NOW, Ended(1, 0))
    assert world.states() == [("unknown", "restored", 1, 0)]


def test_what_was_to_be_tried_later_is_sent_and_marked(connection: Connection) -> None:
    world = copied(connection)
    world.queue(7, at=LATER)
    note(world)
    assert world.run(restore, OURS, MORNING) == Restored(NOW, Ended(0, 0))
    assert world.states() == [("queued", None, 0, 1)]


def test_what_waited_is_said_only_if_it_was_due_after_the_copy(connection: Connection) -> None:
    world = copied(connection)
    for due_at in (NOW - SECOND, NOW, NOW + SECOND):
        world.notify(7, state=NotificationState.WAITING, due_at=due_at)
    note(world)
    assert world.run(restore, OURS, MORNING) == Restored(NOW, Ended(0, 2))
    assert notifications(world) == [
        ("suppressed", "restored"),
        ("suppressed", "restored"),
        ("waiting", None),
    ]


def test_a_copy_is_restored_once(connection: Connection) -> None:
    world = copied(connection)
    note(world)
    assert world.run(copy_that_serves) == NOW
    assert world.run(restore, OURS, LATER).ended is not None
    assert world.run(copy_that_serves) is None
    world.queue(7, at=NOW)
    for restoring in (OURS, Restoring(NOW)):
        assert world.run(restore, restoring, MORNING) == Restored(NOW, None)
    assert world.states() == [("queued", None, 0, 0)]


def test_a_copy_of_what_was_restored_is_restored_too(connection: Connection) -> None:
    world = copied(connection)
    note(world)
    world.run(restore, OURS, LATER)
    world.queue(7, at=LATER)
    note(world, LATER)
    assert world.run(restore, OURS, MORNING) == Restored(LATER, Ended(1, 0))


def test_of_a_copy_of_a_copy_the_later_time_counts(connection: Connection) -> None:
    world = copied(connection)
    note(world, LATER)
    note(world, NOW)
    assert world.run(restore, OURS, MORNING).copied_at == LATER
    assert world.run(copy_that_serves) is None


def test_the_operator_may_know_better_how_long_the_original_went_on(
    connection: Connection,
) -> None:
    world = copied(connection)
    note(world)
    world.notify(7, state=NotificationState.WAITING, due_at=NOW + SECOND)
    assert world.run(restore, Restoring(LATER), MORNING) == Restored(LATER, Ended(0, 1))
    assert world.run(copy_that_serves) is None


def test_without_a_time_it_asks_for_one_and_names_the_newest_entry(connection: Connection) -> None:
    world = copied(connection)
    with pytest.raises(CannotRestore, match="--restored-from") as none:
        world.run(restore, OURS, MORNING)
    assert "newest" not in str(none.value)
    world.queue(7, at=NOW)
    world.run(deliveries.end, [(world.due(NOW)[0].id, "expired", "x")], LATER)  # type: ignore[list-item]
    with pytest.raises(CannotRestore, match=f"not before {LATER:%Y-%m-%dT%H:%M:%SZ}"):
        world.run(restore, OURS, MORNING)


def test_a_time_to_come_is_refused(connection: Connection) -> None:
    world = copied(connection)
    with pytest.raises(CannotRestore, match="cannot be from"):
        world.run(restore, Restoring(LATER), NOW)
    assert world.run(copies.known) == []


def test_only_the_first_of_several_processes_ends_anything(connection: Connection) -> None:
    world = copied(connection)
    assert world.run(copies.begin_restoring, NOW, LATER)
    assert not world.run(copies.begin_restoring, NOW, LATER)
