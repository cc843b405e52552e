"""Sweeps: how far looking bookings up at their source has come. One process does it at a time."""

from datetime import datetime

from msgspec import Struct

from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("sweeps")


class Claimed(Struct, frozen=True):
    """Nobody else looks bookings up until the lease runs out. Of what could be seen, which `sees`
    says, all that changed before `watermark`, by the source's clock, was; `None`: nothing ever."""

    watermark: datetime | None
    sees: str | None = None


class Sweep(Struct, frozen=True, kw_only=True):
    """How it stands. `failure` says why it could not be done at `failed_at`; it is gone with the
    first success. `sees` says whose bookings can be looked up."""

    watermark: datetime | None
    due_at: datetime
    finished_at: datetime | None
    sees: str | None
    failure: str | None
    failed_at: datetime | None


def claim(
    connection: Connection, worker: str, lease_until: datetime, now: datetime, *, anyway: bool
) -> Claimed | None:
    """The worker's turn, if it is due, or `anyway`, and nobody else is at it."""
    rows = connection.run(
        _SQL["claim_sweep"],
        worker=worker,
        lease_until=to_ms(lease_until),
        now=to_ms(now),
        anyway=int(anyway),
    )
    return Claimed(maybe_from_ms(rows[0][0]), rows[0][1]) if rows else None


def state(connection: Connection) -> Sweep:
    """How it stands."""
    ((watermark, due_at, finished_at, sees, failure, failed_at),) = connection.run(_SQL["sweep"])
    return Sweep(
        watermark=maybe_from_ms(watermark),
        due_at=from_ms(due_at),
        finished_at=maybe_from_ms(finished_at),
        sees=sees,
        failure=failure,
        failed_at=maybe_from_ms(failed_at),
    )


def advance(
    connection: Connection, worker: str, watermark: datetime | None, due_at: datetime
) -> None:
    """All that changed until then was looked up; there is more, from `due_at` on."""
    ms = None if watermark is None else to_ms(watermark)
    connection.run(_SQL["advance_sweep"], worker=worker, watermark=ms, due_at=to_ms(due_at))


def finish(
    connection: Connection,
    worker: str,
    watermark: datetime | None,
    due_at: datetime,
    now: datetime,
) -> None:
    """The same, and nothing more is to be looked up before `due_at`."""
    advance(connection, worker, watermark, due_at)
    connection.run(_SQL["finish_sweep"], worker=worker, due_at=to_ms(due_at), now=to_ms(now))


def fail(
    connection: Connection, worker: str, failure: str, due_at: datetime, now: datetime
) -> None:
    """It could not be done; it is tried again at `due_at`, by whoever comes first."""
    connection.run(
        _SQL["fail_sweep"], worker=worker, failure=failure, due_at=to_ms(due_at), now=to_ms(now)
    )


def change_sight(connection: Connection, worker: str, sees: str) -> datetime | None:
    """Others can be looked up from now on than before: the watermark of these, as in `Claimed`."""
    connection.run(_SQL["leave_sight"], worker=worker, sees=sees)
    rows = connection.run(_SQL["change_sight"], worker=worker, sees=sees)
    return maybe_from_ms(rows[0][0]) if rows else None
