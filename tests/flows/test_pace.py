"""The pace at Expo is that of what arrives there, however long things take here."""

from asyncio import sleep
from bisect import bisect_left
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from calbell.flows.claim import Claim
from tests.flows.stage import START, CountingDatabase, Stage

RATE = 200


def slow(monkeypatch: pytest.MonkeyPatch, seconds: Any) -> None:
    """The answer of every unit of work takes so many seconds, by what it is."""
    run = CountingDatabase.run

    async def late(database: CountingDatabase, *args: Any, **kwargs: Any) -> Any:
        result = await run(database, *args, **kwargs)
        await sleep(seconds(result))
        return result

    monkeypatch.setattr(CountingDatabase, "run", late)


def _of_a_claim(result: object, waits: Iterator[float]) -> float:
    """The next of the waits where something was claimed."""
    match result:
        case (Claim(), _):
            return next(waits, 0.0)
        case _:
            return 0.0


def most_in_a_second(sent: list[tuple[float, int]]) -> int:
    """The most notifications that came within any second."""
    times = [at for at, number in sent for _ in range(number)]
    return max(bisect_left(times, at + 1.0) - nth for nth, at in enumerate(times))


@pytest.mark.parametrize("longest", [0.0, 0.08, 0.2])
def test_how_long_claiming_takes_does_not_show_in_the_pace(
    monkeypatch: pytest.MonkeyPatch, longest: float
) -> None:
    stage = Stage(expo_rate_limit=RATE)
    for user in range(1, 2001):
        stage.phone(user)
    chance = Random(1)
    slow(monkeypatch, lambda _: chance.uniform(0.0, longest))

    async def story() -> None:
        stage.tell(*range(1, 2001))
        await sleep(60)

    stage.plays(story())
    first, last = stage.line.sent[0][0], stage.line.sent[-1][0]
    assert sum(number for _, number in stage.line.sent) == 2000
    assert most_in_a_second(stage.line.sent) <= RATE
    # All but the last hundred, which take no time after they were sent.
    assert 1900 / (last - first) > (0.9 if longest < 0.1 else 0.8) * RATE


def test_what_stood_still_until_its_lease_is_nearly_over_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    token = stage.phone(1)
    waits = iter([40.0])
    slow(monkeypatch, lambda result: _of_a_claim(result, waits))

    async def story() -> None:
        stage.tell(1)
        await sleep(50)
        assert stage.line.sent == []
        await sleep(3600)

    stage.plays(story())
    assert [number for _, number in stage.line.sent] == [1]
    assert stage.shown(token) == 1
    assert stage.states() == {("delivered", None): 1}


def test_what_has_its_turn_only_in_an_hour_because_the_clock_was_set_back_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lease runs out long before, and then it is sent."""
    stage = Stage(sets_clock=True)
    token = stage.phone(1)
    waits = iter([5.0])
    slow(monkeypatch, lambda result: _of_a_claim(result, waits))

    async def story() -> None:
        stage.tell(1)
        await sleep(2)
        stage.set_back_by = timedelta(hours=1)
        await sleep(10)
        assert stage.line.sent == []
        await sleep(3 * 3600)

    stage.plays(story())
    assert [number for _, number in stage.line.sent] == [1]
    assert stage.line.sent[0][0] < START.timestamp() + 120
    assert stage.shown(token) == 1
    assert stage.states() == {("delivered", None): 1}


def test_requests_leave_while_the_answers_to_others_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But no more than can be kept: what is not kept is lost with the process."""
    stage = Stage(expo_rate_limit=0, expo_max_concurrency=2)
    for user in range(1, 1001):
        stage.phone(user)
    slow(monkeypatch, lambda result: 30.0 if result and isinstance(result, list) else 0.0)

    async def story() -> None:
        stage.tell(*range(1, 1001))
        await sleep(25)
        assert [number for _, number in stage.line.sent] == [100] * 4
        await sleep(3600)

    stage.plays(story())
    assert stage.states() == {("delivered", None): 1000}


def test_at_its_pace_a_request_takes_few_units_of_work() -> None:
    """Claimed, with when the next one is, and kept."""
    stage = Stage(expo_rate_limit=100, receipt_delay=timedelta(hours=1))
    for user in range(1, 2001):
        stage.phone(user)

    async def story() -> None:
        stage.tell(*range(1, 2001))
        await sleep(5)
        before, sent = stage.database.units, len(stage.line.sent)
        await sleep(10)
        requests = len(stage.line.sent) - sent
        assert requests >= 9
        assert stage.database.units - before <= 2 * requests + 2

    stage.plays(story())
