"""SIGTERM while requests are under way: the end comes in time and loses nothing."""

import asyncio
import socket
import time
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

from tests import payloads
from tests.acceptance.programs import STOP_SECONDS, until
from tests.acceptance.stand import Database, Meeting, Stand, User, deliveries, states
from tests.crash.conftest import SlowExpo
from tests.crash.ledger import keys_sent, screens
from tests.crash.lives import Slot, slots
from tests.crash.storm import Storm
from tests.crash.victim import STOPPED, Doom

EVENTS = 12
STOPS = 3


def under_way(expo: SlowExpo) -> bool | None:
    """Whether Expo has been sent something."""
    return expo.control("GET", "/requests")["max_parallel"] > 0 or None


def tell(stand: Stand, host: User) -> list[Meeting]:
    """So many bookings of the host, each of which was accepted."""
    meetings = [Meeting(host) for _ in range(EVENTS)]
    for meeting in meetings:
        stand.tell(meeting.webhook(payloads.created))
    return meetings


def test_what_is_under_way_is_finished_before_the_end(
    new_stand: Callable[..., Stand], slow_expo: SlowExpo
) -> None:
    stand = new_stand()
    host = stand.database.user()
    token = stand.phone(host)
    slow_expo.take(0.0, 1.0)
    meetings = tell(stand, host)
    until(lambda: under_way(slow_expo), "a request at Expo")
    stand.stop()
    slow_expo.take(0.0, 0.0)
    stand.start()
    for meeting in meetings:
        story = stand.settled(meeting.uid)
        assert states(story) == ["delivered"]
        assert not any(one["possibly_sent"] for one in deliveries(story))
    assert set(screens(slow_expo, [token]).values()) == {1}
    assert [len(keys) for keys in keys_sent(slow_expo).values()] == [1] * EVENTS


def test_what_expo_does_not_answer_in_time_is_marked_and_sent_again_under_its_key(
    new_stand: Callable[..., Stand], slow_expo: SlowExpo
) -> None:
    stand = new_stand()
    host = stand.database.user()
    token = stand.phone(host)
    slow_expo.take(0.0, 25.0)
    meetings = tell(stand, host)
    until(lambda: keys_sent(slow_expo) or None, "a request that had its effect")
    address = urlsplit(stand.url)
    with socket.create_connection((address.hostname, address.port)) as dawdler:
        dawdler.sendall(b"POST /webhooks/cal HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        assert stand.ask("GET", "/healthz").status == 200
        began = time.monotonic()
        stand.stop()
        assert time.monotonic() - began < STOP_SECONDS
    taken = keys_sent(slow_expo)
    slow_expo.take(0.0, 0.0)
    stand.start()
    marked = 0
    for meeting in meetings:
        (one,) = deliveries(stand.settled(meeting.uid))
        assert one["state"] == "delivered"
        marked += one["possibly_sent"]
    assert marked >= len(taken) > 0
    keys = keys_sent(slow_expo)
    assert len(keys) == EVENTS
    assert all(len(set(of_push)) == 1 for of_push in keys.values())
    assert set(screens(slow_expo, [token]).values()) == {1}


def test_stopped_again_and_again_under_load_nothing_is_lost_or_sent_twice(
    database: Database, slow_expo: SlowExpo
) -> None:
    chance = Random(0)
    slow_expo.take(0.03, 0.03)
    storm = Storm(database, slow_expo, chance, phones=20)
    ends = iter([Doom(STOPPED, seconds=0.5)] * STOPS)
    stopped = [Slot(slot.words, ends) for slot in slots(database.url, 0, chance)]
    asyncio.run(storm.run(stopped))
    ledger = storm.ledger(seed=0)
    ledger.check()
    assert not ledger.doubled
    assert not ledger.marked
