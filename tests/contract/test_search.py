"""Bookings, people and events are found as operators look for them; and what the overview sees."""

from datetime import timedelta

from calbell.domain.holds import Evidence, Scope, ShownBy
from calbell.domain.subscription import Platform
from calbell.store import holds, overview, search, subscriptions
from calbell.store.connection import Connection
from tests import payloads
from tests.contract.test_take_in import Intake, created
from tests.contract.world import NOW, token


def filled(connection: Connection) -> Intake:
    world = Intake(connection)
    world.user(7, "host@example.com", "second@example.com")
    world.user(8, "bob_x@example.com")
    world.register(7, "a")
    world.take(created(uid="b1"))
    world.take(created(uid="b2"))
    world.take(payloads.ping())
    return world


def test_the_bookings_that_were_heard_of_last_come_first(connection: Connection) -> None:
    filled(connection)
    assert [one.uid for one in search.heard_of(connection)] == ["b2", "b1"]
    assert [one.uid for one in search.of_user(connection, 7)] == ["b2", "b1"]
    assert search.of_user(connection, 8) == []


def test_bookings_are_found_by_time_and_by_a_whole_address(connection: Connection) -> None:
    filled(connection)
    (first, *_) = search.heard_of(connection)
    assert first.end_at is not None
    later = first.end_at + timedelta(seconds=1)
    assert first.start_at is not None
    began = first.start_at + timedelta(seconds=1)
    assert len(search.between(connection, first.start_at, began, None)) == 2
    assert search.between(connection, first.start_at, first.start_at, None) == []
    assert len(search.between(connection, first.end_at, later, None)) == 2
    assert search.between(connection, later, later + timedelta(days=9), None) == []
    assert len(search.between(connection, first.end_at, later, "guest@example.com")) == 2
    for other in ("guest@example", "gues_@example.com", "%", "uest@example.com"):
        assert search.between(connection, first.end_at, later, other) == []


def test_people_are_found_by_id_address_and_parts_of_names(connection: Connection) -> None:
    world = filled(connection)
    found = search.people(connection, "7")
    assert [(one.id, one.name, one.phones, one.awake) for one in found] == [(7, "User 7", 1, 1)]
    assert [one.id for one in search.people(connection, "Second@example.com")] == [7]
    assert [one.id for one in search.people(connection, "user")] == [7, 8]
    assert [one.id for one in search.people(connection, "b_x")] == [8]
    assert search.people(connection, "b%x") == []
    assert [one.id for one in search.people(connection, "", after=7)] == [8]
    world.run(subscriptions.remove, 7, token("a"))
    assert search.people(connection, "7")[0].phones == 0


def test_events_come_in_pages_the_newest_first(connection: Connection) -> None:
    filled(connection)
    first = search.events(connection, unreadable=False)
    assert [(one.trigger, one.uid) for one in first] == [
        ("PING", None),
        ("BOOKING_CREATED", "b2"),
        ("BOOKING_CREATED", "b1"),
    ]
    older = search.events(connection, first[1].row, unreadable=False)
    assert [one.uid for one in older] == ["b1"]
    assert search.events(connection, unreadable=True) == []
    whole = search.event(connection, older[0].event_id)
    assert whole is not None
    assert (whole.uid, whole.state, whole.row) == ("b1", "taken", older[0].row)
    assert b"BOOKING_CREATED" in whole.raw
    assert search.event(connection, "evt_none") is None


def test_the_overview_sees_what_waits_how_fast_it_goes_and_what_is_held(
    connection: Connection,
) -> None:
    world = filled(connection)
    seen = overview.see(connection, NOW, NOW + timedelta(seconds=9))
    assert (seen.depth.due, seen.users, seen.sending) == (2, 2, 0)
    assert (seen.phones, seen.phones_gone) == (1, 0)
    assert [(one.project, one.due) for one in seen.queues] == [(None, 2)]
    world.finish(NOW + timedelta(seconds=1))
    scope = Scope(1, Platform.IOS, ShownBy.TICKET)
    world.run(holds.note, [Evidence(scope, NOW, "InvalidCredentials")], NOW, NOW)
    seen = overview.see(connection, NOW, NOW + timedelta(seconds=9))
    assert seen.to_expo == (timedelta(seconds=1), timedelta(seconds=1))
    assert seen.to_receipt == (timedelta(), timedelta())
    assert [(one.due, one.sent) for one in seen.queues] == [(0, 2)]
    assert [one.code for one in seen.held] == ["InvalidCredentials"]
    assert seen.last_attempt_at == NOW + timedelta(seconds=1)
    assert seen.queues[0].sent == 2
    later = overview.see(connection, NOW, NOW + timedelta(minutes=9))
    assert later.queues[0].sent == 0


def test_quantiles_are_of_what_is_there() -> None:
    spans = [timedelta(seconds=number) for number in range(100)]
    assert overview.quantile(spans, 0.5) == timedelta(seconds=50)
    assert overview.quantile(spans, 0.99) == timedelta(seconds=99)
    assert overview.quantile(spans[:1], 0.99) == timedelta()
    assert overview.quantile([], 0.5) is None
