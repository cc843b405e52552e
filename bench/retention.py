"""Retention: does the database stay bounded while many times its size goes through it?

`python -m bench.retention --deliveries 10000000 --engine sqlite`

Bookings are taken in, sent and delivered by the units that the service uses, at a clock that goes
on with every list; they end within the hour and are forgotten an hour later, so that about as many
rows are there all the time. Pruning runs beside it as in the service, one step after the other with
rests between them. With `--reader` somebody reads all the time, in transactions of so many seconds.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import ParamSpec, TypeVar

import psycopg
from tests import payloads
from tests.proof.runs import Forgotten, Where, here, keep

from bench import scene
from bench.databases import Databases, SqliteFiles, gather_statistics, postgresql, prepared
from bench.figures import Engine, engine_named
from bench.stage import chance
from bench.watched import Longest, Watched
from calbell.domain.backoff import Backoff
from calbell.domain.outcomes import Accepted, Delivered
from calbell.expo.messages import MOST_RECEIPTS
from calbell.flows.claim import Pace, claim
from calbell.flows.clocks import SteadyClock
from calbell.flows.collect import Patience, settle
from calbell.flows.complete import Sending, completion
from calbell.flows.prune import Prune
from calbell.flows.receive import incoming_webhook
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import LONGEST_LIST, Incoming, take_in_many
from calbell.store import deliveries, receipts, upkeep
from calbell.store.database import ThreadedDatabase
from calbell.store.engines import engine_of
from calbell.store.sqlite import SqliteEngine

P = ParamSpec("P")
T = TypeVar("T")

BEGAN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RETENTION = timedelta(hours=1)
ENDS_AFTER = timedelta(minutes=40)
PHONES = 5
"""Of each user: a booking of two users makes ten deliveries."""
AN_HOUR = 200_000
"""So many deliveries are made in an hour of the bench's clock."""
WORKER = "bench"
BACKOFF = Backoff(timedelta(seconds=2), timedelta(minutes=5))
PACE = Pace(
    rate=0,
    requests=12,
    lease=timedelta(minutes=1),
    backoff=BACKOFF,
    receipt_delay=timedelta(minutes=15),
)
PATIENCE = Patience(PACE.receipt_delay, PACE.lease, BACKOFF)


class Life:
    """The service's work on one database, at a clock of its own."""

    def __init__(self, url: str, database: Watched, random: Random) -> None:
        self._url = url
        self._database = database
        self._chance = random
        self._now = BEGAN
        self._moved = asyncio.Event()
        self.made = 0
        self.seconds = 0.0
        self.told = list[tuple[int, Longest]]()
        """How many bytes the database had, and what was the longest since before, each time."""

    def clock(self) -> datetime:
        """The time as it is in this life."""
        return self._now

    async def live(self, number: int, tell_every: int) -> None:
        """So many deliveries were made, sent, delivered, and most of them forgotten."""
        pruning = asyncio.create_task(self._prune())
        began, told = time.perf_counter(), 0
        try:
            while self.made < number:
                await self._take_in()
                await self._send()
                await self._collect()
                self._note_log()
                self._now += timedelta(hours=LONGEST_LIST * 2 * PHONES / AN_HOUR)
                self._moved.set()
                if self.made // tell_every > told:
                    told = self.made // tell_every
                    await self._tell(time.perf_counter() - began)
                if pruning.done():
                    break
        finally:
            pruning.cancel()
            await asyncio.gather(pruning, return_exceptions=True)
        if not pruning.cancelled():
            pruning.result()

    async def _take_in(self) -> None:
        first = self.made // (2 * PHONES)
        events = [_created(first + at, self._now) for at in range(LONGEST_LIST)]
        await self._database.run(take_in_many, events, Policy(), self._now, self._chance)
        self.made += LONGEST_LIST * 2 * PHONES

    async def _send(self) -> None:
        now = self._now
        while claimed := await self._database.run(
            claim, Policy(), PACE, WORKER, PACE.requests, now
        ):
            completions = [
                completion(
                    one,
                    Accepted(f"{one.id:032x}"),
                    Sending(claimed.project_id, request, WORKER, now, timedelta()),
                    PACE,
                    now,
                )
                for request in claimed.requests
                for one in request
            ]
            await self._database.run(deliveries.complete_many, completions, now)

    async def _collect(self) -> None:
        now = self._now
        while due := await self._database.run(
            receipts.claim, now, now + PATIENCE.lease, MOST_RECEIPTS
        ):
            came = [(one, Delivered()) for one in due]
            await self._database.run(
                settle, came, (), PATIENCE, Policy(), now, self._chance.random()
            )

    async def _prune(self) -> None:
        prune = Prune(self._database, self.clock, SteadyClock(), RETENTION)
        self._database.pruning = prune.step
        while True:
            due_at = await prune.turn()
            assert due_at is not None
            await asyncio.sleep(self._database.last_step)
            while due_at - self._now > timedelta(minutes=1):
                self._moved.clear()
                await self._moved.wait()

    def _note_log(self) -> None:
        self._database.longest.log = max(self._database.longest.log, _log_size(self._url))

    async def _tell(self, seconds: float) -> None:
        counts = await self._database.read(upkeep.counts, self._now)
        longest, self._database.longest = self._database.longest, Longest()
        self.seconds = seconds
        self.told.append((counts.storage.size, longest))
        free = f" ({counts.storage.free / 1e6:,.0f} free)" if counts.storage.free else ""
        log = (
            f"log {_log_size(self._url) / 1e6:,.0f}, at most {longest.log / 1e6:,.0f} MB; "
            if longest.log
            else ""
        )
        _write(
            f"{self.made:>11,} deliveries {seconds:>6,.0f} s {self.made / seconds:>6,.0f}/s; "
            f"database {counts.storage.size / 1e6:,.0f} MB{free}; {log}"
            f"longest step {longest.step:.0f} ms ({longest.step_cpu:.0f} of CPU), "
            f"longest stall of an intake list {longest.stall:.0f} ms; "
            f"left {sum(counts.deliveries.values()):,} deliveries"
        )


