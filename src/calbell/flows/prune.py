"""Prune: what is over is forgotten, a little at a time."""

from datetime import datetime, timedelta

import structlog

from calbell.flows.surroundings import Clock
from calbell.store import upkeep
from calbell.store.database import Database

log = structlog.get_logger()

MOST_AT_ONCE = 200
EVERY = timedelta(hours=1)


class Prune:
    """Forgets bookings, with all their history, `retention` after their end."""

    def __init__(self, database: Database, clock: Clock, retention: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._retention = retention

    async def turn(self) -> datetime | None:
        """Nothing is kept longer than it should be; when to look again. Every step is a short
        transaction of its own, so that intake never waits for it."""
        total = 0
        while True:
            now = self._clock()
            gone = await self._database.run(upkeep.forget, now - self._retention, MOST_AT_ONCE)
            total += gone
            if gone == 0:
                break
        if total:
            log.info("pruned", rows=total)
        return now + EVERY
