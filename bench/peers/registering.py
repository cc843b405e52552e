"""Registering: a NestJS service with Prisma that does what Cal.com's own does, beside `serve`.

The same client, the same requests, the same cores and, on PostgreSQL, the same server.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import psycopg

from bench import scene
from bench.cores import pinned
from bench.load import Flow, press
from bench.peers.installed import SOURCES, installed, node
from bench.program import Program, announced
from bench.stage import WARM_UP, Stage, chance
from bench.throughput import KNOWN_PER_USER, registration

PREFIX = "cal_"


def nest(stage: Stage) -> Flow:
    """What registering took; every phone is there, once."""
    number = stage.size.registrations
    with stage.databases.fresh() as url:
        keys = _keys(chance())
        _fill(url, keys)
        requests = [registration(at, keys) for at in range(number)]
        with _service(stage, url) as program, pinned(stage.cores.load):
            flow = press(program, requests, warm_up=number // WARM_UP, status=b"201")
        with psycopg.connect(url) as connection:
            row = connection.execute('select count(*) from "Subscription"').fetchone()
    expected = scene.USERS * KNOWN_PER_USER + number // 2
    if row != (expected,):
        raise RuntimeError(f"{row} subscriptions instead of {expected}")
    return flow


def _keys(random: Random) -> list[str]:
    return [f"{PREFIX}{random.randbytes(16).hex()}" for _ in range(scene.USERS)]


def _fill(url: str, keys: list[str]) -> None:
    """Users have their keys and as many phones as in Calbell's measurement."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute((SOURCES / "tables.sql").read_bytes())
        cursor.executemany(
            'insert into "ApiKey" ("hashedKey", "userId") values (%s, %s)',
            [
                (hashlib.sha256(key.removeprefix(PREFIX).encode()).hexdigest(), number)
                for number, key in enumerate(keys)
            ],
        )
        cursor.executemany(
            'insert into "Subscription" ("userId", type, platform, identifier, "deviceId",'
            " \"updatedAt\") values (%s, 'APP_PUSH', %s, %s, %s, current_timestamp)",
            [
                (number % scene.USERS, scene.platform(number), scene.token(number), "device")
                for number in range(scene.USERS * KNOWN_PER_USER)
            ],
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


@contextmanager
def _service(stage: Stage, url: str) -> Iterator[Program]:
    """The service on its core, listening; ended after the block."""
    env = {**os.environ, "DATABASE_URL": url, "NODE_ENV": "production"}
    with (
        (stage.folder / "nest.log").open("w+b") as log,
        announced(
            (node(), "registrations.js"),
            stage.cores.service,
            folder=installed(),
            env=env,
            log=log,
        ) as (process, port),
    ):
        yield Program(process, int(port))
