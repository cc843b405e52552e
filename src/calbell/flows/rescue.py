"""Rescue: what a worker claimed and never reported on is queued again when its lease runs out."""

from collections.abc import Callable
from datetime import datetime

import structlog

from calbell.flows.steps import Steps
from calbell.flows.surroundings import Clock
from calbell.store import deliveries
from calbell.store.database import Database

log = structlog.get_logger()

MOST_AT_ONCE = 1000


class Rescue:
    """Watches over leases, those of other processes too."""

    def __init__(
        self, database: Database, clock: Clock, steps: Steps, wake_dispatch: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._steps = steps
        self._wake_dispatch = wake_dispatch

    async def turn(self) -> datetime | None:
        """No lease that ran out is left; when the next one may."""
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
