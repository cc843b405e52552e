"""Retention: what is over goes, in short steps, and nothing that is not finished."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from calbell.domain.retention import Horizon
from calbell.flows import story
from calbell.flows.erase import remove_user
from calbell.store import retention, subscriptions
from calbell.store.connection import Connection
from calbell.store.retention import Place
from calbell.store.statements import Dialect, Statement
from tests import payloads
from tests.contract.test_take_in import END, START, Intake, created, said
from tests.contract.world import NOW, deliver, send, token

OVER = END + timedelta(milliseconds=1)
ROOM = 40
TABLES = ("bookings", "events", "event_keys", "notifications", "deliveries", "attempts", "phones")


class Keeping(Intake):
    """A world that forgets."""

    def rows(self) -> dict[str, int]:
        """How many rows there are, in the tables that have any."""
        query = "select " + ", ".join(f"(select count(*) from {name})" for name in TABLES)
        counted = Statement("count", "", (), (), (), query, query, returns_rows=True)
        (row,) = self.run(lambda c: c.run(counted))
        return {name: number for name, number in zip(TABLES, row, strict=True) if number}

    def total(self) -> int:
        return sum(self.rows().values())

    def forget(
        self, before: datetime, *, quiet_since: datetime | None = None, room: int = ROOM
    ) -> list[int]:
        """One pass; how many rows really went in each step."""
        horizon, steps = Horizon(before, quiet_since or before), list[int]()
        place: Place | None = Place()
        while place is not None:
            had = self.total()
            step = self.run(retention.forget, horizon, place, room)
            steps.append(had - self.total())
            assert step.gone >= steps[-1]
            place = step.place
        return steps

    def script(self, sql: str) -> None:
        self.run(lambda c: c.script(f"{sql};"))


def furnished(connection: Connection) -> Keeping:
    """A host with two phones and a guest with one; one booking, and a test push to the host."""
    world = Keeping(connection)
    world.user(7, "host@example.com")
    world.user(8, "guest@example.com")
    world.register(7, "host-1")
    world.register(7, "host-2")
    world.register(8, "guest-1")
    world.take(created())
    world.queue(7)
    return world


@pytest.fixture
def world(connection: Connection) -> Keeping:
    return furnished(connection)


def finished(world: Keeping) -> Keeping:
    """The same when everything was delivered and the reminders were, too."""
    world.finish(NOW)
    world.release(START - timedelta(minutes=10))
    world.finish(START)
    return world


def test_what_is_over_is_forgotten_with_all_its_history(world: Keeping) -> None:
    finished(world).take(payloads.ping())
    world.forget(END)
    assert world.run(story.timeline, "b1") is not None
    world.forget(OVER)
    assert world.run(story.timeline, "b1") is None
    assert world.rows() == {"phones": 3}


def test_what_belongs_to_no_booking_goes_when_it_is_as_old_itself(world: Keeping) -> None:
    """A test push that was delivered, and an event that says nothing."""
    world.take(payloads.ping())
    world.finish(NOW)
    before = world.rows()
    world.forget(NOW)
    assert world.rows() == before
    world.forget(NOW + timedelta(milliseconds=1))
    gone = {name: before[name] - number for name, number in world.rows().items()}
    assert gone == {
        "bookings": 0,
        "events": 1,
        "event_keys": 1,
        "notifications": 1,
        "deliveries": 2,
        "attempts": 2,
        "phones": 0,
    }


def is_waiting(world: Keeping) -> None:
    world.finish(START)
    world.script("delete from deliveries where state = 'queued'")


def is_queued(world: Keeping) -> None:
    world.finish(NOW)
    world.release(START - timedelta(minutes=10))


def is_being_sent(world: Keeping) -> None:
    is_queued(world)
    world.lease(START)


def awaits_a_receipt(world: Keeping) -> None:
    is_queued(world)
    world.run(send, START)


@pytest.mark.parametrize("unfinished", [is_waiting, is_queued, is_being_sent, awaits_a_receipt])
def test_a_booking_of_which_anything_is_unfinished_is_kept_whole(
    world: Keeping, unfinished: Callable[[Keeping], None]
) -> None:
    unfinished(world)
    world.script("delete from notifications where booking_id is null")
    before = world.rows()
    for room in (ROOM, 1000):
        world.forget(OVER, room=room)
        assert world.rows() == before


def test_a_test_push_that_is_unfinished_is_kept(world: Keeping) -> None:
    world.forget(OVER)
    assert world.rows()["notifications"] == 5
    world.run(send, NOW)
    world.forget(OVER)
    assert world.rows()["notifications"] == 5
    world.run(deliver, NOW)
    world.forget(OVER)
    assert world.rows()["notifications"] == 4


def test_what_is_accepted_and_has_no_receipt_to_wait_for_is_finished(world: Keeping) -> None:
    finished(world).script("update deliveries set state = 'accepted'")
    world.forget(OVER)
    assert world.rows() == {"phones": 3}


def test_what_is_unfinished_holds_up_nothing_behind_it(world: Keeping) -> None:
    for number in range(2, 30):
        world.take(created(uid=f"b{number}", start=START + timedelta(minutes=number)))
    world.finish(NOW)
    world.script("update notifications set state = 'expired' where booking_id > 20")
    world.forget(END + timedelta(days=1), room=20)
    assert world.rows()["bookings"] == 20


def test_a_booking_that_was_heard_of_lately_is_kept_however_long_ago_it_ended(
    world: Keeping,
) -> None:
    finished(world).now = END + timedelta(days=60)
    world.take(payloads.cancelled(**said(sent_at=world.now)))  # type: ignore[arg-type]
    world.finish(world.now)
    long_ago, yesterday = world.now - timedelta(days=30), world.now - timedelta(days=1)
    world.forget(long_ago, quiet_since=yesterday)
    assert len(world.story("b1").events) == 2
    world.forget(long_ago, quiet_since=world.now + timedelta(milliseconds=1))
    assert "bookings" not in world.rows()


def test_the_same_event_is_known_until_its_booking_is_forgotten(world: Keeping) -> None:
    finished(world).forget(END)
    assert world.take(created())[0].duplicate
    world.forget(OVER)
    assert not world.take(created())[0].duplicate


def test_no_step_takes_more_than_there_is_room_for(world: Keeping) -> None:
    for number in range(2, 20):
        world.take(created(uid=f"b{number}"))
    steps = finished(world).forget(OVER)
    assert world.rows() == {"phones": 3}
    assert len(steps) > 10
    assert max(steps) <= ROOM


def test_phones_that_nobody_needs_are_forgotten(world: Keeping) -> None:
    finished(world)
    world.run(subscriptions.remove, 7, token("host-1"))
    world.forget(END)
    assert world.rows()["phones"] == 3
    world.forget(OVER)
    assert world.rows()["phones"] == 2
    assert [phone.subscription_id for phone in world.phones(7)] == [2]


def test_a_phone_that_another_user_still_has_is_kept(world: Keeping) -> None:
    world.register(8, "host-1")
    world.run(subscriptions.remove, 8, token("host-1"))
    world.forget(OVER)
    finished(world).forget(OVER)
    assert world.rows()["phones"] == 3


def test_of_a_user_who_was_removed_nothing_is_left(world: Keeping) -> None:
    finished(world)
    for id_ in (7, 8):
        world.run(remove_user, id_, NOW)
    world.forget(OVER)
    assert world.rows() == {}


def test_what_another_process_works_on_is_passed_over(
    world: Keeping, connect: Callable[[], Connection]
) -> None:
    if world.connection.dialect is Dialect.SQLITE:
        pytest.skip("SQLite has one writer at a time")
    finished(world)
    other = connect()
    lock = Statement("lock", "", (), (), (), "", "select 1 from bookings for update", True)
    with other.transaction(writes=True):
        other.run(lock)
        world.forget(OVER)
        assert world.rows()["bookings"] == 1
    world.forget(OVER)
    assert "bookings" not in world.rows()
