"""Watching: work that other processes make is noticed at once."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import structlog

from calbell import telemetry
from calbell.store import deliveries
from calbell.store.connection import Connection, StoreUnavailable
from calbell.store.database import Database, run_once

if TYPE_CHECKING:
    from calbell.store.postgresql import PostgresConnection, PostgresEngine
    from calbell.store.sqlite import SqliteConnection

log = structlog.get_logger()

LOOKS_EVERY = timedelta(milliseconds=250)
LISTENS_FOR_SECONDS = 1.0
AFTER_FAILURE_SECONDS = 2.0

POOLED_REMEDY = (
    "let workers connect to PostgreSQL itself, or through a pool of sessions: until then they look "
    "for work every few seconds"
)


class ForeignWrites:
    """Calls `wake` when another process, such as the command line, wrote to the SQLite file."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake
        self._seen: int | None = None

    async def turn(self) -> None:
        """Looked once more."""
        # On the connection that writes: its own commits do not change the number.
        version = await self._database.run(_data_version)
        if self._seen is not None and version != self._seen:
            self._wake()
        self._seen = version


def _data_version(connection: Connection) -> int:
    return cast("SqliteConnection", connection).data_version()


class Listener:
    """Calls `wake` in the event loop for whatever PostgreSQL's `notify` brings."""

    def __init__(
        self, engine: "PostgresEngine", loop: asyncio.AbstractEventLoop, wake: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._loop = loop
        self._wake = wake
        self._closing = threading.Event()
        self._seldom = telemetry.Seldom()
        self._thread = threading.Thread(target=self._listen, name="store-listen", daemon=True)

    def start(self) -> None:
        """Listening, also again after the connection was lost."""
        self._thread.start()

    def close(self) -> None:
        """The thread and its connection are gone, within a second."""
        self._closing.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                connection = self._engine.connect()
                try:
                    connection.listen()
                    self._try_out(connection)
                    # What was notified while nobody listened is looked for now.
                    self._loop.call_soon_threadsafe(self._wake)
                    while not self._closing.is_set():
                        for _ in connection.notifications(LISTENS_FOR_SECONDS):
                            self._loop.call_soon_threadsafe(self._wake)
                finally:
                    connection.close()
            except StoreUnavailable as error:
                if self._seldom.says(error.reason):
                    log.warning("listener_lost", detail=str(error))
                self._closing.wait(AFTER_FAILURE_SECONDS)

    def _try_out(self, connection: "PostgresConnection") -> None:
        """Where something stands before the server, it is tried whether notices come through."""
        if not connection.is_pooled:
            return
        other = self._engine.connect()
        try:
            run_once(other, deliveries.announce)
        finally:
            other.close()
        heard = next(connection.notifications(LISTENS_FOR_SECONDS), None)
        if heard is None and self._seldom.says("nothing heard"):
            log.warning("notices_do_not_arrive", remedy=POOLED_REMEDY)
