"""When a loop takes its turns."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from calbell.flows.loop import Loop
from tests.universe.virtual_time import VirtualLoop

START = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "turns"),
    [(9.0, [0.0, 1.0, 11.0, 21.0]), (10.0, [0.0, 10.0, 20.0]), (30.0, [0.0, 10.0, 20.0])],
)
def test_a_loop_wakes_only_for_what_comes_before_its_next_turn(
    seconds: float, turns: list[float]
) -> None:
    """Said one second after its first turn, after which it sleeps ten."""
    time = VirtualLoop()

    def now() -> datetime:
        return START + timedelta(seconds=time.time())

    loop = Loop("test", now, longest=timedelta(seconds=10))
    taken = list[float]()

    async def turn() -> datetime | None:
        taken.append(time.time())
        return None

    async def story() -> None:
        running = asyncio.create_task(loop.run(turn))
        await asyncio.sleep(1.0)
        loop.look_by(START + timedelta(seconds=seconds))
        await asyncio.sleep(24.0)
        running.cancel()

    time.run_until_complete(story())
    time.end()
    assert taken == turns


def test_a_turn_that_is_being_taken_may_have_missed_what_came() -> None:
    time = VirtualLoop()

    def now() -> datetime:
        return START + timedelta(seconds=time.time())

    loop = Loop("test", now, longest=timedelta(seconds=10))
    taken = list[float]()

    async def turn() -> datetime | None:
        taken.append(time.time())
        await asyncio.sleep(2.0)
        return None

    async def story() -> None:
        running = asyncio.create_task(loop.run(turn))
        await asyncio.sleep(1.0)
        loop.look_by(START + timedelta(hours=1))
        await asyncio.sleep(4.0)
        running.cancel()

    time.run_until_complete(story())
    time.end()
    assert taken == [0.0, 2.0]
