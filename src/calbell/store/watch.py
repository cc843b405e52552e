"""Watching: work that other processes make is noticed at once."""

import asyncio
import threading
from collections.abc import Callable
from typing import cast

import structlog

from calbell.store.connection import Connection, StoreUnavailable
from calbell.store.database import Database
from calbell.store.postgresql import PostgresEngine
from calbell.store.sqlite import SqliteConnection

log = structlog.get_logger()

LOOKS_A_SECOND = 4
LISTENS_FOR_SECONDS = 1.0
AFTER_FAILURE_SECONDS = 2.0


class ForeignWrites:
    """Calls `wake` when another process, such as the command line, wrote to the SQLite file."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake

    async def run(self) -> None:
        """Look until cancelled."""
        seen: int | None = None
        while True:
            version = seen
            try:
                # On the connection that writes: its own commits do not change the number.
                version = await self._database.run(_data_version)
            except StoreUnavailable as error:
                log.warning("watch_failed", detail=str(error))
            if seen is not None and version != seen:
                self._wake()
            seen = version
            await asyncio.sleep(1 / LOOKS_A_SECOND)


def _data_version(connection: Connection) -> int:
    return cast(SqliteConnection, connection).data_version()


class Listener:
    """Calls `wake` in the event loop for whatever PostgreSQL's `notify` brings."""

    def __init__(
        self, engine: PostgresEngine, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._loop = loop
        self._wake = wake
        self._closing = threading.Event()
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
                    # What was notified while nobody listened is looked for now.
                    self._loop.call_soon_threadsafe(self._wake)
                    while not self._closing.is_set():
                        for _ in connection.notifications(LISTENS_FOR_SECONDS):
                            self._loop.call_soon_threadsafe(self._wake)
                finally:
                    connection.close()
            except StoreUnavailable as error:
                log.warning("listener_lost", detail=str(error))
                self._closing.wait(AFTER_FAILURE_SECONDS)
