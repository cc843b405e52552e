"""Prune: what is over is forgotten, a little at a time."""

from datetime import datetime, timedelta

import structlog

from calbell.domain.retention import horizon
from calbell.flows.surroundings import Clock
from calbell.store import retention
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.retention import Place, Step

log = structlog.get_logger()

ROOM = 1000
"""How many rows go in one step: some milliseconds' work, and enough that, step by step with lists
of intake, more goes than comes."""

EVERY = timedelta(hours=1)
LONGEST_REST = timedelta(seconds=5)

LEAP = timedelta(days=1)
"""A clock that was set forward by more is doubted for so long before anything is forgotten by it:
what is forgotten does not come back."""


def rest_after(took: timedelta) -> timedelta:
    """How long to rest after a step, so that others have the database for half of the time."""
    return min(max(took, timedelta()), LONGEST_REST)


class Prune:
    """Forgets bookings, with all their history, `retention` after their end, and whatever else is
    that old and belongs to none."""

    def __init__(
        self, database: Database, clock: Clock, steady: Clock, retention: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._steady = steady
        self._retention = retention
        self._ahead = clock() - steady()
        self._doubts_until: datetime | None = None
        self._place = Place()
        self._gone = 0

    async def turn(self) -> datetime | None:
        """One step further, a short transaction of its own; when the next one is due.

        It rests as long as the step took, so that others have the database for at least half of the
        time. After a pass over everything the next one begins an hour later.
        """
        now = self._clock()
        if self._doubts(now):
            return now + EVERY
        began, step = await self._database.run(self.step, now)
        self._gone += step.gone
        if step.place is not None:
            self._place = step.place
            return self._clock() + rest_after(self._steady() - began)
        if self._gone:
            log.info("pruned", rows=self._gone)
        self._place, self._gone = Place(), 0
        return self._clock() + EVERY

    def step(self, connection: Connection, now: datetime) -> tuple[datetime, Step]:
        """One unit of work: the next step is done; when it began, by the steady clock."""
        began = self._steady()
        old = horizon(now, self._retention)
        return began, retention.forget(connection, old, self._place, ROOM)

    def _doubts(self, at: datetime) -> bool:
        """Whether the clock, which says `at`, leapt forward less than a day ago."""
        now = self._steady()
        ahead = at - now
        if ahead - self._ahead > LEAP:
            log.warning("pruning_rests", days=round((ahead - self._ahead) / timedelta(days=1), 1))
            self._doubts_until = now + LEAP
        self._ahead = ahead
        return self._doubts_until is not None and now < self._doubts_until
