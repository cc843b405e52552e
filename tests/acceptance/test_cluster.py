"""Any number of processes around one PostgreSQL: together they keep Expo's pace, and what happens
to one of them, or to the server, loses and doubles nothing."""

import os
import signal
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from tests import payloads
from tests.acceptance.cluster import Cluster, backlog
from tests.acceptance.conftest import NewDatabase
from tests.acceptance.programs import until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Meeting, states

NewCluster = Callable[..., Cluster]

RATE = 200
SECONDS = float(os.environ.get("CALBELL_CLUSTER_SECONDS", "8"))
"""For how long the pace is looked at."""

SECOND = 1.0 if "CALBELL_CLUSTER_SECONDS" in os.environ else 0.9
"""Expo's. Beside other tests a request may come late by as much as the kernel likes."""
LATE = 0.6
"""So late may the first of all come: until the last one no more has left than fits the time between
them. A pace that is a ninth too quick hides in one second, and not in eight."""


@pytest.fixture
def own_expo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Expo]:
    """An Expo whose requests are ours alone."""
    own = Expo.start(tmp_path_factory.mktemp("expo"))
    yield own
    own.program.stop()


@pytest.fixture
def database(new_database: NewDatabase) -> Database:
    return new_database("postgresql")


@pytest.fixture
def new_cluster(database: Database, own_expo: Expo) -> Iterator[NewCluster]:
    """`new_cluster(apis=1, workers=2, **variables)` is a Calbell of several processes."""
    made: list[Cluster] = []

    def make(apis: int = 1, workers: int = 2, **variables: str) -> Cluster:
        made.append(Cluster(database, own_expo, variables, apis=apis, workers=workers))
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop()


def sends(expo: Expo) -> list[tuple[float, int, list[str]]]:
    """Every send request: when it came, its status, and the keys of what it brought."""
    return [
        (
            datetime.fromisoformat(request["at"]).timestamp(),
            request["status"],
            [message.get("collapseId") or message["tag"] for message in request["body"]],
        )
        for request in expo.control("GET", "/requests")["requests"]
        if request["path"].endswith("/send")
    ]


def most_within(seconds: float, times: list[float]) -> int:
    """The most of these times within any span of so many seconds."""
    return max(bisect_left(times, at + seconds) - nth for nth, at in enumerate(times))


def test_three_workers_keep_the_pace_of_one_and_use_it(
    database: Database, own_expo: Expo, new_cluster: NewCluster
) -> None:
    phones = 50
    bookings = int(RATE * (SECONDS + 3)) // phones
    backlog(database, own_expo, database.user(), phones=phones, bookings=bookings)
    new_cluster(workers=3, CALBELL_EXPO_RATE_LIMIT=str(RATE))

    def enough() -> list[tuple[float, int, list[str]]] | None:
        made = sends(own_expo)
        return made if made and made[-1][0] - made[0][0] >= SECONDS else None

    made = until(enough, "a backlog to be sent for a while", SECONDS + 20)
    began = made[0][0]
    sent = [(at, len(keys)) for at, _, keys in made if at < began + SECONDS]
    total = sum(number for _, number in sent)
    assert {status for _, status, _ in made} == {200}
    times = [at for at, _, keys in made for _ in keys]
    assert most_within(SECOND, times) <= RATE
    assert total >= 0.8 * RATE * SECONDS
    last, _, keys_of_last = made[-1]
    assert len(times) - len(keys_of_last) <= RATE * (last - began + LATE)
    assert set(Counter(key for _, _, keys in made for key in keys).values()) == {1}


def test_a_frozen_workers_delivery_is_taken_over_when_its_lease_ran_out_and_not_before(
    own_expo: Expo, new_cluster: NewCluster
) -> None:
    lease = 2.0
    cluster = new_cluster(
        workers=1, CALBELL_EXPO_TIMEOUT_SECONDS="1", CALBELL_LEASE_SECONDS=str(lease)
    )
    host = cluster.database.user()
    token = cluster.api.phone(host)
    own_expo.control("POST", "/faults", {"fault": "F10", "options": {"head_seconds": 0.9}})
    meeting = Meeting(host)
    cluster.api.tell(meeting.webhook(payloads.created))
    (frozen,) = cluster.workers
    until(lambda: sends(own_expo) or None, "the first request")
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        cluster.add_worker()
        until(lambda: True if len(sends(own_expo)) > 1 else None, "the second request")
        (first, _, keys), (second, _, again) = sends(own_expo)
        assert second - first >= lease - 0.5
        assert again == keys
        story = cluster.api.settled(meeting.uid)
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    assert states(story) == ["delivered"]
    (kept,) = cluster.kept()
    assert kept.possibly_sent
    assert len(own_expo.screen(token)) == 1


def test_at_rest_work_is_picked_up_at_once_by_whichever_process_is_there(
    new_cluster: NewCluster,
) -> None:
    cluster = new_cluster(apis=2, workers=2)
    host = cluster.database.user()
    cluster.api.phone(host)
    waits = []
    for nth in range(6):
        meeting = Meeting(host)
        began = time.monotonic()
        cluster.apis[nth % 2].tell(meeting.webhook(payloads.created))
        cluster.api.settled(meeting.uid)
        waits.append(time.monotonic() - began)
    # Who only looks every five seconds is not so quick.
    assert sorted(waits)[len(waits) // 2] < 2
    cluster.kill(cluster.workers[0])
    meeting = Meeting(host)
    cluster.api.tell(meeting.webhook(payloads.created))
    assert states(cluster.api.settled(meeting.uid)) == ["delivered"]
