"""Upkeep: counts for those who watch."""

from datetime import datetime

from msgspec import Struct

from calbell.domain.holds import Held
from calbell.store import holds, notices, sweeps
from calbell.store.connection import Connection
from calbell.store.notices import Callback
from calbell.store.statements import load
from calbell.store.sweeps import Sweep
from calbell.store.times import from_ms, to_ms

_SQL = load("upkeep")


class Depth(Struct, frozen=True):
    """How many deliveries are due and not sent, and since when the oldest."""

    due: int
    oldest_due_at: datetime | None


class Failure(Struct, frozen=True):
    """An attempt that did not end in a ticket."""

    at: datetime
    outcome: str
    code: str | None


class Storage(Struct, frozen=True):
    """How many bytes the database has, without its log, and how many of them are free for what
    comes, where that is known."""

    size: int
    free: int | None


class Counts(Struct, frozen=True, kw_only=True):
    """What `calbell status` shows."""

    depth: Depth
    deliveries: dict[str, int]
    notifications: dict[str, int]
    phones: int
    phones_gone: int
    users: int
    unreadable_events: int
    last_event_at: datetime | None
    last_failures: tuple[Failure, ...]
    held: tuple[Held, ...]
    storage: Storage
    sweep: Sweep
    callback: Callback


def depth(connection: Connection, now: datetime) -> Depth:
    """The queue as it is."""
    ((due, oldest),) = connection.run(_SQL["queue_depth"], now=to_ms(now))
    return Depth(due, None if oldest is None else from_ms(oldest))


def last_event_at(connection: Connection) -> datetime | None:
    """When the last event came in."""
    last = connection.run(_SQL["last_event"])
    return from_ms(last[0][0]) if last else None


def unreadable(connection: Connection) -> int:
    """How many events nobody could understand."""
    ((number,),) = connection.run(_SQL["count_unreadable"])
    found: int = number
    return found


def users(connection: Connection) -> int:
    """How many users there are."""
    ((number,),) = connection.run(_SQL["count_users"])
    found: int = number
    return found


def phones(connection: Connection) -> tuple[int, int]:
    """Phones that can be rung, and those that are gone."""
    ((all_, gone),) = connection.run(_SQL["count_phones"])
    return all_ - gone, gone


def last_failures(connection: Connection) -> tuple[Failure, ...]:
    """The newest attempts that did not end in a ticket."""
    return tuple(
        Failure(from_ms(at), outcome, code)
        for at, outcome, code in connection.run(_SQL["last_errors"])
    )


def counts(connection: Connection, now: datetime) -> Counts:
    """Everything there is, counted."""
    alive, gone = phones(connection)
    return Counts(
        depth=depth(connection, now),
        deliveries=dict(connection.run(_SQL["count_deliveries"])),
        notifications=dict(connection.run(_SQL["count_notifications"])),
        phones=alive,
        phones_gone=gone,
        users=users(connection),
        unreadable_events=unreadable(connection),
        last_event_at=last_event_at(connection),
        held=tuple(holds.standing(connection)),
        last_failures=last_failures(connection),
        storage=storage(connection),
        sweep=sweeps.state(connection),
        callback=notices.callback(connection, now),
    )


def storage(connection: Connection) -> Storage:
    """How much room the database takes."""
    (row,) = connection.run(_SQL["storage"])
    return Storage(*row)
