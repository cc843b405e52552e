"""Copies of the database: when they were made, and what it means that one of them serves now."""

from datetime import datetime

from msgspec import Struct

from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("copies")


class KnownCopy(Struct, frozen=True):
    """This database is a copy, made then; `restored_at` is since when it serves instead."""

    made_at: datetime
    restored_at: datetime | None


class Ended(Struct, frozen=True):
    """How many of each were ended."""

    deliveries: int
    notifications: int


def known(connection: Connection) -> list[KnownCopy]:
    """The copies that this database is, one of another perhaps, newest first."""
    return [
        KnownCopy(from_ms(made_at), maybe_from_ms(restored_at))
        for made_at, restored_at in connection.run(_SQL["known_copies"])
    ]


def begin_restoring(connection: Connection, made_at: datetime, now: datetime) -> bool:
    """The copy made then serves from now on. Whether nobody has said so before."""
    first = connection.run(_SQL["begin_restoring"], made_at=to_ms(made_at), now=to_ms(now))
    connection.run(_SQL["close_older"], now=to_ms(now))
    return bool(first)


def end_before(connection: Connection, copied_at: datetime, now: datetime) -> Ended:
    """What was due when the copy was made is ended, and what is still queued is marked as possibly
    sent: there was an original, which went on."""
    at, ms = to_ms(copied_at), to_ms(now)
    ended = Ended(
        deliveries=connection.count(_SQL["end_queued_before"], copied_at=at, now=ms)
        + connection.count(_SQL["end_sending"], now=ms),
        notifications=connection.count(_SQL["suppress_waiting_before"], copied_at=at, now=ms),
    )
    connection.count(_SQL["doubt_queued"])
    return ended


def newest_entry_at(connection: Connection) -> datetime | None:
    """When something happened last, as far as this database knows."""
    ((ms,),) = connection.run(_SQL["newest_entry"])
    return maybe_from_ms(ms)
