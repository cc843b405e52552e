"""Heartbeat: somebody outside hears every minute that all is well; silence is what wakes people."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from calbell.flows.measure import LOOKS_BACK
from calbell.flows.surroundings import Clock
from calbell.flows.trouble import troubles
from calbell.store import overview
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Database

log = structlog.get_logger()

EVERY = timedelta(minutes=1)

Ask = Callable[[], Awaitable[str | None]]
"""Asks for the address that waits for the beat; why it could not be, in a word."""


class Heartbeat:
    """Asks for an address while nothing is urgently wrong. Each change is logged once."""

    def __init__(self, database: Database, clock: Clock, ask: Ask, *, hears_all: bool) -> None:
        self._database = database
        self._clock = clock
        self._ask = ask
        self._hears_all = hears_all
        self._withheld: str | None = None

    async def turn(self) -> datetime | None:
        """All was well and the address was asked for, or it is known why not; when the next turn
        is."""
        began = self._clock()
        why = await self._wrong()
        if why is None:
            why = await self._ask()
        if why != self._withheld:
            if why is None:
                log.info("heartbeat_goes_on")
            else:
                log.warning("heartbeat_missed", reason=why)
            self._withheld = why
        return began + EVERY

    async def _wrong(self) -> str | None:
        if self._database.trouble() is not None:
            return "database"
        now = self._clock()
        try:
            seen = await self._database.read(overview.see, now - LOOKS_BACK, now)
        except StoreUnavailable:
            return "database"
        urgent = any(one.is_urgent for one in troubles(seen, now, hears_all=self._hears_all))
        return "trouble" if urgent else None
