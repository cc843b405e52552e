"""Prune: what is over is forgotten, a little at a time."""

from datetime import datetime, timedelta

import structlog

from calbell.flows.surroundings import Clock
from calbell.store import upkeep
from calbell.store.database import Database

log = structlog.get_logger()

MOST_AT_ONCE = 200
EVERY = timedelta(hours=1)

LEAP = timedelta(days=1)
"""A clock that was set forward by more is doubted for so long before anything is forgotten by it:
what is forgotten does not come back."""


class Prune:
    """Forgets bookings, with all their history, `retention` after their end."""

    def __init__(
        self, database: Database, clock: Clock, steady: Clock, retention: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._steady = steady
        self._retention = retention
        self._ahead = clock() - steady()
        self._doubts_until: datetime | None = None

    async def turn(self) -> datetime | None:
        """Nothing is kept longer than it should be; when to look again. Every step is a short
        transaction of its own, so that intake never waits for it."""
        if self._doubts():
            return self._clock() + EVERY
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

    def _doubts(self) -> bool:
        """Whether the clock leapt forward less than a day ago."""
        now, ahead = self._steady(), self._clock() - self._steady()
        if ahead - self._ahead > LEAP:
            log.warning("pruning_rests", days=round((ahead - self._ahead) / timedelta(days=1), 1))
            self._doubts_until = now + LEAP
        self._ahead = ahead
        return self._doubts_until is not None and now < self._doubts_until
