"""What happened is counted hour by hour, without touching what is hot."""

import asyncio
from datetime import datetime, timedelta

from calbell.flows import tally
from calbell.flows.tally import Tally
from calbell.store import tallies
from calbell.store.connection import Connection
from calbell.store.database import InlineDatabase
from calbell.store.tallies import FAMILIES, HOUR, Tallied, start_of_hour
from tests.contract.test_take_in import Intake, created
from tests.contract.world import NOW

THIS_HOUR = start_of_hour(NOW)


class Counting:
    """Counts in one database, at a clock that the test turns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.now = NOW
        self._tally = Tally(InlineDatabase(connection), self.clock, self.clock)

    def clock(self) -> datetime:
        return self.now

    def count(self, after: timedelta = timedelta()) -> Tallied:
        self.now += after
        asyncio.run(self._tally.turn())
        return tallies.read(self.connection, NOW - timedelta(days=30))


def filled(connection: Connection) -> Intake:
    world = Intake(connection)
    world.user(7, "host@example.com")
    world.register(7, "a")
    world.take(created())
    return world


def test_each_thing_is_counted_in_its_hour(connection: Connection) -> None:
    world = filled(connection)
    world.queue(7, at=NOW - timedelta(hours=3))
    told = Counting(connection).count()
    assert told.counts["events"] == {(THIS_HOUR, "taken"): 1}
    assert told.counts["phones"] == {(THIS_HOUR, "new"): 1}
    assert told.newest("phones_now") == {"alive": 1, "gone": 0}
    assert told.counts["notifications"][THIS_HOUR, "released"] == 2
    assert told.counts["deliveries"] == {
        (THIS_HOUR, "queued"): 1,
        (THIS_HOUR - 3 * HOUR, "queued"): 1,
    }
    assert told.counted_at == NOW
    assert told.total("deliveries", THIS_HOUR) == {"queued": 1}
    assert told.total("deliveries", THIS_HOUR - 3 * HOUR) == {"queued": 2}


def test_what_became_of_a_delivery_later_is_counted_in_the_hour_in_which_it_was_made(
    connection: Connection,
) -> None:
    world, counting = filled(connection), Counting(connection)
    assert counting.count().total("deliveries", THIS_HOUR) == {"queued": 1}
    world.finish(NOW + timedelta(minutes=1))
    told = counting.count(timedelta(minutes=2))
    assert told.counts["deliveries"] == {(THIS_HOUR, "delivered"): 1}
    world.run(lambda c: c.script("update deliveries set state = 'failed', possibly_sent = 1;"))
    told = counting.count(timedelta(hours=30))
    assert told.counts["deliveries"] == {(THIS_HOUR, "failed"): 1}
    assert told.counts["doubled"] == {(THIS_HOUR, ""): 1}


def test_what_was_counted_stays_when_it_is_forgotten(connection: Connection) -> None:
    world, counting = filled(connection), Counting(connection)
    world.finish(NOW)
    counting.count()
    world.run(lambda c: c.script("delete from bookings;"))
    world.run(lambda c: c.script("delete from events;"))
    told = counting.count(timedelta(days=20))
    assert told.counts["deliveries"] == {(THIS_HOUR, "delivered"): 1}
    assert counting.count(tally.KEPT_FOR).counts.get("deliveries") is None


def test_of_several_processes_one_counts(connection: Connection) -> None:
    counting = Counting(connection)
    counting.count()
    filled(connection)
    assert "events" not in counting.count(timedelta(seconds=5)).counts
    assert "events" in counting.count(timedelta(minutes=1)).counts


def test_counting_goes_in_pages_and_misses_nothing(connection: Connection) -> None:
    world = filled(connection)
    for number in range(2, 9):
        world.take(created(uid=f"b{number}"))
    family = FAMILIES[0]
    seen, after = 0, tallies.first_since(connection, family, NOW)
    while True:
        page = tallies.page(connection, family, after, 3)
        seen += sum(page.counts.values())
        if page.after is None:
            break
        after = page.after
    assert seen == 8
    assert tallies.first_since(connection, family, NOW + HOUR) > after
