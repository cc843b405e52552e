"""An event loop in virtual time: whatever waits, waits no longer than it takes to say so."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


class _Leap(selectors.SelectSelector):
    """Waiting for a time-out moves the clock instead."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs tasks as asyncio does, one after the other and the same every time; its clock starts at
    0 and moves only when all tasks wait."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    @override
    def time(self) -> float:
        return self._leap.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """The result of `main` in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
