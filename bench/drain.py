"""Drain: a backlog goes to Expo, as fast as it can and at the pace that Expo allows.

The backlog is made by the intake before the program starts. Expo is a bare sink on this machine, so
what is measured is what the service costs, not what the way to Expo does.
"""

import time

from msgspec import Struct

from bench import scene
from bench.cores import pinned
from bench.databases import gather_statistics, prepared
from bench.figures import Engine, Figure, Reading
from bench.load import Flow
from bench.program import calbell
from bench.sink import Report, Sink, sink
from bench.stage import Stage, chance
from calbell.flows.clocks import system_clock
from calbell.store.connection import Connection
from calbell.store.database import run_once
from calbell.store.engines import engine_of
from calbell.store.statements import Statement, statement

LONGEST_SECONDS = 120.0
EXPO_RATE = 600
_SETTLING_SECONDS = 1.5
_ACCEPTED = statement("accepted", "select count(*) from deliveries where state = 'accepted'")
_UNSENT = statement(
    "unsent",
    """select (select count(*) from deliveries where state = 'queued')
      + (select count(*) from deliveries where state = 'sending')""",
)
"""Two indexes, whatever else there is: it is asked again and again while the service works. Who
failed is in neither, so what was accepted is counted once, afterwards."""


class Drained(Struct, frozen=True):
    """What draining took, and what arrived."""

    flow: Flow
    report: Report


def drain(stage: Stage) -> list[Reading]:
    """How fast a backlog drains, and in requests how full."""
    drained = drain_all(stage)
    requests = f"{sum(drained.report.sizes.values())} requests"
    return [
        Reading(Figure.DRAIN, drained.flow.rate, drained.flow.cost),
        Reading(Figure.FULL_BATCHES, 100 * drained.report.full_share, requests),
    ]


def drain_all(stage: Stage) -> Drained:
    """From the first request until the last ticket is stored; by `serve` on SQLite, by one `worker`
    on PostgreSQL, without a rate limit and otherwise as shipped."""
    number = stage.size.deliveries
    with (
        stage.databases.fresh() as url,
        sink(stage.cores.load) as expo,
    ):
        _backlog(url, number)
        before = _asked(url, _ACCEPTED)
        run = stage.run(url, CALBELL_EXPO_BASE_URL=expo.url, CALBELL_EXPO_RATE_LIMIT="0")
        with calbell(run, *_command(stage)) as program, pinned(stage.cores.load):
            began_cpu = program.cpu()
            ended_at = _until_stored(url, expo, number)
            cpu = program.cpu().since(began_cpu)
        report, accepted = expo.report(), _asked(url, _ACCEPTED) - before
    if report.notifications != number:
        raise RuntimeError(f"{report.notifications} notifications sent of {number}")
    if accepted != number:
        raise RuntimeError(f"{accepted} deliveries accepted of {number}")
    return Drained(Flow(number, (ended_at - report.first_at) / 1e9, cpu), report)


def paced(stage: Stage) -> list[Reading]:
    """The CPU of the process while a backlog goes to Expo at 600/s, as shipped."""
    seconds = stage.size.paced_seconds
    with stage.databases.fresh() as url, sink(stage.cores.load) as expo:
        _backlog(url, int((seconds + 2 * _SETTLING_SECONDS) * EXPO_RATE) // 2 * 2)
        run = stage.run(url, CALBELL_EXPO_BASE_URL=expo.url)
        with calbell(run, *_command(stage)) as program:
            time.sleep(_SETTLING_SECONDS)
            began, began_cpu, sent = time.monotonic(), program.cpu(), expo.report().notifications
            time.sleep(seconds)
            cpu, took = program.cpu().since(began_cpu), time.monotonic() - began
            sent = expo.report().notifications - sent
    share = 100 * (cpu.loop + cpu.others) / took
    return [Reading(Figure.PACED, share, f"{sent / took:.0f}/s sent")]


def _backlog(url: str, number: int) -> None:
    now = system_clock()
    with prepared(url) as connection:
        scene.add_users(connection, now, chance())
        scene.add_booking_phones(connection, now)
        scene.take_in_bookings(connection, number // scene.PHONES_OF_A_BOOKING, now, chance())
        gather_statistics(connection)


def _command(stage: Stage) -> tuple[str, ...]:
    return ("worker",) if stage.engine is Engine.POSTGRESQL else ("serve", "--port", "0")


def _until_stored(url: str, expo: Sink, number: int) -> int:
    """When the tickets of all were seen to be stored, in nanoseconds of the monotonic clock."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while expo.report().notifications < number:
        _wait(0.02, deadline)
    connection = engine_of(url).connect()
    try:
        while run_once(connection, _number, _UNSENT):
            _wait(0.002, deadline)
        return time.monotonic_ns()
    finally:
        connection.close()


def _asked(url: str, counting: Statement) -> int:
    connection = engine_of(url).connect()
    try:
        return run_once(connection, _number, counting)
    finally:
        connection.close()


def _number(connection: Connection, counting: Statement) -> int:
    ((number,),) = connection.run(counting)
    return int(number)


def _wait(seconds: float, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RuntimeError("the backlog was not sent in time")
    time.sleep(seconds)
