"""Punctuality: how late are reminders that fall on the same moment, however many others wait?

`python -m bench.punctuality --waiting 1000000 --due 600`

So many notifications wait for later days, and `--due` reminders for one moment soon, of a phone
each. The program runs as shipped; with `--rate 0` it is not paced, and what is measured is what it
can do. The time counts from when a reminder is due until its request arrives at a sink in Expo's
place. Beside it, `--singles` bookings are confirmed a second from that moment on: they are to be
told at once, whatever waits.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import monotonic_ns

from tests import payloads

from bench import cores, scene
from bench.databases import Databases, SqliteFiles, gather_statistics, postgresql, prepared
from bench.figures import Engine, engine_named
from bench.program import Run, calbell
from bench.sink import Sink, sink
from bench.stage import chance
from calbell.domain.notification import BookingFacts, NotificationState, Planned
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.flows.clocks import system_clock
from calbell.flows.receive import incoming_webhook
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import take_in_many
from calbell.store import notifications
from calbell.store.connection import Connection
from calbell.store.database import run_once
from calbell.store.engines import engine_of
from calbell.store.notifications import NewNotification

AT_ONCE = 5_000
AHEAD = timedelta(seconds=6)
"""So long before they are due the program is started."""
LASTS = 5.0
"""Seconds during which bookings are confirmed."""
LONGEST_SECONDS = 300.0


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments say, and print it; 0 if all came."""
    parser = argparse.ArgumentParser(prog="python -m bench.punctuality", description=__doc__)
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument(
        "--due", type=int, default=300, help="reminders; a delivery is made of each"
    )
    parser.add_argument("--singles", type=int, default=5, help="bookings confirmed a second")
    parser.add_argument("--rate", type=int, default=600, help="CALBELL_EXPO_RATE_LIMIT")
    parser.add_argument("--engine", type=engine_named, default=Engine.SQLITE)
    parser.add_argument("--folder", type=Path, help="databases are made in here, not in /tmp")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="calbell-bench-", dir=options.folder) as made:
        folder = Path(made)
        if options.engine is Engine.SQLITE:
            _measure(SqliteFiles(folder), folder, options)
        else:
            with postgresql(folder) as databases:
                _measure(databases, folder, options)
    return 0


def _measure(databases: Databases, folder: Path, options: argparse.Namespace) -> None:
    on = cores.pick()
    with databases.fresh() as url, sink(on.load, notes_arrivals=True) as expo:
        now = system_clock()
        with prepared(url) as connection:
            scene.add_users(connection, now, chance())
            scene.add_phones(connection, now, 1)
            _later(connection, options.waiting, now)
            due_at = system_clock() + AHEAD
            _soon(connection, options.due, due_at)
            gather_statistics(connection)
        run = Run(
            folder=folder,
            core=on.service,
            settings={
                "CALBELL_DATABASE_URL": url,
                "CALBELL_EXPO_BASE_URL": expo.url,
                "CALBELL_EXPO_RATE_LIMIT": str(options.rate),
            },
        )
        command = ("worker",) if databases.name is Engine.POSTGRESQL else ("serve", "--port", "0")
        with calbell(run, *command) as program:
            late = (due_at - system_clock()).total_seconds()
            if late < 0:
                raise RuntimeError("the program was not ready in time: take a longer AHEAD")
            zero = monotonic_ns() + int(late * 1e9)
            time.sleep(late)
            sent = _confirm(url, options.singles)
            arrivals = _arrivals(expo, options.due + len(sent))
            cpu = program.cpu()
    _tell(f"{options.engine}, {options.waiting} waiting, {options.due} due, rate {options.rate}")
    reminders = [(at - zero) / 1e6 for uid, at in arrivals if uid not in sent]
    singles = [(at - sent[uid]) / 1e6 for uid, at in arrivals if uid in sent]
    _tell(_described("reminders, after they were due", reminders))
    if singles:
        _tell(_described("bookings confirmed meanwhile", singles))
    _tell(f"CPU of the program: {cpu.loop:.2f} s loop + {cpu.others:.2f} s others")


def _later(connection: Connection, number: int, now: datetime) -> None:
    """So many wait, for full minutes of the next month, from the day after tomorrow on."""
    first = now.replace(second=0, microsecond=0) + timedelta(days=2)
    for start in range(0, number, AT_ONCE):
        run_once(
            connection,
            notifications.insert_many,
            [
                _reminder(f"later{at}", at, first + timedelta(minutes=5 * (at % 8000), seconds=at))
                for at in range(start, min(start + AT_ONCE, number))
            ],
            now,
        )


def _soon(connection: Connection, number: int, due_at: datetime) -> None:
    for start in range(0, number, AT_ONCE):
        new = [
            _reminder(f"soon{at}", at, due_at, timedelta(minutes=10 if at % 2 else 60))
            for at in range(start, min(start + AT_ONCE, number))
        ]
        run_once(connection, notifications.insert_many, new, due_at)


def _reminder(
    uid: str, number: int, due_at: datetime, before: timedelta = timedelta(minutes=10)
) -> NewNotification:
    """Of no booking that is kept: what reads bookings is measured by `bench.drain`."""
    # The time tells notifications of one user apart: users have several at a moment.
    due_at += timedelta(milliseconds=number // scene.USERS)
    planned = Planned(
        user_id=100_000 + number % scene.USERS,
        role=Role.ORGANIZER,
        kind=PushEvent.BOOKING_REMINDER,
        due_at=due_at,
        expires_at=due_at + before,
        facts=BookingFacts(uid=uid, title="Call"),
    )
    return NewNotification(None, None, 1, planned, NotificationState.WAITING)


def _confirm(url: str, a_second: int) -> dict[str, int]:
    """Bookings are taken in beside the program, one after the other; when each was."""
    sent: dict[str, int] = {}
    if not a_second:
        return sent
    connection = engine_of(url).connect()
    try:
        for uid, body in _bookings(int(a_second * LASTS)):
            time.sleep(1.0 / a_second)
            now = system_clock()
            sent[uid] = monotonic_ns()
            incoming = [incoming_webhook(body, now)]
            run_once(connection, take_in_many, incoming, Policy(), now, chance_of(uid))
    finally:
        connection.close()
    return sent


def chance_of(uid: str) -> Random:
    """Another one for each."""
    return Random(uid)


def _bookings(number: int) -> Iterator[tuple[str, bytes]]:
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)
    for at in range(number):
        uid = f"single{at:05d}"
        yield (
            uid,
            payloads.body(
                payloads.created(
                    uid=uid,
                    organizer=scene.organizer_of(2 * at % scene.USERS),
                    attendees=[payloads.attendee()],
                    start=start,
                    end=start + timedelta(minutes=30),
                    sent_at=datetime.now(UTC),
                )
            ),
        )


def _arrivals(expo: Sink, number: int) -> list[tuple[str, int]]:
    """When each came, once all did."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while (report := expo.report()).notifications < number:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{report.notifications} of {number} came")
        time.sleep(0.2)
    return [(uid, at) for uid, several in report.arrivals.items() for at in several]


def _described(what: str, values: Sequence[float]) -> str:
    cuts = quantiles(values, n=100, method="inclusive")
    return (
        f"{what}: {len(values)}, p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, "
        f"longest {max(values):.0f} ms"
    )


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
