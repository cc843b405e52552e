"""Turns: the nearest deadlines leave first, and a single push waits behind no backlog."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from calbell.domain.notification import BookingFacts, Planned
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.domain.turns import FEW, FOR_SINGLE, Line, chosen, line_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Queued(Struct, frozen=True):
    """A delivery, as far as its turn goes; times in seconds."""

    id: int
    phone_id: int
    line: Line
    due_at: int
    expires_at: int


def planned(kind: PushEvent = PushEvent.BOOKING_CONFIRMED, *, held: bool = False) -> Planned:
    return Planned(
        user_id=7,
        role=Role.HOST,
        kind=kind,
        due_at=NOW,
        expires_at=NOW + timedelta(days=1),
        facts=BookingFacts(uid="uid"),
        held=held,
    )


def take(queue: Sequence[Queued], number: int) -> list[int]:
    """What the store takes from this queue (store/deliveries.py), without a database."""
    by_deadline = sorted(queue, key=lambda one: (one.expires_at, one.id))[:number]
    singles = [one for one in queue if one.line is Line.SINGLE]
    newest = sorted(singles, key=lambda one: (one.due_at, one.id), reverse=True)
    return chosen(
        [one.id for one in by_deadline], [(one.id, one.phone_id) for one in newest], number
    )


def queued(id_: int, line: Line = Line.BULK, expires_at: int = 900, phone_id: int = 0) -> Queued:
    return Queued(id_, phone_id or id_, line, id_, expires_at)


queues = st.lists(
    st.builds(
        Queued,
        id=st.integers(1, 10_000),
        phone_id=st.integers(1, 30),
        line=st.sampled_from((Line.SINGLE, Line.BULK)),
        due_at=st.integers(0, 50),
        expires_at=st.integers(0, 50),
    ),
    max_size=150,
    unique_by=lambda one: one.id,
)


@given(queues, st.integers(1, 120))
def test_a_request_is_as_full_as_it_can_be_and_has_nothing_twice(
    queue: list[Queued], number: int
) -> None:
    taken = take(queue, number)
    assert len(taken) == len(set(taken)) == min(number, len(queue))


@given(queues, st.integers(1, 120))
def test_all_but_the_share_for_single_pushes_are_the_nearest_deadlines(
    queue: list[Queued], number: int
) -> None:
    taken = set(take(queue, number))
    nearest = sorted(queue, key=lambda one: (one.expires_at, one.id))
    assert {one.id for one in nearest[: number - number // FOR_SINGLE]} <= taken


@given(queues, st.integers(FOR_SINGLE, 120), st.integers(1, 10_000))
def test_the_newest_single_push_leaves_with_the_next_request(
    queue: list[Queued], number: int, id_: int
) -> None:
    newest = Queued(id_ + 10_000, 99, Line.SINGLE, 51, 10**6)
    assert newest.id in take([*queue, newest], number)


@given(queues, st.integers(FOR_SINGLE, 120))
def test_everything_leaves_while_nothing_more_comes(queue: list[Queued], number: int) -> None:
    left, requests = list(queue), 0
    while left:
        taken = set(take(left, number))
        left, requests = [one for one in left if one.id not in taken], requests + 1
    assert requests == -(-len(queue) // number)


def test_many_pushes_of_one_phone_take_one_place_of_those_that_are_kept() -> None:
    many = [queued(id_, Line.SINGLE, phone_id=1, expires_at=5000) for id_ in range(100, 200)]
    other = queued(50, Line.SINGLE, phone_id=2, expires_at=9000)
    assert 50 in take([*many, other], 10)


@pytest.mark.parametrize(
    ("what", "users_told", "told_to_user", "line"),
    [
        (planned(), 1, 1, Line.SINGLE),
        (planned(), FEW, FEW, Line.SINGLE),
        (planned(), FEW + 1, 1, Line.BULK),
        (planned(), 1, FEW + 1, Line.BULK),
        (planned(PushEvent.BOOKING_REMINDER), 1, 1, Line.BULK),
        (planned(held=True), 1, 1, Line.BULK),
    ],
)
def test_what_comes_in_numbers_is_no_single_push(
    what: Planned, users_told: int, told_to_user: int, line: Line
) -> None:
    assert line_of(what, users_told, told_to_user) is line
