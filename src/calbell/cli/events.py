"""`calbell events`."""

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape
from rich.table import Table

from calbell.cli.context import database, settings, threads
from calbell.cli.output import out, show
from calbell.cli.spans import BEGINNING, Span
from calbell.flows.clocks import system_clock
from calbell.flows.replay import Replay, Replayed
from calbell.store import events

app = cyclopts.App(name="events", help="List what came in, and take it in again.")

Limit = Annotated[int, Parameter(validator=Number(gte=1, lte=100_000))]
Unreadable = Annotated[bool, Parameter(negative=())]
PROGRESS_EVERY = timedelta(seconds=2)


@app.command(name="list")
def list_(*, unreadable: Unreadable = False, since: Span | None = None, limit: Limit = 100) -> int:
    """List what came in, the newest first; nothing of what it says of people.

    Parameters
    ----------
    unreadable
        Only what nobody could understand.
    since
        Only what came in during this time: 90s, 30m, 12h, 1d.
    limit
        At most so many.
    """
    since_at = _since(since)
    with database(settings()) as units:
        found = units.run(events.newest, since_at, limit, unreadable=unreadable)
    table = Table("received", "trigger", "state", "reason", "id", "size")
    for event in found:
        table.add_row(
            f"{event.received_at:%Y-%m-%d %H:%M:%S}",
            escape(event.trigger) or "-",
            event.state,
            escape(event.reason or ""),
            event.public_id,
            f"{event.size:,}",
        )
    show(table)
    return 0


@app.command
def replay(*, unreadable: Unreadable = False, since: Span | None = None) -> int:
    """Take stored events in again, as this version reads them.

    What could not be understood and can be now becomes an ordinary event, at the time at which it
    came: what is stale by now is not told any more. What was taken in well changes nothing. It can
    be done again, be broken off, and be done while `calbell serve` runs. It exits with 1 if an
    event could not be taken in.

    Parameters
    ----------
    unreadable
        Only what nobody could understand.
    since
        Only what came in during this time: 90s, 30m, 12h, 1d.
    """
    from random import SystemRandom

    from calbell.choices import policy_of

    found, since_at = settings(), _since(since)
    with threads(found) as store:
        again = Replay(store, policy_of(found), system_clock, SystemRandom())
        done = asyncio.run(again.replay(since_at, unreadable=unreadable, progress=_Progress().tell))
    out(
        f"{done.total} events: {done.mended} mended, {done.changed} changed, "
        f"{done.unchanged} unchanged, {done.unreadable} unreadable, {done.failed} failed; "
        f"{done.recipients} recipients"
    )
    return 1 if done.failed else 0


@app.command
def refusals(*, limit: Limit = 1000) -> int:
    """List the last webhooks that were refused, the newest first: when, why, and how many bytes.

    Parameters
    ----------
    limit
        At most so many; a thousand are kept.
    """
    with database(settings()) as units:
        found = units.run(events.last_refusals, limit)
    table = Table("refused", "reason", "size")
    for refusal in found:
        table.add_row(f"{refusal.at:%Y-%m-%d %H:%M:%S}", refusal.reason, f"{refusal.size:,}")
    show(table)
    return 0


def _since(span: timedelta | None) -> datetime:
    return system_clock() - min(span or BEGINNING, BEGINNING)


class _Progress:
    """Says on stderr how far it is, where it takes long."""

    def __init__(self) -> None:
        self._told_at = system_clock()

    def tell(self, done: Replayed, number: int) -> None:
        if system_clock() - self._told_at >= PROGRESS_EVERY:
            self._told_at = system_clock()
            sys.stderr.write(f"{done.total:,} of {number:,} events\n")
            sys.stderr.flush()
