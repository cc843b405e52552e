"""The one life-cycle of all that runs in the background."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from calbell import telemetry
from calbell.flows.surroundings import Clock
from calbell.store.connection import StoreUnavailable

log = structlog.get_logger()

SHORTEST_SLEEP = timedelta(milliseconds=2)
AFTER_FAILURE = (timedelta(seconds=1), timedelta(seconds=30))


class Loop:
    """Takes a turn when woken and when the last turn said that something will be due, and at the
    latest after `longest`. It never polls hot, and a turn that fails is taken again, later."""

    def __init__(self, name: str, clock: Clock, *, longest: timedelta) -> None:
        self.name = name
        self._clock = clock
        self._longest = longest
        self._wake = asyncio.Event()
        self._sleeps_until: datetime | None = None
        self._stopping = False
        self._failures = 0

    def wake(self) -> None:
        """The next turn starts now, or right after the present one."""
        self._wake.set()

    def look_by(self, at: datetime) -> None:
        """The next turn starts then at the latest."""
        if self._sleeps_until is None or at < self._sleeps_until:
            self._wake.set()

    def stop(self) -> None:
        """`run` returns when the present turn is over. A turn that is cancelled instead may have
        claimed what nobody will send."""
        self._stopping = True
        self._wake.set()

    async def run(self, turn: Callable[[], Awaitable[datetime | None]]) -> None:
        """Take turns until stopped. A turn returns when it has work again; `None`: not until
        woken."""
        while not self._stopping:
            self._wake.clear()
            self._sleeps_until = None
            pause = await self._take(turn)
            self._sleeps_until = self._clock() + pause
            try:
                async with asyncio.timeout(pause.total_seconds()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _take(self, turn: Callable[[], Awaitable[datetime | None]]) -> timedelta:
        try:
            due_at = await turn()
        except Exception as error:
            first, longest = AFTER_FAILURE
            pause = min(first * (1 << min(self._failures, 10)), longest)
            self._failures += 1
            if not isinstance(error, StoreUnavailable) or self._failures == 1:
                # That the database is down is said once, by the database.
                log.error("loop_failed", loop=self.name, **telemetry.described(error))
            return pause
        self._failures = 0
        if due_at is None:
            return self._longest
        return min(max(due_at - self._clock(), SHORTEST_SLEEP), self._longest)
