"""Latency: from a webhook that leaves Cal.com to the request that arrives at Expo.

The time counts from before the webhook is written to a kept connection until the first bytes of the
part of the request to Expo that completes it are read; both by the clock that all processes of a
machine share. Every delivery counts, two for each webhook. Everything is as shipped, the pace of
600 notifications a second too.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from random import Random
from statistics import quantiles
from time import monotonic_ns

import uvloop

from bench import scene
from bench.cores import pinned
from bench.databases import prepared
from bench.figures import Figure, Reading
from bench.load import Connection, connect
from bench.program import calbell
from bench.sink import sink
from bench.stage import Stage, chance
from calbell.flows.clocks import system_clock

WARM_UP = 10
REST_SECONDS = 0.06
EVENTS_A_SECOND = 50
CONNECTIONS = 32
LAST_SECONDS = 1.0
"""How long the last one may take."""


def together(stage: Stage) -> list[Reading]:
    """`serve` does everything in one process."""
    return _readings(stage, (Figure.REST_P50, Figure.REST_P99, Figure.LOAD_P99), apart=False)


def apart(stage: Stage) -> list[Reading]:
    """`serve --no-delivery` and `worker` share a PostgreSQL, and the service's core."""
    figures = (Figure.APART_P50, Figure.APART_P99, Figure.APART_LOAD_P99)
    return _readings(stage, figures, apart=True)


def _readings(
    stage: Stage, figures: tuple[Figure, Figure, Figure], *, apart: bool
) -> list[Reading]:
    with ExitStack() as stack:
        url = stack.enter_context(stage.databases.fresh())
        expo = stack.enter_context(sink(stage.cores.load, notes_arrivals=True))
        now = system_clock()
        with prepared(url) as connection:
            scene.add_users(connection, now, chance())
            scene.add_booking_phones(connection, now)
        at_rest = WARM_UP + stage.size.at_rest
        bodies = list(scene.bookings(at_rest + stage.size.under_load, now))
        requests = [(f"bench{at:07d}", scene.webhook(body)) for at, body in enumerate(bodies)]
        run = stage.run(url, CALBELL_EXPO_BASE_URL=expo.url, CALBELL_WEBHOOK_SECRETS=scene.SECRET)
        if apart:
            stack.enter_context(calbell(run, "worker"))
        alone = ("--no-delivery",) if apart else ()
        program = stack.enter_context(calbell(run, "serve", "--port", "0", *alone))
        stack.enter_context(pinned(stage.cores.load))
        sent = uvloop.run(_send(program.port, requests, at_rest))
        arrivals = expo.report().arrivals
    rested = _waits(sent, arrivals, requests[WARM_UP:at_rest])
    loaded = _waits(sent, arrivals, requests[at_rest:])
    note = f"{len(rested)} deliveries"
    return [
        Reading(figures[0], _percentile(rested, 50), note),
        Reading(figures[1], _percentile(rested, 99), note),
        Reading(figures[2], _percentile(loaded, 99), f"{len(loaded)} deliveries"),
    ]


async def _send(port: int, requests: Sequence[tuple[str, bytes]], at_rest: int) -> dict[str, int]:
    """When each one was sent: first one at a time, then at random times, `EVENTS_A_SECOND`."""
    # The one that has rested longest is next: none is idle so long that it is closed.
    free: deque[Connection] = deque()
    failures: list[str] = []

    def answered(connection: Connection, status: bytes) -> None:
        free.append(connection)
        if status != b"200":
            failures.append(status.decode())

    connections = await connect(
        port, CONNECTIONS, answered, lambda: failures.append("a connection was lost")
    )
    free += connections
    sent: dict[str, int] = {}
    random = Random(7)
    loop = asyncio.get_running_loop()
    due_at = loop.time()
    for at, (uid, request) in enumerate(requests):
        due_at += REST_SECONDS if at < at_rest else random.expovariate(EVENTS_A_SECOND)
        await asyncio.sleep(max(0.0, due_at - loop.time()))
        if failures or not free:
            raise RuntimeError(failures[0] if failures else "all connections wait for answers")
        sent[uid] = monotonic_ns()
        free.popleft().send(request)
    await asyncio.sleep(LAST_SECONDS)
    if failures:
        raise RuntimeError(failures[0])
    for connection in connections:
        connection.close()
    return sent


def _waits(
    sent: dict[str, int], arrivals: dict[str, list[int]], requests: Sequence[tuple[str, bytes]]
) -> list[float]:
    """Milliseconds from each webhook to each of its deliveries."""
    waits = [
        (arrived - sent[uid]) / 1e6 for uid, _ in requests for arrived in arrivals.get(uid, ())
    ]
    if len(waits) != scene.PHONES_OF_A_BOOKING * len(requests):
        raise RuntimeError(f"{len(waits)} deliveries of {len(requests)} webhooks arrived")
    return waits


def _percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]
