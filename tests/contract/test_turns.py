"""Whose turn it is, as the store tells it: like the model in tests/unit/domain/test_turns.py."""

from datetime import datetime, timedelta

import pytest

from calbell.domain.notification import NotificationState
from calbell.domain.push_events import PushEvent
from calbell.domain.turns import Line
from calbell.store import deliveries, notifications
from calbell.store.connection import Connection
from calbell.store.deliveries import NewDelivery
from tests.contract.world import NOW, World

SOON = NOW + timedelta(minutes=10)
LATE = NOW + timedelta(hours=1)
NEXT_DAY = NOW + timedelta(days=1)


@pytest.fixture
def world(connection: Connection) -> World:
    world = World(connection)
    for user_id in (7, 8):
        world.user(user_id)
        world.register(user_id, f"phone-{user_id}")
    return world


def queue(world: World, number: int, line: Line, expires_at: datetime, user_id: int = 7) -> None:
    (phone,) = world.phones(user_id)
    id_ = world.notify(user_id, expires_at=expires_at)
    world.run(
        deliveries.insert_many,
        [NewDelivery(id_, phone, f"key-{at}", expires_at, line) for at in range(number)],
        NOW,
    )


def deadlines(world: World, number: int) -> list[datetime]:
    return [one.standing.expires_at for one in world.due(number=number)]


def test_of_what_is_due_the_nearest_start_leaves_first(world: World) -> None:
    for expires_at in (LATE, NEXT_DAY, SOON):
        queue(world, 3, Line.BULK, expires_at)
    assert deadlines(world, 7) == [SOON] * 3 + [LATE] * 3 + [NEXT_DAY]


def test_both_lines_go_by_their_deadlines_together(world: World) -> None:
    queue(world, 2, Line.SINGLE, LATE)
    queue(world, 2, Line.BULK, SOON)
    queue(world, 2, Line.BULK, NEXT_DAY)
    assert deadlines(world, 20) == [SOON] * 2 + [LATE] * 2 + [NEXT_DAY] * 2


def test_a_single_push_leaves_with_the_next_request_whatever_waits(world: World) -> None:
    queue(world, 200, Line.BULK, SOON)
    queue(world, 200, Line.BULK, NEXT_DAY)
    queue(world, 1, Line.SINGLE, NEXT_DAY, user_id=8)
    due = world.due(number=100)
    assert len(due) == 100
    assert [one.standing.user_id for one in due].count(8) == 1


def test_a_single_push_waits_for_no_user_who_is_told_a_lot(world: World) -> None:
    queue(world, 1, Line.SINGLE, NEXT_DAY, user_id=8)
    queue(world, 300, Line.SINGLE, SOON)
    assert 8 in {one.standing.user_id for one in world.due(number=100)}


def test_what_was_tried_goes_by_its_deadline_when_it_is_due_again(world: World) -> None:
    queue(world, 1, Line.SINGLE, LATE)
    queue(world, 1, Line.BULK, NEXT_DAY)
    world.run(deliveries.postpone, [(world.due()[0].id, SOON)])
    assert [one.standing.expires_at for one in world.due(NOW)] == [NEXT_DAY]
    assert [one.standing.expires_at for one in world.due(SOON)] == [LATE, NEXT_DAY]


def test_what_the_release_before_queued_is_due_at_its_time(world: World) -> None:
    queue(world, 1, Line.NONE, LATE)
    assert world.run(deliveries.next_due_at) == NOW
    assert len(world.due(NOW)) == 1


def test_of_reminders_due_at_one_moment_the_nearest_starts_are_released_first(world: World) -> None:
    for user_id, expires_at in ((7, LATE), (8, SOON)):
        world.notify(
            user_id,
            kind=PushEvent.BOOKING_REMINDER,
            state=NotificationState.WAITING,
            expires_at=expires_at,
        )
    found = world.run(notifications.due, NOW, 2)
    assert [one.planned.expires_at for one in found] == [SOON, LATE]
