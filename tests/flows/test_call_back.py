"""Calling back in virtual time: growing pauses, no storm, an end after a day, nothing lost."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from calbell.domain.holds import Held
from calbell.domain.notices import GIVEN_UP_AFTER, PAUSES, signature, turned
from calbell.flows.breaker import PAUSE
from calbell.flows.call_back import AT_ONCE, LEASE, CallBack
from calbell.flows.loop import Loop
from calbell.store import migrate, notices
from calbell.store.database import InlineDatabase, run_once
from calbell.store.sqlite import SqliteConnection, SqliteEngine
from calbell.telemetry import Metrics
from tests.contract.world import NOW
from tests.universe.virtual_time import VirtualLoop

SECRET = "sixteen-letters-or-more"
SOON = timedelta(seconds=5)


class Receiver:
    """A program that waits for notices, and may fail."""

    def __init__(self) -> None:
        self.answers: str | None = None
        self.hangs = False
        self.asked = list[tuple[float, str]]()
        self.taken = list[str]()

    async def __call__(self, body: bytes, headers: Mapping[str, str]) -> str | None:
        right = signature(SECRET, headers["calbell-timestamp"], body)
        assert headers["calbell-signature"] == right
        id_ = json.loads(body)["id"]
        assert headers["calbell-notice"] == id_
        self.asked.append((asyncio.get_running_loop().time(), id_))
        if self.hangs:
            await asyncio.sleep(10)
            return "timeout"
        if self.answers is None:
            self.taken.append(id_)
        return self.answers


class Play:
    """Notices, who sends them, and who waits for them, in virtual time."""

    def __init__(self, connection: SqliteConnection) -> None:
        self.loop = VirtualLoop()
        self.connection = connection
        self.receiver = Receiver()
        self.metrics = Metrics()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.loop.time())

    def make(self, number: int) -> None:
        broken = (
            Held(False, f"@a/app{n}", None, "InvalidCredentials", self.now()) for n in range(number)
        )
        run_once(self.connection, notices.keep, list(turned([], broken, self.now())))

    def call_back(self) -> CallBack:
        database = InlineDatabase(self.connection)
        return CallBack(database, self.receiver, SECRET, self.now, Random("calls"), self.metrics)

    def runs(self, seconds: float, senders: int = 1) -> None:
        """So many processes send for so long, and stop in the middle of what they do."""

        async def run() -> None:
            tasks = [
                asyncio.create_task(
                    Loop("callback", self.now, longest=SOON).run(self.call_back().turn)
                )
                for _ in range(senders)
            ]
            await asyncio.sleep(seconds)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.loop.run_until_complete(run())

    def counted(self, outcome: str) -> float:
        labels = {"kind": "project.held", "outcome": outcome}
        return self.metrics.registry.get_sample_value("calbell_notices_total", labels) or 0

    def seen(self) -> notices.Callback:
        return run_once(self.connection, notices.callback, self.now())


@pytest.fixture
def play() -> Iterator[Play]:
    connection = SqliteEngine(":memory:").connect()
    migrate.migrate(connection, NOW)
    play = Play(connection)
    yield play
    play.loop.close()
    connection.close()


def test_each_notice_is_taken_once_by_any_number_of_processes(play: Play) -> None:
    play.make(50)
    play.runs(10, senders=3)
    assert len(play.receiver.taken) == len(set(play.receiver.taken)) == 50
    assert play.counted("taken") == 50
    assert play.seen().waiting == 0


def test_a_program_that_fails_is_asked_again_after_growing_pauses(play: Play) -> None:
    play.receiver.answers = "status 500"
    play.make(1)
    play.runs(6 * 3600)
    times = [at for at, _ in play.receiver.asked]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] <= PAUSES.ceiling(1).total_seconds() + SOON.total_seconds()
    assert max(gaps) <= PAUSES.longest.total_seconds() + PAUSE.total_seconds() + 5
    assert max(gaps) > 60
    assert len(times) < 60
    assert play.seen().failure == "status 500"
    play.receiver.answers = None
    play.runs(3600)
    assert len(set(play.receiver.taken)) == len(play.receiver.taken) == 1
    assert play.seen().failure is None


def test_after_a_day_it_is_given_up(play: Play) -> None:
    play.receiver.answers = "no connection"
    play.make(3)
    play.runs(GIVEN_UP_AFTER.total_seconds() + 2 * PAUSES.longest.total_seconds())
    seen = play.seen()
    assert (seen.waiting, seen.given_up, seen.failure) == (0, 3, "no connection")
    assert play.counted("given_up") == 3
    asked = len(play.receiver.asked)
    play.receiver.answers = None
    play.runs(3600)
    assert len(play.receiver.asked) == asked


def test_what_nobody_could_send_for_days_is_still_tried(play: Play) -> None:
    play.make(1)
    play.loop.run_until_complete(asyncio.sleep(3 * GIVEN_UP_AFTER.total_seconds()))
    play.runs(1)
    assert len(play.receiver.taken) == 1


def test_what_was_tried_hardly_is_not_given_up_for_its_age(play: Play) -> None:
    """Nobody sent it for days, or the clock was set; and then the program was down for an hour."""
    play.receiver.answers = "status 500"
    play.make(1)
    play.loop.run_until_complete(asyncio.sleep(3 * GIVEN_UP_AFTER.total_seconds()))
    play.runs(3600)
    assert play.seen().given_up == 0
    play.receiver.answers = None
    play.runs(3600)
    assert len(play.receiver.taken) == 1


def test_a_program_that_is_down_is_not_stormed_and_has_all_when_it_is_back(play: Play) -> None:
    play.receiver.answers = "no connection"
    play.make(500)
    play.runs(600)
    assert len(play.receiver.asked) <= AT_ONCE + 600 / PAUSE.total_seconds() + 2
    play.receiver.answers = None
    play.runs(3600)
    assert len(set(play.receiver.taken)) == len(play.receiver.taken) == 500


def test_what_a_process_died_over_is_sent_again_under_the_same_id(play: Play) -> None:
    play.make(1)
    play.receiver.hangs = True
    play.runs(1)
    play.receiver.hangs = False
    play.runs(LEASE.total_seconds() + 5)
    assert len(play.receiver.asked) == 2
    assert len({id_ for _, id_ in play.receiver.asked}) == 1
    assert len(play.receiver.taken) == 1


def test_one_that_hangs_keeps_the_others_no_longer_than_its_time(play: Play) -> None:
    play.receiver.hangs = True
    play.make(4)
    play.runs(11)
    assert {at for at, _ in play.receiver.asked if at < 1} == {0}
    assert len({id_ for _, id_ in play.receiver.asked}) == 4
