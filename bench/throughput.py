"""Throughput: registrations and webhooks a second, each answered after its commit.

64 callers on kept connections wait for their answer each; nothing is pipelined. What the load
generator sends is made, and webhooks are signed, before the time counts.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from bench import scene
from bench.cores import pinned
from bench.databases import prepared
from bench.figures import Engine, Figure, Reading
from bench.load import Flow, press
from bench.program import calbell
from bench.stage import WARM_UP, Stage, chance
from calbell.flows.clocks import system_clock
from calbell.store import deliveries, upkeep
from calbell.store.database import run_once
from calbell.store.engines import engine_of
from calbell.store.upkeep import Counts

KNOWN_PER_USER = 10
REGISTERING = "/v2/notifications/subscriptions/app-push"
UNKNOWN_PROJECT = 1
"""The row of the project that every phone has whose project Expo has not told."""


def registrations(stage: Stage) -> list[Reading]:
    """Registrations by a thousand users with a key each, half of the tokens new, half known. The
    keys are asked for again every few seconds, as always."""
    flow = register(stage)
    return [Reading(Figure.REGISTRATIONS, flow.rate, flow.cost)]


def webhooks(stage: Stage) -> list[Reading]:
    """BOOKING_CREATED, each of another booking, each with two deliveries.

    They are not sent on: on PostgreSQL by `--no-delivery`; on SQLite, where one process does
    everything, by a project that is paused, so the loops still wake and look.
    """
    flow = _webhooks(stage)
    return [Reading(Figure.WEBHOOKS, flow.rate, flow.cost)]


def register(stage: Stage) -> Flow:
    """What registering took, and every phone is there."""
    with stage.databases.fresh() as url:
        with prepared(url) as connection:
            keys = scene.add_users(connection, system_clock(), chance())
            scene.add_phones(connection, system_clock(), KNOWN_PER_USER)
        before = _counts(url).phones
        number = stage.size.registrations
        requests = [registration(at, keys) for at in range(number)]
        with (
            calbell(stage.run(url), "serve", "--port", "0") as program,
            pinned(stage.cores.load),
        ):
            flow = press(program, requests, warm_up=number // WARM_UP, status=b"201")
        new = _counts(url).phones - before
    if new != number // 2:
        raise RuntimeError(f"{new} new phones instead of {number // 2}")
    return flow


def registration(at: int, keys: Sequence[str]) -> bytes:
    """The request that registers a phone: a new one where `at` is even, else a known one; for the
    user whose key it is."""
    known = scene.USERS * KNOWN_PER_USER
    number = (at // 2 + scene.USERS // 2) % known if at % 2 else known + at // 2
    body = {
        "token": scene.token(number),
        "platform": scene.platform(number),
        "deviceId": f"device-{number}",
    }
    return scene.request(
        REGISTERING,
        msgspec.json.encode(body),
        f"Authorization: Bearer {keys[number % scene.USERS]}\r\nUser-Agent: axios/1.7.9",
    )


def _webhooks(stage: Stage) -> Flow:
    number = stage.size.webhooks
    with stage.databases.fresh() as url:
        now = system_clock()
        with prepared(url) as connection:
            scene.add_users(connection, now, chance())
            scene.add_booking_phones(connection, now)
            run_once(connection, deliveries.pause, UNKNOWN_PROJECT, now + timedelta(hours=1))
        before = sum(_counts(url).deliveries.values())
        requests = [scene.webhook(body) for body in scene.bookings(number, now)]
        alone = ("--no-delivery",) if stage.engine is Engine.POSTGRESQL else ()
        run = stage.run(url, CALBELL_WEBHOOK_SECRETS=scene.SECRET)
        with (
            calbell(run, "serve", "--port", "0", *alone) as program,
            pinned(stage.cores.load),
        ):
            flow = press(program, requests, warm_up=number // WARM_UP, status=b"200")
        made = sum(_counts(url).deliveries.values()) - before
    if made != scene.PHONES_OF_A_BOOKING * number:
        raise RuntimeError(f"{made} deliveries of {number} bookings")
    return flow


def _counts(url: str) -> Counts:
    connection = engine_of(url).connect()
    try:
        return run_once(connection, upkeep.counts, system_clock())
    finally:
        connection.close()
