"""Grace: the time that an end may take, which can be cut short."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any


class Grace:
    """So much time, from the first wait on; or less, when somebody cuts it short."""

    def __init__(self, within: timedelta) -> None:
        self._seconds = within.total_seconds()
        self._ends_at: float | None = None
        self._cut = asyncio.Event()

    def cut(self) -> None:
        """It is over, whatever was left of it."""
        self._cut.set()

    async def wait(self, tasks: Collection["asyncio.Task[Any]"]) -> None:
        """All of these are done, or the time is over. None of them is cancelled."""
        if not tasks:
            return
        loop = asyncio.get_running_loop()
        if self._ends_at is None:
            self._ends_at = loop.time() + self._seconds
        waits = {loop.create_task(self._cut.wait()), loop.create_task(_all_done(tasks))}
        try:
            await asyncio.wait(
                waits,
                timeout=max(0.0, self._ends_at - loop.time()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for wait in waits:
                wait.cancel()


async def _all_done(tasks: Collection["asyncio.Task[Any]"]) -> None:
    await asyncio.wait(tasks)
