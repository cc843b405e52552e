"""Costs: what one of everything costs the database. `python -m bench.costs`

Bytes of each table's rows with their indexes, on both engines; and on PostgreSQL the CPU of the
server and the bytes of its log, for each thing that the service does. bench/scaling.py reckons with
them; what the processes around the database cost, `python -m bench` measures.

The units that the service uses are run one after the other on one connection, at a clock that is
passed in: intake and registrations alone, as while nothing waits, and in lists, as under load;
sending and receipts in the lists that they always have.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import psycopg
from msgspec import Struct
from tests import payloads

from bench import scene
from bench.databases import Databases, SqliteFiles, gather_statistics, postgresql, prepared
from bench.retention import PACE, PATIENCE, WORKER
from bench.rows import TABLES, pack, sizes
from bench.stage import chance
from calbell.domain.outcomes import Accepted, Delivered
from calbell.domain.plan import Rules
from calbell.domain.subscription import Registration
from calbell.expo.messages import MOST_RECEIPTS
from calbell.flows.claim import claim
from calbell.flows.collect import settle
from calbell.flows.complete import Sending, completion
from calbell.flows.receive import incoming_webhook
from calbell.flows.release import MOST_AT_ONCE, release_due
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import take_in_many
from calbell.store import deliveries, receipts, subscriptions
from calbell.store.connection import Connection
from calbell.store.database import run_once
from calbell.store.engines import engine_of
from calbell.store.sqlite import SqliteEngine

BEGAN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ROUNDS = 4
LISTS = (1, 32)
"""How many events or registrations come in one list: one while nothing waits, more under load."""
BOOKED_USERS = 500
DELIVERIES_OF_A_BOOKING = 4
"""Two phones are told of it, and reminded of it."""
REMINDED_BEFORE = timedelta(minutes=10)
BEGINS_AFTER = timedelta(minutes=15)
POLICY = Policy(rules=Rules(reminders=(REMINDED_BEFORE,)))
_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(Struct):
    """What one kind of thing has cost so far, and how many there were."""

    number: int = 0
    own_cpu: float = 0.0
    server_cpu: float = 0.0
    log: float = 0.0


class Costs:
    """Everything that was measured on one database."""

    def __init__(self, url: str) -> None:
        self._url = None if isinstance(engine_of(url), SqliteEngine) else url
        self.kinds: dict[str, Cost] = {}

    @contextmanager
    def of(self, kind: str) -> Iterator[Cost]:
        """What happens in the block is of this kind; the block says how many there were."""
        cost = self.kinds.setdefault(kind, Cost())
        cpu, log = self._server()
        own = time.process_time()
        yield cost
        cost.own_cpu += time.process_time() - own
        cpu_after, log_after = self._server()
        cost.server_cpu += cpu_after - cpu
        cost.log += log_after - log

    def _server(self) -> tuple[float, float]:
        """CPU seconds of all of PostgreSQL's processes, and bytes of its log, so far."""
        if self._url is None:
            return 0.0, 0.0
        with psycopg.connect(self._url) as connection:
            row = connection.execute(
                "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'),"
                " current_setting('data_directory')"
            ).fetchone()
        assert row is not None
        return _cpu_of_family(int(Path(row[1], "postmaster.pid").read_text().split()[0])), float(
            row[0]
        )


