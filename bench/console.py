"""The console: how long does each page take with a million deliveries, and how large is it?

`python -m bench.console --deliveries 1000000 --engine sqlite`

There is a past of thirty days, of which a few deliveries wait. Pages are asked of the application
itself, in this process, as a browser would after logging in; how long counting takes is told as
well.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp, Message

from bench.databases import Databases, SqliteFiles, postgresql, prepared
from bench.figures import Engine, engine_named
from bench.past import fill
from calbell.choices import app_of
from calbell.config import Settings
from calbell.console.means import Means
from calbell.console.pages import Console
from calbell.flows.clocks import SteadyClock
from calbell.flows.surroundings import Policy
from calbell.flows.tally import Tally
from calbell.store.database import ThreadedDatabase
from calbell.store.engines import engine_of
from calbell.store.times import to_ms

TOKEN = "the operator's token"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PAGES = (
    "/",
    "/?span=week",
    "/bookings",
    "/bookings?q=7",
    "/bookings?q=guest7@example.org",
    "/bookings?from=2026-11-24&to=2026-11-25",
    "/booking?uid=b7&now=1",
    "/people",
    "/people?q=ser%207",
    "/person?id=7",
    "/events",
    "/events?show=unreadable",
    "/event?id=e7",
)


class Visitor:
    """Asks the application for pages, logged in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._cookie = b""

    async def log_in(self) -> None:
        """A session is open."""
        said, _ = await self._ask("POST", "/login", urlencode({"token": TOKEN}).encode())
        headers = dict(said["headers"])
        self._cookie = headers[b"set-cookie"].partition(b";")[0]

    async def get(self, path: str) -> int:
        """The page came; how many bytes it has."""
        said, body = await self._ask("GET", path, b"")
        if said["status"] != 200:
            raise RuntimeError(f"{path}: status {said['status']}")
        return len(body)

    async def _ask(self, method: str, path: str, sent: bytes) -> tuple[Message, bytes]:
        bare, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": bare,
            "query_string": query.encode(),
            "headers": [
                (b"host", b"bench"),
                (b"cookie", self._cookie),
                (b"content-type", b"application/x-www-form-urlencoded"),
            ],
        }
        said = list[Message]()

        async def receive() -> Message:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Message) -> None:
            said.append(message)

        await self._app(scope, receive, send)
        return said[0], b"".join(message.get("body", b"") for message in said[1:])


async def measure(database: ThreadedDatabase, runs: int) -> None:
    """Every page was asked for; medians are told."""

    def clock() -> datetime:
        return NOW

    means = Means(
        database=database,
        clock=clock,
        chance=Random(1),
        policy=Policy(),
        app=app_of(Settings()),
        wake=lambda: None,
        hears_all=True,
    )
    began = time.perf_counter()
    await Tally(database, clock, SteadyClock()).turn()
    tell(f"counting for the first time, eight days: {time.perf_counter() - began:.2f} s")
    visitor = Visitor(Console(means, TOKEN).app)
    await visitor.log_in()
    for path in PAGES:
        taken, size = list[float](), 0
        for _ in range(runs + 1):
            began = time.perf_counter()
            size = await visitor.get(path)
            taken.append((time.perf_counter() - began) * 1000)
        # The first time templates are read and pages of the database come from disk.
        first, rest = taken[0], taken[1:]
        tell(
            f"{path:42} {statistics.median(rest):7.1f} ms, at most {max(rest):7.1f}, "
            f"first {first:7.1f}; {size / 1000:6.1f} KB"
        )


def tell(line: str) -> None:
    """One line of the result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--engine", type=engine_named, default=Engine.SQLITE)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="calbell-bench-") as folder, ExitStack() as stack:
        databases: Databases = (
            SqliteFiles(Path(folder))
            if options.engine is Engine.SQLITE
            else stack.enter_context(postgresql(Path(folder)))
        )
        url = stack.enter_context(databases.fresh())
        began = time.perf_counter()
        with prepared(url) as connection:
            fill(connection, options.deliveries, to_ms(NOW))
        tell(
            f"{options.engine}: {options.deliveries:,} deliveries made in "
            f"{time.perf_counter() - began:.0f} s"
        )
        database = ThreadedDatabase(engine_of(url))
        try:
            asyncio.run(measure(database, options.runs))
        finally:
            database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
