"""Processes around one database: who may serve it, who delivers, and how each of them ends."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import payloads
from tests.acceptance.conftest import NewDatabase
from tests.acceptance.programs import Program, command
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Meeting, Stand, deliveries, started, states
from tests.postgresql import new_database


def test_a_second_service_on_a_sqlite_file_is_refused(sqlite_stand: Stand) -> None:
    ended = sqlite_stand.database.run("serve", "--port=0")
    assert ended.code == 1
    assert ended.err.startswith("calbell: another process serves ")
    assert len(ended.err.splitlines()) == 1
    assert sqlite_stand.ask("GET", "/readyz").status == 200


@pytest.mark.parametrize("words", [["worker"], ["serve", "--no-delivery"]])
def test_on_sqlite_one_process_does_everything(tmp_path: Path, words: list[str]) -> None:
    ended = command(words, tmp_path)
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert line.startswith("calbell: CALBELL_DATABASE_URL: a SQLite database is served by one")


@pytest.mark.parametrize("words", ["serve", "worker", "status"])
def test_on_a_postgresql_that_was_not_migrated_nothing_starts(
    postgres: str, tmp_path: Path, words: str
) -> None:
    url = new_database(postgres)
    ended = command([words], tmp_path, {"CALBELL_DATABASE_URL": url})
    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert line.endswith("run calbell migrate")


def test_a_service_that_was_stopped_goes_on_where_it_was(own_stand: Callable[..., Stand]) -> None:
    stand = own_stand()
    host = stand.database.user()
    stand.phone(host)
    first, second = Meeting(host), Meeting(host)
    stand.tell(first.webhook(payloads.created))
    stand.stop()
    stand.start()
    assert states(stand.settled(first.uid)) == ["delivered"]
    stand.tell(second.webhook(payloads.created))
    assert states(stand.settled(second.uid)) == ["delivered"]


class Farm:
    """On PostgreSQL: a service that does not deliver, and two workers that do nothing else."""

    def __init__(self, database_maker: NewDatabase, expo: Expo) -> None:
        self.stand = Stand(database_maker("postgresql"), expo, {})
        self.stand.stop()
        self.stand.start("--no-delivery")
        self.workers = [
            Program(["-m", "calbell", "worker"], self.stand.database.folder, self.stand.variables)
            for _ in range(2)
        ]
        for worker in self.workers:
            assert worker.first(worker.err, started)["url"] is None

    def stop(self) -> None:
        self.stand.stop()
        for worker in self.workers:
            worker.stop()
            self.stand.assert_logs_are_clean(worker)


@pytest.fixture
def farm(new_database: NewDatabase, expo: Expo) -> Iterator[Farm]:
    running = Farm(new_database, expo)
    yield running
    running.stop()


def test_two_workers_deliver_each_push_once_and_at_once(farm: Farm) -> None:
    stand = farm.stand
    users = [stand.database.user() for _ in range(4)]
    tokens = [stand.phone(user) for user in users]
    meetings = [Meeting(users[n % 4], users[(n + 1) % 4]) for n in range(40)]
    for meeting in meetings:
        assert stand.tell(meeting.webhook(payloads.created))["recipients"] == 2
    for meeting in meetings:
        story = stand.settled(meeting.uid)
        assert states(story) == ["delivered", "delivered"]
        assert [len(one["attempts"]) for one in deliveries(story)] == [1, 1]
    assert [len(stand.expo.sent(token)) for token in tokens] == [20] * 4

    # At rest, a notice wakes a worker: nobody who only looks every five seconds is so quick.
    began = time.monotonic()
    for _ in range(4):
        meeting = Meeting(users[0])
        stand.tell(meeting.webhook(payloads.created))
        stand.settled(meeting.uid)
    assert time.monotonic() - began < 4


def test_without_workers_nothing_leaves_and_nothing_is_lost(farm: Farm) -> None:
    stand = farm.stand
    for worker in farm.workers:
        worker.stop()
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    assert states(stand.timeline(meeting.uid)) == ["queued"]
    assert stand.expo.sent(token) == []
    farm.workers = [Program(["-m", "calbell", "worker"], stand.database.folder, stand.variables)]
    assert states(stand.settled(meeting.uid)) == ["delivered"]
    farm.workers[0].first(farm.workers[0].err, started)
