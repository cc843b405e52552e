"""Retention of bookings with very many rows: they are taken apart, in steps as short as all."""

from datetime import timedelta

import pytest

from calbell.store.connection import Connection
from calbell.store.statements import Dialect
from tests.contract.test_retention import OVER, ROOM, Keeping, finished, furnished
from tests.contract.test_take_in import END, START, created
from tests.contract.world import NOW


@pytest.fixture
def world(connection: Connection) -> Keeping:
    return furnished(connection)


@pytest.mark.parametrize(
    "many",
    [
        pytest.param(
            "insert into events (public_id, trigger_name, booking_id, state, recipients, sent_at,"
            " received_at, body_hash, raw) select 'e' || i, 't', 1, 'copy', 0, 0, 0, 'h', {blob}"
            " from n where true",
            id="events",
        ),
        pytest.param(
            "insert into notifications (booking_id, booking_version, user_id, role, kind, state,"
            " due_at, expires_at, facts, created_at, event_id)"
            " select 1, 2, 7, 'host', 'K', 'suppressed', i, i, '{}', i, 1 from n where true",
            id="notifications",
        ),
        pytest.param(
            "insert into deliveries (notification_id, user_id, subscription_id, phone_id, platform,"
            " project_id, key, state, due_at, expires_at, attempt, possibly_sent, most_together,"
            " created_at) select 1, 7, 1, 1, 'IOS', 1, 'k', 'withdrawn', 0, 0, 0, 0, 1, 0"
            " from n where true",
            id="deliveries",
        ),
        pytest.param(
            "insert into attempts (delivery_id, number, at, outcome, receipt_look)"
            " select 1, 10 + i, 0, 'later', 0 from n where true",
            id="attempts",
        ),
    ],
)
def test_a_booking_with_very_many_rows_goes_in_bounded_steps(world: Keeping, many: str) -> None:
    finished(world)
    add(world, many, 500)
    steps = world.forget(OVER)
    assert world.rows() == {"phones": 3}
    assert max(steps) <= ROOM


def test_an_event_that_led_to_very_much_at_another_booking_goes_in_bounded_steps(
    world: Keeping,
) -> None:
    """What is told of a booking that was replaced comes from the event of the one in its place."""
    world.take(created(uid="b2", start=START + timedelta(days=9), end=END + timedelta(days=9)))
    finished(world)
    add(
        world,
        "insert into notifications (booking_id, booking_version, user_id, role, kind, state,"
        " due_at, expires_at, facts, created_at, event_id)"
        " select 2, 2, 7, 'host', 'K', 'suppressed', i, i, '{}', i, 1 from n where true",
        500,
    )
    had = world.rows()["notifications"]
    world.forget(OVER)
    assert world.rows()["bookings"] == 1
    assert world.rows()["notifications"] >= 500
    assert had - world.rows()["notifications"] == 5


def test_what_is_unfinished_stays_of_a_booking_that_is_taken_apart(world: Keeping) -> None:
    world.finish(NOW)
    add(
        world,
        "insert into notifications (booking_id, booking_version, user_id, role, kind, state,"
        " due_at, expires_at, facts, created_at, event_id)"
        " select 1, 0, 7, 'host', 'K', 'suppressed', i, i, '{}', i, 1 from n where true",
        500,
    )
    world.forget(OVER)
    assert [told for told in world.told("b1") if told[2] == "waiting"] == [
        ("BOOKING_REMINDER", id_, "waiting", None) for id_ in (7, 8)
    ]


def add(world: Keeping, insert: str, number: int) -> None:
    is_sqlite = world.connection.dialect is Dialect.SQLITE
    numbers = (
        f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {number})"
        if is_sqlite
        else f"with n(i) as (select generate_series(1, {number}))"
    )
    world.script(f"{numbers} {insert}".replace("{blob}", "x''" if is_sqlite else "''"))
