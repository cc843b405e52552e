"""Pauses: what waits for a span of time, when the clock that counts it is set.

Times of the world (of meetings and reminders, and until when news is fresh) stay as they are.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from calbell.domain.notices import PAUSES
from calbell.domain.plan import GATHERED_FOR
from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import to_ms

_SQL = load("pauses")

LONGEST_PACE = timedelta(minutes=5)
LONGEST_LOOK = timedelta(hours=24)
NOTICED_WITHIN = timedelta(seconds=150)
"""Processes around one PostgreSQL take its time anew every minute: by then all have seen a step."""
ALIKE = timedelta(seconds=5)
"""They measure the same step a little differently."""
_MILLISECOND = timedelta(milliseconds=1)


class Longest(Struct, frozen=True):
    """How long a pause may be: before another attempt, or for a whole project; between two sweeps;
    and a lease."""

    retry: timedelta
    lease: timedelta
    sweep: timedelta


def set_back(connection: Connection, by: timedelta, now: datetime, longest: Longest) -> None:
    """One unit of work: the clock was set back to `now`, and no pause is longer by that. With a
    span of 0, what is longer than any pause can be is cut: a clock was set back that nobody saw."""
    behind = by // _MILLISECOND
    if behind and not _is_first(connection, -by, now):
        _renew(connection, now, longest)
        return
    for name, span in (
        ("shorten_paces", LONGEST_PACE),
        ("shorten_backoffs", longest.retry),
        ("shorten_probes", longest.retry),
        ("shorten_retries", longest.retry),
        ("shorten_looks", LONGEST_LOOK),
        ("shorten_notices", PAUSES.longest),
        ("shorten_sweeps", longest.sweep),
        ("shorten_sweep_leases", longest.lease),
    ):
        latest = to_ms(now + span)
        after = to_ms(now) if behind else latest
        connection.run(_SQL[name], by=behind, latest=latest, after=after)
    connection.run(_SQL["say_gathered"], now=to_ms(now), moments=GATHERED_FOR // _MILLISECOND)
    if behind:
        _renew(connection, now, longest)


def set_forward(
    connection: Connection, by: timedelta, now: datetime, longest: Longest, began_at: datetime
) -> None:
    """One unit of work: the clock was set forward to `now`. What this process does is not given up
    for that, and Expo is not asked at once for all receipts of what was sent since `began_at`.
    Other pauses end early: that harms nobody."""
    if _is_first(connection, by, now):
        connection.run(
            _SQL["put_off_looks"],
            by=by // _MILLISECOND,
            began=to_ms(began_at),
            until=to_ms(now - by),
        )
    _renew(connection, now, longest)


def _is_first(connection: Connection, step: timedelta, now: datetime) -> bool:
    """Whether no other process has mended this step already: all of them share one clock."""
    first = connection.run(
        _SQL["note_step"],
        now=to_ms(now),
        step=step // _MILLISECOND,
        alike=ALIKE // _MILLISECOND,
        within=NOTICED_WITHIN // _MILLISECOND,
    )
    return bool(first)


def _renew(connection: Connection, now: datetime, longest: Longest) -> None:
    connection.run(_SQL["renew_leases"], until=to_ms(now + longest.lease))
