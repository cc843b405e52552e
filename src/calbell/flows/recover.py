"""Recover: the database is tried now and then, and all goes on as soon as it works again."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from calbell import telemetry
from calbell.flows.surroundings import Clock
from calbell.store.connection import StoreUnavailable

log = structlog.get_logger()

LOOKS_EVERY = timedelta(seconds=1)
WELL_EVERY = 30
"""Of so many looks one tries a database that works: so a disk that filled up, or became read-only,
is known before the next webhook finds out. In trouble it is tried at every look."""

PATIENCE_SECONDS = 15.0


class Provable(Protocol):
    """A database that can be tried."""

    async def prove(self) -> bool:
        """Something was written durably and read; whether that ends a trouble."""

    def trouble(self) -> str | None:
        """Why units of work fail now."""


class Recover:
    """Tries the database. When it works again `wake` is called, so that nobody sleeps out the pause
    that he began when it failed."""

    def __init__(self, database: Provable, clock: Clock, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake
        self._looks = 0

    async def turn(self) -> datetime | None:
        """It was tried if it was time; when to look again."""
        self._looks += 1
        if self._database.trouble() is not None or self._looks % WELL_EVERY == 0:
            await self._try()
        return self._clock() + LOOKS_EVERY

    async def _try(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if await self._database.prove():
                    self._wake()
        except (StoreUnavailable, TimeoutError) as error:
            log.debug("database_tried", **telemetry.described(error))
