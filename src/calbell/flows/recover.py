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

WELL_EVERY = timedelta(seconds=30)
"""How often a database is tried that works: so a disk that filled up, or became read-only, is known
before the next webhook finds out."""

IN_TROUBLE_EVERY = timedelta(seconds=1)
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

    async def turn(self) -> datetime | None:
        """It was tried once more; when to do so again."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if await self._database.prove():
                    self._wake()
        except (StoreUnavailable, TimeoutError) as error:
            log.debug("database_tried", **telemetry.described(error))
        in_trouble = self._database.trouble() is not None
        return self._clock() + (IN_TROUBLE_EVERY if in_trouble else WELL_EVERY)