def _cpu_of_family(parent: int) -> float:
    """CPU seconds of a process, of its children that are gone and of those that live."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if stat.parent.name == str(parent):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(parent):
            ticks += sum(map(int, fields[11:13]))
    return ticks / _TICKS


def measure(url: str, bookings: int) -> Costs:
    """So many bookings were taken in, told of, reminded of and receipted, and as many phones
    registered."""
    costs = Costs(url)
    with prepared(url) as connection:
        scene.add_users(connection, BEGAN, chance())
        scene.add_booking_phones(connection, BEGAN)
        gather_statistics(connection)
        each, random = bookings // ROUNDS, chance()
        for turn in range(ROUNDS):
            numbers = range(turn * each, (turn + 1) * each)
            now = BEGAN + turn * timedelta(hours=1)
            _live(connection, costs, numbers, LISTS[turn % len(LISTS)], now, random)
            # As autovacuum does, whenever a fifth of a table is dead.
            gather_statistics(connection)
    return costs


def _live(
    connection: Connection,
    costs: Costs,
    numbers: range,
    at_once: int,
    now: datetime,
    random: Random,
) -> None:
    how = "alone" if at_once == 1 else f"of {at_once} at once"
    with costs.of(f"registration, {how}") as cost:
        for some in _lists(numbers, at_once):
            registrations = {one.token: one for one in map(_registration, some)}
            run_once(connection, subscriptions.register_many, list(registrations.values()), now)
            cost.number += len(registrations)
    incoming = [incoming_webhook(_body(number, now), now) for number in numbers]
    with costs.of(f"webhook, {how}") as cost:
        for some in _lists(range(len(incoming)), at_once):
            events = [incoming[at] for at in some]
            run_once(connection, take_in_many, events, POLICY, now, random)
            cost.number += len(events)
    _send(connection, costs, now)
    now += BEGINS_AFTER - REMINDED_BEFORE
    with costs.of("reminder released") as cost:
        while released := run_once(connection, release_due, POLICY, now, random):
            cost.number += released
            if released < MOST_AT_ONCE:
                break
    _send(connection, costs, now)
    now += PACE.receipt_delay
    with costs.of("receipt") as cost:
        while due := run_once(connection, receipts.claim, now, now + PATIENCE.lease, MOST_RECEIPTS):
            came = [(one, Delivered()) for one in due]
            run_once(connection, settle, came, (), PATIENCE, POLICY, now, random.random())
            cost.number += len(due)


def _lists(numbers: range, at_once: int) -> Iterator[range]:
    for first in range(0, len(numbers), at_once):
        yield numbers[first : first + at_once]


def _send(connection: Connection, costs: Costs, now: datetime) -> None:
    with costs.of("delivery sent") as cost:
        while claimed := run_once(connection, claim, POLICY, PACE, WORKER, 1, now):
            sent = [
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
            run_once(connection, deliveries.complete_many, sent, now)
            cost.number += len(sent)


def _registration(number: int) -> Registration:
    """Each phone is new at first, and then known; of users that have no bookings."""
    phone = number // 2
    user = scene.user_id(BOOKED_USERS + phone % (scene.USERS - BOOKED_USERS))
    new = 2 * scene.USERS + phone
    return Registration(user, scene.token(new), scene.platform(new), f"device-{new}")


def _body(number: int, now: datetime) -> bytes:
    """Of every two bookings, one is of an organizer with two phones and a guest from outside, one
    of an organizer and a guest with a phone each."""
    organizer = (number // 2 * 2 + (number + 1) % 2) % BOOKED_USERS
    guest = (organizer + 2) % BOOKED_USERS
    created = payloads.created(
        uid=f"costs{number:07d}",
        organizer=scene.organizer_of(organizer),
        attendees=[payloads.attendee() if number % 2 else scene.guest_of(guest)],
        start=now + BEGINS_AFTER,
        end=now + BEGINS_AFTER + timedelta(minutes=30),
        sent_at=now,
    )
    return payloads.body(created)


def _told(databases: Databases, costs: Costs, lying: dict[str, float], url: str) -> Iterator[str]:
    packed = sizes(url)
    yield f"| {databases.name}, bytes of a row with its indexes | as they lie | packed |"
    yield "| --- | ---: | ---: |"
    for table in TABLES:
        yield f"| {table} | {lying[table]:,.0f} | {packed[table]:,.0f} |"
    yield ""
    yield "| for each | number | database's CPU | log | unit's own CPU, the driver's included |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for kind, cost in costs.kinds.items():
        server, log, own = (
            part / cost.number for part in (cost.server_cpu, cost.log, cost.own_cpu)
        )
        yield (
            f"| {kind} | {cost.number:,} | {1e6 * server:,.0f} µs | {log:,.0f} bytes"
            f" | {1e6 * own:,.0f} µs |"
        )


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="databases are made in here, not in /tmp")
    options = parser.parse_args(arguments)
    with (
        TemporaryDirectory(prefix="calbell-bench-", dir=options.folder) as made,
        ExitStack() as stack,
    ):
        for databases in (SqliteFiles(Path(made)), stack.enter_context(postgresql(Path(made)))):
            with databases.fresh() as url:
                costs = measure(url, options.deliveries // DELIVERIES_OF_A_BOOKING)
                lying = sizes(url)
                pack(url)
                for line in _told(databases, costs, lying, url):
                    sys.stdout.write(f"{line}\n")
                sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
