"""Rescue: what a worker claimed and never reported on is queued again when its lease runs out."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from calbell.flows.steps import Steps
from calbell.flows.surroundings import Clock
from calbell.store import deliveries
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Database

log = structlog.get_logger()

MOST_AT_ONCE = 1000

KEEPS_WITHIN = timedelta(seconds=5)
"""So long after the database failed whoever knows what Expo answered has kept it
(`dispatch.KEEPS_EVERY`); until then nothing is called lost."""

STANDS = timedelta(minutes=1)
"""A trouble that lasts longer may be one with which work goes on, such as a damaged page."""


class Rescue:
    """Watches over leases, those of other processes too."""

    def __init__(
        self, database: Database, clock: Clock, steps: Steps, wake_dispatch: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._steps = steps
        self._wake_dispatch = wake_dispatch
        self._failed_at: datetime | None = None
        self._spares_until: datetime | None = None

    async def turn(self) -> datetime | None:
        """No lease that ran out is left; when the next one may."""
        later = self._others_first(self._clock())
        if later is not None:
            return later
        try:
            return await self._rescued()
        except StoreUnavailable:
            self._failed_at = self._clock()
            raise

    def _others_first(self, now: datetime) -> datetime | None:
        """Until when nothing is taken from those who could not keep what they know."""
        if self._failed_at is not None:
            if self._database.trouble() is not None and abs(now - self._failed_at) < STANDS:
                return now + KEEPS_WITHIN
            self._failed_at, self._spares_until = None, now + KEEPS_WITHIN
        until = self._spares_until
        return until if until is not None and now < until <= now + KEEPS_WITHIN else None

    async def _rescued(self) -> datetime | None:
        while True:
            now = self._clock()
            if self._steps.seen():
                # A lease has not run out because the clock was set; they are renewed in a moment.
                return None
            lost = await self._database.run(deliveries.rescue, now, MOST_AT_ONCE)
            if lost:
                log.warning("leases_lost", deliveries=lost)
                self._wake_dispatch()
            if lost < MOST_AT_ONCE:
                return await self._database.read(deliveries.next_lost_at)
