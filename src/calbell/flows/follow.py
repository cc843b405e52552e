"""Follow: when the clock is set, what waits for a span of time is set with it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from calbell.flows.steps import Steps
from calbell.flows.surroundings import Clock
from calbell.store import pauses
from calbell.store.database import Database
from calbell.store.pauses import Longest

log = structlog.get_logger()

LOOKS_EVERY = timedelta(seconds=1)


class Follow:
    """Looks whether the clock was set. It is believed at once: meetings are at times of the world.
    So only pauses and leases have to be mended, and then everybody is to look for work anew."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        steps: Steps,
        longest: Longest,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._steps = steps
        self._longest = longest
        self._wake = wake
        self._has_begun = False

    async def turn(self) -> datetime | None:
        """No pause is longer than it was to be; when to look again."""
        if not self._has_begun:
            await self._database.run(pauses.set_back, timedelta(), self._clock(), self._longest)
            self._has_begun = True
        step = self._steps.seen()
        if step:
            await self._mend(step)
            log.warning("clock_stepped", seconds=round(step.total_seconds(), 1))
            self._wake()
        self._steps.note(step)
        return self._clock() + LOOKS_EVERY

    async def _mend(self, step: timedelta) -> None:
        now = self._clock()
        if step < timedelta():
            await self._database.run(pauses.set_back, -step, now, self._longest)
        else:
            await self._database.run(
                pauses.set_forward, step, now, self._longest, self._steps.began_at
            )
