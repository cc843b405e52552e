"""Pruning beside the service: short turns with rests, and a database that stays as large as it
is."""

import asyncio
from datetime import datetime, timedelta

import pytest

from calbell.flows.prune import EVERY, LONGEST_REST, ROOM, Prune
from calbell.store import upkeep
from calbell.store.connection import Connection
from calbell.store.database import InlineDatabase
from calbell.store.statements import Dialect
from tests.contract.test_retention import Keeping
from tests.contract.test_take_in import created
from tests.contract.world import NOW

HOUR = timedelta(hours=1)


@pytest.fixture
def world(connection: Connection) -> Keeping:
    """A host and a guest with two phones each."""
    world = Keeping(connection)
    for id_, name in ((7, "host"), (8, "guest")):
        world.user(id_, f"{name}@example.com")
        world.register(id_, f"{name}-1")
        world.register(id_, f"{name}-2")
    return world


class Slow:
    """A clock that goes on by a step whenever it is asked."""

    def __init__(self, step: timedelta) -> None:
        self.now = NOW
        self.step = step

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


def book(world: Keeping, number: int, at: datetime, prefix: str) -> None:
    """So many bookings that end in an hour come in, with four deliveries each."""
    world.now = at
    world.take(
        *(
            created(uid=f"{prefix}{n}", start=at + HOUR / 2, end=at + HOUR, sent_at=at)
            for n in range(number)
        )
    )


def settled(world: Keeping, at: datetime) -> None:
    """The reminders whose time has come are over, and all that is due was delivered."""
    while world.release(at):
        continue
    world.finish(at)


def passed(prune: Prune, clock: Slow) -> int:
    """A whole pass; how many turns it took."""
    turns = 1
    while asyncio.run(prune.turn()) != clock.now + EVERY:
        turns += 1
    return turns


def test_after_a_step_it_rests_as_long_as_the_step_took(world: Keeping) -> None:
    book(world, 200, NOW, "b")
    settled(world, NOW + HOUR)
    for step in (timedelta(milliseconds=30), timedelta(hours=1), -timedelta(hours=1)):
        clock = Slow(timedelta())
        clock.now = NOW + 3 * HOUR
        prune = Prune(InlineDatabase(world.connection), clock, Slow(step), timedelta())
        rest = min(max(step, timedelta()), LONGEST_REST)
        assert asyncio.run(prune.turn()) == clock.now + rest


def test_a_pass_goes_on_where_it_was_and_ends(world: Keeping) -> None:
    book(world, 200, NOW, "b")
    settled(world, NOW + HOUR)
    clock = Slow(timedelta())
    clock.now = NOW + HOUR + timedelta(milliseconds=1)
    prune = Prune(InlineDatabase(world.connection), clock, clock, timedelta())
    rows = world.total()
    assert passed(prune, clock) > rows // ROOM
    assert world.rows() == {"phones": 4}
    assert passed(prune, clock) == 1


def test_the_database_does_not_grow_while_many_times_its_size_goes_through_it(
    world: Keeping,
) -> None:
    clock = Slow(timedelta())
    prune = Prune(InlineDatabase(world.connection), clock, clock, HOUR)
    sizes, rows, made = list[int](), list[int](), 0
    for hour in range(12):
        clock.now = NOW + hour * HOUR
        book(world, 60, clock.now, f"b{hour}-")
        made += 60 * 4
        if hour % 3:
            # What comes in the other hours waits until the next one.
            settled(world, clock.now)
        passed(prune, clock)
        sizes.append(world.run(upkeep.storage).size)
        rows.append(world.rows()["deliveries"])
    assert made > 2 * max(rows[6:])
    assert max(rows[6:]) <= max(rows[:6])
    if world.connection.dialect is Dialect.SQLITE:
        # PostgreSQL's room is made free by autovacuum, at a time of its own.
        assert max(sizes[6:]) <= 1.1 * max(sizes[:6])


def test_what_nobody_sends_is_kept_however_much_it_is(world: Keeping) -> None:
    clock = Slow(timedelta())
    prune = Prune(InlineDatabase(world.connection), clock, clock, timedelta())
    for hour in range(5):
        clock.now = NOW + hour * HOUR
        book(world, 60, clock.now, f"b{hour}-")
        passed(prune, clock)
    assert world.rows()["deliveries"] == 5 * 60 * 4
