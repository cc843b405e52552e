"""The clock is set, back or forward, while everything is under way."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from calbell.api.key_ring import REMEMBERED_FOR, KeyRing
from calbell.domain.delivery import DeliveryState
from calbell.domain.notification import NotificationState
from calbell.domain.plan import GATHERED_FOR
from calbell.domain.push_events import PushEvent
from calbell.flows.follow import Follow
from calbell.flows.grant import grant
from calbell.flows.prune import Prune
from calbell.flows.release import release_due
from calbell.flows.rescue import Rescue
from calbell.flows.steps import Steps
from calbell.flows.surroundings import Policy
from calbell.store import deliveries, keys, notifications, receipts, sweeps
from calbell.store.connection import Connection
from calbell.store.database import InlineDatabase
from calbell.store.deliveries import Completion
from calbell.store.pauses import Longest
from calbell.store.statements import Statement
from tests.contract.world import LEASE, NOW, WORKER, World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LONGEST = Longest(retry=timedelta(minutes=5), lease=LEASE, sweep=timedelta(minutes=15))
UNKNOWN_PROJECT = 1


class Machine:
    """One process on a machine whose clock can be set."""

    def __init__(self, world: World, now: datetime = NOW) -> None:
        self.world = world
        self.database = InlineDatabase(world.connection)
        self.wall = self.passed = now
        self.woken = 0
        steps = Steps(self.clock, self.steady)
        self._follow = Follow(self.database, self.clock, steps, LONGEST, self._wake)
        self._rescue = Rescue(self.database, self.clock, steps, lambda: None)
        self.follow()

    def clock(self) -> datetime:
        return self.wall

    def steady(self) -> datetime:
        return self.passed

    def passes(self, span: timedelta) -> None:
        self.wall += span
        self.passed += span

    def is_set(self, by: timedelta) -> None:
        self.wall += by

    def follow(self) -> None:
        asyncio.run(self._turn(self._follow.turn))

    def rescue(self) -> None:
        asyncio.run(self._turn(self._rescue.turn))

    async def _turn(self, turn: Callable[[], Any]) -> None:
        await turn()

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def world(connection: Connection) -> World:
    world = World(connection)
    world.user(7)
    world.register(7, "a")
    return world


@pytest.fixture
def machine(world: World) -> Machine:
    return Machine(world)


def states(world: World) -> list[str]:
    return [state for state, *_ in world.states()]


def accepted(world: World, *, looked_for_at: datetime) -> None:
    """A delivery was sent now, and has a ticket."""
    world.queue(7)
    (delivery,) = world.lease()
    completion = Completion(
        delivery_id=delivery.id,
        worker=WORKER,
        attempt=delivery.attempt,
        asked_at=NOW,
        outcome="accepted",
        ticket_id="ticket",
        receipt_due_at=looked_for_at,
        phone_id=delivery.phone_id,
        token=delivery.token,
        most_together=100,
    )
    world.run(deliveries.complete_many, [completion], NOW)


def postponed(world: World, until: datetime) -> None:
    """A delivery is to be tried again then."""
    world.queue(7)
    (delivery,) = world.lease()
    completion = Completion(
        delivery_id=delivery.id,
        worker=WORKER,
        attempt=delivery.attempt,
        asked_at=NOW,
        outcome="postponed",
        state=DeliveryState.QUEUED,
        due_at=until,
        phone_id=delivery.phone_id,
        token=delivery.token,
        most_together=100,
    )
    world.run(deliveries.complete_many, [completion], NOW)


@pytest.mark.parametrize("step", [-HOUR, HOUR, DAY])
@pytest.mark.parametrize("rescue_is_first", [False, True])
def test_what_is_under_way_is_not_given_up(
    machine: Machine, world: World, step: timedelta, rescue_is_first: bool
) -> None:
    world.queue(7)
    world.lease()
    machine.is_set(step)
    if rescue_is_first:
        machine.rescue()
    machine.follow()
    machine.rescue()
    machine.passes(LEASE - SECOND)
    machine.rescue()
    assert states(world) == ["sending"]


@pytest.mark.parametrize("step", [-HOUR, DAY])
def test_a_lease_that_nobody_answers_for_runs_out_all_the_same(
    machine: Machine, world: World, step: timedelta
) -> None:
    world.queue(7)
    world.lease()
    machine.is_set(step)
    machine.follow()
    machine.passes(LEASE)
    machine.rescue()
    assert states(world) == ["queued"]


def test_set_back_a_project_is_paced_no_longer(machine: Machine, world: World) -> None:
    world.queue(7)
    world.run(deliveries.pace, UNKNOWN_PROJECT, NOW, 100 * SECOND)
    world.run(deliveries.pause, UNKNOWN_PROJECT, NOW + 200 * SECOND)
    machine.is_set(-HOUR)
    machine.follow()
    machine.passes(199 * SECOND)
    assert world.due(machine.clock()) == []
    machine.passes(HOUR)
    assert len(world.due(machine.clock())) == 1


def test_set_back_a_project_goes_on_when_its_pause_has_passed(
    machine: Machine, world: World
) -> None:
    postponed(world, NOW + 20 * SECOND)
    world.run(deliveries.pause, UNKNOWN_PROJECT, NOW + 20 * SECOND)
    machine.is_set(-HOUR)
    machine.follow()
    machine.passes(19 * SECOND)
    assert world.due(machine.clock()) == []
    machine.passes(SECOND)
    assert len(world.due(machine.clock())) == 1


def test_set_back_what_waits_until_it_is_stale_still_does(machine: Machine, world: World) -> None:
    postponed(world, NOW + DAY)  # its expiry: it is held
    machine.is_set(-HOUR)
    machine.follow()
    assert world.run(deliveries.next_due_at) == NOW + DAY


@pytest.mark.parametrize("step", [-HOUR, HOUR, DAY])
def test_a_receipt_is_looked_for_as_long_after_the_ticket_as_ever(
    machine: Machine, world: World, step: timedelta
) -> None:
    accepted(world, looked_for_at=NOW + 900 * SECOND)
    machine.passes(100 * SECOND)
    machine.is_set(step)
    machine.follow()
    assert world.run(receipts.next_due_at) == machine.clock() + 800 * SECOND


@pytest.mark.parametrize("behind", [-60 * SECOND, HOUR])
def test_a_clock_that_is_put_right_after_the_start_delays_no_receipt_from_before(
    world: World, behind: timedelta
) -> None:
    accepted(world, looked_for_at=NOW + 900 * SECOND)
    machine = Machine(world, NOW - behind)
    machine.passes(SECOND)
    machine.is_set(HOUR)
    machine.follow()
    assert world.run(receipts.next_due_at) == NOW + 900 * SECOND


def test_set_back_news_that_waits_for_its_like_is_told(machine: Machine, world: World) -> None:
    gathered = world.notify(
        7, state=NotificationState.WAITING, due_at=NOW + GATHERED_FOR, expires_at=NOW + DAY
    )
    assert gathered
    machine.is_set(-HOUR)
    machine.follow()
    assert world.run(release_due, Policy(), machine.clock(), Random(1)) == 1


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_reminder_comes_by_the_clock_as_it_is(
    machine: Machine, world: World, step: timedelta
) -> None:
    at = NOW + 2 * HOUR
    world.notify(
        7,
        kind=PushEvent.BOOKING_REMINDER,
        state=NotificationState.WAITING,
        due_at=at,
        expires_at=at + HOUR,
    )
    machine.is_set(step)
    machine.follow()
    assert world.run(notifications.next_due_at) == at


def test_a_pause_from_a_future_that_nobody_remembers_ends(world: World) -> None:
    far = NOW + 400 * DAY
    postponed(world, far)
    world.run(deliveries.pause, UNKNOWN_PROJECT, far)
    world.run(deliveries.pace, UNKNOWN_PROJECT, far, SECOND)
    machine = Machine(world)
    machine.passes(LONGEST.retry)
    assert len(world.due(machine.clock())) == 1


@pytest.mark.parametrize("step", [-HOUR, -DAY])
def test_set_back_bookings_are_looked_up_as_long_after_the_last_time_as_ever(
    machine: Machine, world: World, step: timedelta
) -> None:
    sweep = 900 * SECOND
    assert world.run(sweeps.claim, "a", NOW + LEASE, NOW, anyway=True)
    world.run(sweeps.finish, "a", NOW, NOW + sweep, NOW)
    machine.is_set(step)
    machine.follow()
    assert world.run(sweeps.state).due_at == machine.clock() + sweep


def test_set_back_a_worker_that_died_looking_bookings_up_is_waited_for_no_longer(
    machine: Machine, world: World
) -> None:
    assert world.run(sweeps.claim, "a", NOW + LEASE, NOW, anyway=True)
    machine.is_set(-HOUR)
    machine.follow()
    machine.passes(LEASE)
    now = machine.clock()
    assert world.run(sweeps.claim, "b", now + LEASE, now, anyway=True)


def test_a_restart_shortens_no_pause_that_can_be(world: World) -> None:
    postponed(world, NOW + LONGEST.retry)
    world.run(deliveries.pause, UNKNOWN_PROJECT, NOW + LONGEST.retry)
    Machine(world)
    assert world.run(deliveries.next_due_at) == NOW + LONGEST.retry


def test_a_step_is_said_once_and_wakes_everybody(machine: Machine) -> None:
    with capture_logs() as lines:
        machine.is_set(-HOUR)
        machine.follow()
        machine.follow()
        machine.is_set(0.5 * SECOND)
        machine.follow()
    assert [(line["event"], line["seconds"]) for line in lines] == [("clock_stepped", -3600.0)]
    assert machine.woken == 1


def test_a_clock_that_drifts_is_not_set(machine: Machine) -> None:
    for _ in range(100):
        machine.passes(SECOND)
        machine.is_set(0.1 * SECOND)
        machine.follow()
    assert machine.woken == 0


def test_a_revoked_key_is_not_believed_for_longer_when_the_clock_was_set_back(
    machine: Machine, world: World
) -> None:
    granted = world.run(grant, 7, None, "", None, NOW, Random(1))
    ring = KeyRing(machine.database, machine.clock, machine.steady)

    async def is_good() -> bool:
        key = await ring.find(granted.key)
        return key is not None and ring.is_good(key)

    assert asyncio.run(is_good())
    world.run(keys.revoke, granted.id, NOW)
    machine.is_set(-HOUR)
    machine.passes(REMEMBERED_FOR)
    assert not asyncio.run(is_good())


def test_a_clock_that_leapt_forward_makes_nothing_forgotten_for_a_day(
    machine: Machine, world: World
) -> None:
    world.notify(7)
    prune = Prune(machine.database, machine.clock, machine.steady, 90 * DAY)

    def kept() -> int:
        asyncio.run(machine._turn(prune.turn))
        sql = "select count(*) from notifications"
        count = Statement("count", "", (), (), (), sql, sql, returns_rows=True)
        ((number,),) = world.run(lambda one: one.run(count))
        return int(number)

    machine.is_set(1000 * DAY)
    assert kept() == 1
    machine.passes(DAY - SECOND)
    assert kept() == 1
    machine.is_set(-1000 * DAY)
    machine.passes(HOUR)
    assert kept() == 1
    machine.passes(91 * DAY)
    assert kept() == 0


@pytest.mark.parametrize(("step", "looked_for_at"), [(DAY, DAY + HOUR), (-HOUR, HOUR)])
def test_what_several_processes_notice_is_mended_once(
    world: World, step: timedelta, looked_for_at: timedelta
) -> None:
    """All of them go by one clock."""
    machines = [Machine(world) for _ in range(3)]
    accepted(world, looked_for_at=NOW + (HOUR if step > timedelta() else 2 * HOUR))
    for machine in machines:
        machine.passes(SECOND)
        machine.is_set(step)
        machine.passes(20 * SECOND)
    for machine in machines:
        machine.follow()
    assert world.run(receipts.next_due_at) == NOW + looked_for_at
    assert [machine.woken for machine in machines] == [1, 1, 1]


@pytest.mark.parametrize("again", [timedelta(minutes=1), timedelta(hours=3)])
def test_a_step_that_is_taken_back_is_another_one(world: World, again: timedelta) -> None:
    machine = Machine(world)
    accepted(world, looked_for_at=NOW + HOUR)
    machine.passes(SECOND)
    machine.is_set(DAY)
    machine.follow()
    machine.passes(again)
    machine.is_set(-DAY)
    machine.follow()
    assert world.run(receipts.next_due_at) == NOW + HOUR
