"""A wave of phones that are called gone does not empty the registry."""

from asyncio import sleep
from datetime import timedelta
from typing import Literal

import pytest

from calbell.simulator.faults import Wave
from tests.flows.stage import Stage

MINUTE = 60
HOUR = 60 * MINUTE


def false_wave(stage: Stage, at: Literal["ticket", "receipt"], requests: int) -> None:
    """Every phone of so many requests is called gone, though it is not."""
    stage.service.queue_fault(Wave(share=1.0, at=at), times=requests)


def dead(stage: Stage) -> int:
    ((number,),) = stage.ask("select count(*) from phones where dead_at is not null")
    return int(number)


@pytest.mark.parametrize("at", ["ticket", "receipt"])
def test_phones_that_are_called_gone_in_a_wave_are_rung_when_it_is_over(
    at: Literal["ticket", "receipt"],
) -> None:
    stage = Stage()
    tokens = [stage.phone(7) for _ in range(300)]

    async def story() -> None:
        false_wave(stage, at, 3)
        stage.tell(7)
        await sleep(HOUR)

    stage.plays(story())
    assert dead(stage) == 0
    assert stage.states() == {("delivered", None): 300}
    assert stage.ask("select count(suspected_at) from phones") == [(0,)]
    assert all(stage.shown(token) for token in tokens)


@pytest.mark.parametrize("at", ["ticket", "receipt"])
def test_a_wave_is_one_however_many_answers_were_good_before_it(
    at: Literal["ticket", "receipt"],
) -> None:
    stage = Stage()
    tokens = [stage.phone(7) for _ in range(300)]

    async def story() -> None:
        stage.tell(*[7] * 5)
        await sleep(15 * MINUTE)
        false_wave(stage, at, 3)
        stage.tell(7)
        await sleep(HOUR)

    stage.plays(story())
    assert dead(stage) == 0
    assert stage.states() == {("delivered", None): 1800}
    assert all(stage.shown(token) == 6 for token in tokens)


def test_what_a_doubted_receipt_told_of_may_have_rung() -> None:
    """It is not sent again, as the phone is gone by then, and nobody says that it was not sent."""
    stage = Stage()
    for _ in range(100):
        stage.phone(7)

    async def story() -> None:
        false_wave(stage, "receipt", 3)
        stage.tell(7)
        await sleep(16 * MINUTE)
        stage.script("update phones set dead_at = registered_at;")
        await sleep(25 * HOUR)

    stage.plays(story())
    assert stage.states() == {("unknown", "device_gone"): 100}


def test_phones_that_are_gone_a_day_later_still_are_dead() -> None:
    stage = Stage()
    tokens = [stage.phone(7) for _ in range(100)]

    async def story() -> None:
        for token in tokens:
            stage.service.change_device(token, registered=False)
        stage.tell(7)
        await sleep(25 * HOUR)
        assert dead(stage) == 0
        stage.tell(7)
        await sleep(HOUR)

    stage.plays(story())
    assert dead(stage) == 100
    assert stage.states() == {
        ("expired", "DeviceNotRegistered"): 100,
        ("unregistered", "DeviceNotRegistered"): 100,
    }


def test_phones_that_go_one_by_one_are_dead_at_once() -> None:
    stage = Stage()
    tokens = [stage.phone(7) for _ in range(100)]

    async def story() -> None:
        for token in tokens[::5]:
            stage.service.change_device(token, registered=False)
        stage.tell(7)
        await sleep(MINUTE)

    stage.plays(story())
    assert dead(stage) == 20


def test_a_few_phones_are_no_wave() -> None:
    stage = Stage()
    tokens = [stage.phone(7) for _ in range(5)]

    async def story() -> None:
        for token in tokens:
            stage.service.change_device(token, registered=False)
        stage.tell(7, lives=timedelta(hours=1))
        await sleep(MINUTE)

    stage.plays(story())
    assert dead(stage) == 5
