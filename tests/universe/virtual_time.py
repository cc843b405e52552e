"""An event loop in virtual time: whatever waits, waits no longer than it takes to say so."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

from typing_extensions import TypeVarTuple, Unpack, override

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Work = Coroutine[Any, Any, T] | Generator[Any, None, T]


class _Leap(selectors.SelectSelector):
    """Waiting for a time-out moves the clock instead."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        if timeout > 0:
            self.now += timeout
        return []


class NumberedTask(asyncio.Task[T]):
    """A task whose hash is a number and not an address: sets of tasks are walked through in the
    same order in every run."""

    number = 0

    @override
    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs tasks as asyncio does, one after the other and the same every time; its clock starts at
    0 and moves only when all tasks wait. What is for a thread is done at once, in this one."""

    def __init__(self) -> None:
        self._leap = _Leap()
        self._numbers = count(1)
        super().__init__(self._leap)
        # After half a year, seconds are not told apart as finely as asyncio expects.
        self._clock_resolution = 1e-6
        self.set_task_factory(lambda _, work: self.numbered(work))

    @override
    def time(self) -> float:
        return self._leap.now

    def numbered(self, work: Work[T]) -> NumberedTask[T]:
        """A task that does the work."""
        task = NumberedTask[T](work, loop=self)
        task.number = next(self._numbers)
        return task

    @override
    def run_in_executor(
        self, executor: Any, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def end(self) -> None:
        """Nothing runs any more."""
        for task in sorted(asyncio.all_tasks(self), key=hash):
            task.cancel()
        with suppress(asyncio.CancelledError):
            self.run_until_complete(asyncio.sleep(0))
        self.close()
