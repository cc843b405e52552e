"""Restore: the database is an older copy, and serves from now on instead of the lost original.

The original went on after the copy was made. What it had in hand at that moment it has most likely
sent, so that is ended and not sent again. What fell due later it may have sent or not; of that,
what is still news is sent: a reminder that comes twice is better than none.
"""

from datetime import datetime

import structlog
from msgspec import Struct

from calbell.store import copies
from calbell.store.connection import Connection
from calbell.store.copies import Ended
from calbell.store.database import Database

log = structlog.get_logger()


class CannotRestore(Exception):
    """Nobody knows when the copy was made; the message says what to do."""


class Restoring(Struct, frozen=True):
    """What the operator says of the copy: when it was made, or `None` where it says so itself."""

    copied_at: datetime | None = None


class Restored(Struct, frozen=True):
    """The copy made at `copied_at` serves. `ended` is `None` where it has done so before."""

    copied_at: datetime
    ended: Ended | None


async def serve_copy(database: Database, restoring: Restoring | None, now: datetime) -> None:
    """The database may be sent from: a copy was restored, if the operator says that it is one; if
    not, and it is one, the log says so."""
    if restoring is None:
        if (copied_at := await database.read(copy_that_serves)) is not None:
            remedy = "if the original is lost, start once with --restored"
            log.warning("copy_serves", copied_at=_said(copied_at), remedy=remedy)
        return
    restored = await database.run(restore, restoring, now)
    said, ended = _said(restored.copied_at), restored.ended
    if ended is None:
        log.info("restored_before", copied_at=said)
    else:
        log.info(
            "restored",
            copied_at=said,
            deliveries=ended.deliveries,
            notifications=ended.notifications,
        )


def restore(connection: Connection, restoring: Restoring, now: datetime) -> Restored:
    """One unit of work: what was due before the copy was made is ended, once for each copy."""
    copied_at = restoring.copied_at or _copied_at(connection)
    if copied_at > now:
        raise CannotRestore(f"the copy cannot be from {_said(copied_at)}: it is {_said(now)} now")
    if not copies.begin_restoring(connection, copied_at, now):
        return Restored(copied_at, None)
    return Restored(copied_at, copies.end_before(connection, copied_at, now))


def copy_that_serves(connection: Connection) -> datetime | None:
    """When the copy was made that this database is, if nobody has said that it serves."""
    return next((c.made_at for c in copies.known(connection) if c.restored_at is None), None)


def _copied_at(connection: Connection) -> datetime:
    known = copies.known(connection)
    waiting = [copy for copy in known if copy.restored_at is None]
    if waiting or known:
        return (waiting or known)[0].made_at
    newest = copies.newest_entry_at(connection)
    hint = f", which is not before {_said(newest)}, its newest entry" if newest else ""
    raise CannotRestore(
        "the database does not say when it was copied: give the time with --restored-from, "
        f"such as 2026-11-25T03:00:00Z{hint}"
    )


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
