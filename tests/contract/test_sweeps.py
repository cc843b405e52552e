"""Looking bookings up: one process at a time, and the next one goes on where it was left."""

from datetime import datetime, timedelta

import pytest

from calbell.store import sweeps
from calbell.store.connection import Connection
from calbell.store.sweeps import Claimed
from tests.contract.world import LATER, NOW, World

SOON = NOW + timedelta(seconds=30)


@pytest.fixture
def world(connection: Connection) -> World:
    return World(connection)


def claimed(
    world: World, worker: str, at: datetime = NOW, *, anyway: bool = False
) -> Claimed | None:
    until = at + timedelta(seconds=30)
    return world.run(sweeps.claim, worker, until, at, anyway=anyway)


def test_one_worker_at_a_time(world: World) -> None:
    assert claimed(world, "a") == Claimed(None)
    assert claimed(world, "b", anyway=True) is None
    assert claimed(world, "a") == Claimed(None)


def test_a_worker_that_died_is_waited_for_until_its_lease_ends(world: World) -> None:
    claimed(world, "a")
    world.run(sweeps.advance, "a", NOW, NOW)
    assert claimed(world, "b", SOON - timedelta(milliseconds=1)) is None
    assert claimed(world, "b", SOON) == Claimed(NOW)


def test_who_lost_the_lease_changes_nothing(world: World) -> None:
    claimed(world, "a")
    claimed(world, "b", SOON)
    world.run(sweeps.finish, "a", LATER, LATER, SOON)
    world.run(sweeps.fail, "a", "timeout", LATER, SOON)
    state = world.run(sweeps.state)
    assert (state.watermark, state.finished_at, state.failure) == (None, None, None)


def test_after_a_sweep_it_is_not_time_before_it_is_due_but_for_a_new_process(world: World) -> None:
    claimed(world, "a")
    world.run(sweeps.finish, "a", NOW, LATER, NOW)
    assert claimed(world, "b", SOON) is None
    assert claimed(world, "b", SOON, anyway=True) == Claimed(NOW)
    world.run(sweeps.finish, "b", None, LATER, SOON)
    assert claimed(world, "a", LATER) == Claimed(NOW)


def test_a_failure_is_known_until_it_goes_well(world: World) -> None:
    claimed(world, "a")
    world.run(sweeps.change_sight, "a", "bookings of user 7")
    world.run(sweeps.fail, "a", "timeout", SOON, NOW)
    state = world.run(sweeps.state)
    assert (state.failure, state.failed_at, state.due_at) == ("timeout", NOW, SOON)
    assert claimed(world, "b", SOON) == Claimed(None, "bookings of user 7")
    world.run(sweeps.finish, "b", NOW, LATER, SOON)
    state = world.run(sweeps.state)
    assert (state.failure, state.failed_at, state.finished_at) == (None, None, SOON)
    assert state.sees == "bookings of user 7"


def test_what_was_looked_at_with_another_sight_says_nothing_of_this_one(world: World) -> None:
    """A key that could see all, then its owner's alone, and all again goes on where it was."""
    everything, own = "bookings of organisation 12", "bookings of user 7"
    claimed(world, "a")
    assert world.run(sweeps.change_sight, "a", everything) is None
    world.run(sweeps.advance, "a", NOW, NOW)
    assert world.run(sweeps.change_sight, "a", own) is None
    world.run(sweeps.finish, "a", SOON, SOON, SOON)
    assert claimed(world, "b", SOON) == Claimed(SOON, own)
    assert world.run(sweeps.change_sight, "b", everything) == NOW
    world.run(sweeps.finish, "b", LATER, LATER, LATER)
    assert claimed(world, "a", LATER) == Claimed(LATER, everything)
    assert world.run(sweeps.change_sight, "a", own) == SOON


def test_who_lost_the_lease_changes_no_sight(world: World) -> None:
    claimed(world, "a")
    world.run(sweeps.change_sight, "a", "bookings of user 7")
    claimed(world, "b", SOON)
    assert world.run(sweeps.change_sight, "a", "bookings of organisation 12") is None
    assert world.run(sweeps.state).sees == "bookings of user 7"