def _created(number: int, now: datetime) -> Incoming:
    organizer = number % scene.USERS
    guest = (organizer + 1 + number // scene.USERS % (scene.USERS - 1)) % scene.USERS
    body = payloads.created(
        uid=f"bench{number:09d}",
        organizer=scene.organizer_of(organizer),
        attendees=[scene.guest_of(guest)],
        start=now + ENDS_AFTER - timedelta(minutes=30),
        end=now + ENDS_AFTER,
        sent_at=now,
    )
    return incoming_webhook(payloads.body(body), now)


async def _read_slowly(url: str, seconds: float) -> None:
    """Somebody reads, in transactions of so many seconds with hardly a pause between them."""

    def look() -> None:
        connection = engine_of(url).connect()
        try:
            with connection.transaction(writes=False):
                upkeep.depth(connection, BEGAN)
                time.sleep(seconds)
        finally:
            connection.close()

    while True:
        await asyncio.to_thread(look)
        await asyncio.sleep(1.0)


async def _run(url: str, options: argparse.Namespace) -> Life:
    with prepared(url) as connection:
        scene.add_users(connection, BEGAN, chance())
        scene.add_phones(connection, BEGAN, PHONES)
        gather_statistics(connection)
    threaded = ThreadedDatabase(engine_of(url))
    reader = asyncio.create_task(_read_slowly(url, options.reader)) if options.reader else None
    try:
        life = Life(url, Watched(threaded), chance())
        await life.live(options.deliveries, options.tell_every)
    finally:
        if reader is not None:
            reader.cancel()
        threaded.close()
    for line in _vacuumed(url):
        _write(line)
    return life


def _keep(life: Life, where: Where, engine: Engine) -> None:
    longest = [one for _, one in life.told]
    keep(
        Forgotten(
            where,
            engine,
            life.made,
            life.seconds,
            [round(size / 1e6, 1) for size, _ in life.told],
            max(one.log for one in longest) / 1e6,
            max(one.step for one in longest),
            max((one.step, one.step_cpu) for one in longest)[1],
            max(one.stall for one in longest),
        )
    )


def _log_size(url: str) -> int:
    engine = engine_of(url)
    if not isinstance(engine, SqliteEngine):
        return 0
    log = Path(f"{engine.path}-wal")
    return log.stat().st_size if log.exists() else 0


def _vacuumed(url: str) -> Iterator[str]:
    """What PostgreSQL says of its tables: how large they are, and how many of their updates left
    the indexes alone."""
    if isinstance(engine_of(url), SqliteEngine):
        return
    with psycopg.connect(url, autocommit=True) as connection:
        yield "table, MB with indexes, live, dead, updated, of these HOT, vacuums"
        for row in connection.execute(
            "select relname, pg_total_relation_size(relid) / 1000000, n_live_tup, n_dead_tup,"
            " n_tup_upd, n_tup_hot_upd, autovacuum_count from pg_stat_user_tables"
            " where n_tup_ins > 0 order by 2 desc"
        ):
            yield ", ".join(map(str, row))


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.retention", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--tell-every", type=int, default=1_000_000)
    parser.add_argument("--engine", type=engine_named, default=Engine.SQLITE)
    parser.add_argument("--reader", type=float, help="seconds of each transaction that reads")
    parser.add_argument("--record", action="store_true", help="keep it for the page of proof")
    parser.add_argument("--folder", type=Path, help="the database is made in here, not in /tmp")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="calbell-bench-", dir=options.folder) as made, ExitStack() as s:
        databases: Databases = (
            SqliteFiles(Path(made))
            if options.engine is Engine.SQLITE
            else s.enter_context(postgresql(Path(made)))
        )
        url = s.enter_context(databases.fresh())
        where = here(
            f"python -m bench.retention --deliveries {options.deliveries} "
            f"--engine {options.engine.lower()}"
        )
        life = asyncio.run(_run(url, options))
    if options.record:
        _keep(life, where, options.engine)
    return 0


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
