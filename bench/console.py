"""The console: how long does each page take with a million deliveries, and how large is it?

`python -m bench.console --deliveries 1000000 --engine sqlite`

The past is made by statements: two deliveries of a booking, ten thousand users with a phone each,
spread over thirty days, of which a few wait. Pages are asked of the application itself, in this
process, as a browser would after logging in; how long counting takes is told as well.
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
from calbell.choices import app_of
from calbell.config import Settings
from calbell.console.means import Means
from calbell.console.pages import Console
from calbell.flows.clocks import SteadyClock
from calbell.flows.surroundings import Policy
from calbell.flows.tally import Tally
from calbell.store.connection import Connection
from calbell.store.database import ThreadedDatabase
from calbell.store.engines import engine_of
from calbell.store.statements import Dialect
from calbell.store.times import to_ms

TOKEN = "the operator's token"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
USERS = 10_000
SPAN_MS = 30 * 86_400_000
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


def fill(connection: Connection, number: int, now_ms: int) -> None:
    """A past of so many deliveries exists, the newest of this moment."""
    sqlite = connection.dialect is Dialect.SQLITE
    begin = now_ms - SPAN_MS

    def numbered(most: int) -> str:
        if sqlite:
            return (
                f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {most})"
            )
        return f"with n(i) as (select generate_series(1, {most}))"

    bookings = number // 2
    at = f"{begin} + cast(i as bigint) * {SPAN_MS} / {bookings}"
    at_of_delivery = f"{begin} + cast(i as bigint) * {SPAN_MS} / {number}"
    raw = "x'7b7d'" if sqlite else "'{}'"
    state = (
        "case when i % 5000 = 0 then 'queued' when i % 50 = 1 then 'failed' "
        "when i % 50 = 2 then 'unregistered' else 'delivered' end"
    )
    people = """'{"organizer":{"email":"user' || (i % 10000) || '@example.com","name":"U",'
      || '"user_id":' || (i % 10000) || '},"attendees":[{"email":"guest' || i
      || '@example.org","name":"G"}]}'"""
    for statement in (
        f"""{numbered(USERS)} insert into users (id, name, time_zone, locale, time_format, source,
          created_at, refreshed_at)
          select i, 'User ' || i, 'UTC', 'en', 12, 'bench', {begin}, {begin} from n where true""",
        f"""{numbered(USERS)} insert into addresses (address, user_id, is_primary)
          select 'user' || i || '@example.com', i, 1 from n where true""",
        f"""{numbered(USERS)} insert into phones (token, token_hash, project_id, owner_user_id,
          registered_at, bad_in_row)
          select 't' || i, 'h' || i, 1, i, {begin}, 0 from n where true""",
        f"""{numbered(USERS)} insert into subscriptions (user_id, phone_id, platform, device_id,
          created_at, updated_at) select i, i, 'IOS', 'd', {begin}, {begin} from n where true""",
        f"""{numbered(bookings)} insert into bookings (uid, status, title, start_at, end_at, people,
          observed, version, updated_at) select 'b' || i, 'accepted', 'Call', {at} + 86400000,
          {at} + 88200000, {people}, '{{}}', 1, {at} from n where true""",
        f"""{numbered(bookings)} insert into events (public_id, trigger_name, booking_id, state,
          recipients, sent_at, received_at, body_hash, raw)
          select 'e' || i, 'BOOKING_CREATED', i, case when i % 9999 = 0 then 'unreadable'
            else 'taken' end, 2, {at}, {at}, 'h', {raw} from n where true""",
        f"""{numbered(bookings)} insert into notifications (event_id, booking_id, booking_version,
          user_id, role, kind, state, due_at, expires_at, facts, created_at)
          select i, i, 1, 1 + i % {USERS}, 'organizer', 'BOOKING_CONFIRMED', 'released', {at},
            {at} + 86400000, '{{"uid":"b"}}', {at} from n where true""",
        f"""{numbered(number)} insert into deliveries (notification_id, user_id, subscription_id,
          phone_id, platform, project_id, key, state, due_at, expires_at, attempt, possibly_sent,
          most_together, created_at)
          select (i + 1) / 2, 1 + i % {USERS}, 1, 1 + i % {USERS}, 'IOS', 1, 'k', {state},
            {at_of_delivery}, {at_of_delivery} + 86400000, 1, 0, 100, {at_of_delivery}
          from n where true""",
        f"""{numbered(number)} insert into attempts (delivery_id, number, at, outcome, ticket_id,
          receipt_look, receipt_at, receipt_code)
          select i, 1, {at_of_delivery} + 20, 'accepted', 't', 1, {at_of_delivery} + 900000, 'ok'
          from n where true""",
    ):
        with connection.transaction(writes=True):
            connection.script(f"{statement};")
    if not sqlite:
        connection.script("analyze;")


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
