"""What is known about broken credentials, and what waits for them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from calbell.domain.holds import EVERY_PROJECT, Evidence, Hold, Scope, ShownBy
from calbell.domain.subscription import Platform
from calbell.store import deliveries, holds
from calbell.store.connection import Connection
from tests.contract.world import NOW, World

IPHONES = Scope(1, Platform.IOS, ShownBy.TICKET)
PROBE_AT = NOW + timedelta(seconds=2)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def bad(seconds: float, scope: Scope = IPHONES) -> Evidence:
    return Evidence(scope, after(seconds), "InvalidCredentials")


def good(seconds: float, scope: Scope = IPHONES) -> Evidence:
    return Evidence(scope, after(seconds), None)


@pytest.fixture
def world(connection: Connection) -> World:
    world = World(connection)
    world.user(7)
    world.register(7, "a")
    return world


def known(world: World) -> list[Hold]:
    return world.run(holds.unsettled)


def note(world: World, *shown: Evidence, now: datetime = NOW) -> list[Scope]:
    return world.run(holds.note, shown, PROBE_AT, now)


def test_what_is_held_from_now_on_is_said_once(world: World) -> None:
    assert note(world, bad(0)) == [IPHONES]
    assert note(world, bad(1), now=after(1)) == []
    (hold,) = known(world)
    assert hold == Hold(
        scope=IPHONES,
        code="InvalidCredentials",
        since=NOW,
        bad_at=after(1),
        good_at=None,
        probe_at=PROBE_AT,
        probes=0,
    )


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_it_does_not_matter_in_which_order_it_is_heard_of(
    world: World, order: tuple[int, ...]
) -> None:
    note(world, bad(0))
    heard = [bad(1), good(2), bad(3)]
    for number, at in enumerate(order):
        note(world, heard[at], now=after(10 + number))
    (hold,) = known(world)
    assert hold.stands
    assert hold.bad_at == after(3)


def test_what_was_good_since_lifts_a_hold_and_what_was_good_before_does_not(world: World) -> None:
    note(world, bad(5))
    note(world, good(4))
    assert known(world)[0].stands
    note(world, good(6))
    assert not known(world)[0].stands


def test_old_news_of_broken_credentials_do_not_hold_again(world: World) -> None:
    note(world, bad(0))
    note(world, good(9))
    assert note(world, bad(5), now=after(10)) == []
    assert not known(world)[0].stands
    assert note(world, bad(11), now=after(12)) == [IPHONES]
    assert known(world)[0].since == after(12)


def test_a_good_answer_also_opens_what_was_closed_for_every_project(world: World) -> None:
    every = Scope(EVERY_PROJECT, None, ShownBy.REQUEST)
    note(world, bad(0, every))
    note(world, good(1, Scope(1, None, ShownBy.REQUEST)))
    assert not known(world)[0].stands


def test_a_ticket_says_nothing_about_what_shows_in_receipts(world: World) -> None:
    revoked = Scope(1, Platform.IOS, ShownBy.RECEIPT)
    note(world, bad(0, revoked))
    note(world, good(1))
    assert known(world)[0].stands


def test_one_of_two_workers_probes(world: World) -> None:
    note(world, bad(0))
    (hold,) = known(world)
    assert world.run(holds.probe, hold, after(9), 1)
    assert not world.run(holds.probe, hold, after(9), 1)
    (probed,) = known(world)
    assert (probed.probe_at, probed.probes) == (after(9), 1)


def test_a_try_that_showed_nothing_is_made_again_at_once(world: World) -> None:
    note(world, bad(0))
    (hold,) = known(world)
    assert world.run(holds.probe, hold, after(300), 1)
    world.run(holds.try_again, [(1, Platform.ANDROID), (2, Platform.IOS)], after(1))
    assert [one.probe_at for one in known(world)] == [after(300)]
    world.run(holds.try_again, [(1, Platform.IOS)] * 2, after(1))
    assert [one.probe_at for one in known(world)] == [after(1)]
    world.run(holds.try_again, [(1, Platform.IOS)], after(9))
    assert [one.probe_at for one in known(world)] == [after(1)]


def test_there_is_a_next_probe_only_where_something_waits(world: World) -> None:
    note(world, bad(0))
    assert world.run(holds.next_probe_at) is None
    world.queue(7)
    assert world.run(holds.next_probe_at) == PROBE_AT
    note(world, bad(0, Scope(1, Platform.ANDROID, ShownBy.TICKET)))
    assert world.run(holds.next_probe_at) == PROBE_AT


def test_what_is_held_waits_until_it_is_stale_or_resumed(world: World) -> None:
    for _ in range(3):
        world.queue(7, expires_at=after(3600))
    world.run(deliveries.hold, [(one.id, "InvalidCredentials") for one in world.due()])
    assert world.due(after(3599)) == []
    assert world.run(deliveries.next_due_at) == after(3600)
    resume: Callable[[int], bool] = lambda number: world.run(  # noqa: E731
        deliveries.resume, 1, Platform.IOS, "InvalidCredentials", number, after(9)
    )
    assert resume(2)
    assert len(world.due(after(9))) == 2
    assert not resume(2)
    assert [one.code for one in world.due(after(9))] == [None, None, None]


def test_another_platform_or_code_is_not_resumed(world: World) -> None:
    world.queue(7, expires_at=after(3600))
    world.run(deliveries.hold, [(one.id, "InvalidCredentials") for one in world.due()])
    for platform, code in ((Platform.ANDROID, "InvalidCredentials"), (None, "UNAUTHORIZED")):
        assert not world.run(deliveries.resume, 1, platform, code, 9, after(9))
    assert world.due(after(9)) == []


def test_a_hold_that_was_lifted_is_settled_when_nothing_waits_for_it(world: World) -> None:
    note(world, bad(0))
    (standing,) = known(world)
    world.run(holds.settle, standing)
    assert len(known(world)) == 1
    note(world, good(1))
    world.run(holds.settle, standing)
    assert known(world) == []
    assert note(world, bad(2), now=after(2)) == [IPHONES]
