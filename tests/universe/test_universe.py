"""Whole lives of the service in virtual time, one seed each."""

import asyncio
import os
from collections.abc import Iterator
from typing import NoReturn

import pytest
import structlog

from calbell.store import migrate
from calbell.store.database import run_once
from calbell.store.sqlite import SqliteConnection
from tests.universe import invariants
from tests.universe.process import task_factory
from tests.universe.virtual_time import VirtualLoop
from tests.universe.world import GENESIS, Universe

SEEDS = range(int(os.environ.get("CALBELL_UNIVERSE_SEEDS", "24")))
BOOKINGS = 25


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    def drop(*_: object) -> NoReturn:
        raise structlog.DropEvent

    structlog.configure(processors=[drop])
    yield
    structlog.reset_defaults()


def lived(seed: int) -> Universe:
    """The universe of a seed at its end."""
    loop = VirtualLoop()
    loop.set_task_factory(task_factory)
    loop.set_exception_handler(lambda *_: None)
    connection = SqliteConnection(":memory:")
    run_once(connection, migrate.migrate, GENESIS)
    connection.script(invariants.WATCH)
    universe = Universe(seed, loop, connection, invariants.witness)
    try:
        loop.run_until_complete(universe.live(BOOKINGS))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    return universe


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_the_promises_are_kept(seed: int) -> None:
    universe = lived(seed)
    invariants.check(universe)
    universe.connection.close()


def test_the_universes_are_not_empty() -> None:
    """Faults, deaths and deliveries do happen: a test that cannot fail proves nothing."""
    universe = lived(1)
    assert universe.expo.faults > 5
    assert universe.deaths > 0
    assert len(universe.accepted) > 20
    assert len(universe.expo.handed) > 20
    states = invariants.ask(universe.connection, "select distinct after from moves")
    assert {("accepted",), ("delivered",), ("queued",), ("released",), ("superseded",)} <= set(
        states
    )
    universe.connection.close()


def test_a_seed_replays_exactly() -> None:
    def traces() -> tuple[object, ...]:
        universe = lived(3)
        trace = tuple(
            tuple(invariants.ask(universe.connection, sql))
            for sql in (
                "select * from moves",
                "select id, key, state, attempt, settled_at from deliveries order by id",
                "select id, public_id, state, received_at from events order by id",
            )
        )
        universe.connection.close()
        return (*trace, universe.deaths, tuple(universe.expo.handed))

    assert traces() == traces()
