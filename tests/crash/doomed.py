"""Calbell, doomed: `python -m tests.crash.doomed --die-at after_claim:3 -- serve --port=0`.

The program is the real one and knows nothing of it: the one call of a named point is counted from
outside, and at the n-th the process kills itself with SIGKILL, which nobody can handle. On stdout
it says where, just before.
"""

import asyncio
import inspect
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from threading import Lock
from typing import Any

from tests.crash.points import POINTS, Moment, Point

A_MOMENT = 0.01
"""Seconds until a request that was written has left, and its answer has not come yet."""


class Toll:
    """Counts passes; the n-th is the last. Calls come from the loop and from database threads."""

    def __init__(self, name: str, number: int) -> None:
        self._name = name
        self._left = number
        self._lock = Lock()

    def pass_by(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.die()

    def pass_by_soon(self) -> None:
        """It dies in a moment, should this be the n-th pass."""
        self._left -= 1
        if self._left == 0:
            asyncio.get_running_loop().call_later(A_MOMENT, self.die)

    def die(self) -> None:
        os.write(sys.stdout.fileno(), f"{self._name}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


def doom(point: Point, toll: Toll) -> None:
    """From now on the calls of this point are counted."""
    module, _, path = point.where.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    setattr(owner, name, deadly(getattr(owner, name), point, toll))


def deadly(call: Callable[..., Any], point: Point, toll: Toll) -> Callable[..., Any]:
    """The same call, counted."""

    def concerns(arguments: tuple[object, ...]) -> bool:
        return not point.about or point.about in repr(arguments[0])

    @wraps(call)
    async def later(*arguments: Any, **named: Any) -> Any:
        counts = concerns(arguments)
        if counts and point.moment is Moment.BEFORE:
            toll.pass_by()
        if counts and point.moment is Moment.DURING:
            toll.pass_by_soon()
        result = await call(*arguments, **named)
        if counts and point.moment is Moment.AFTER:
            toll.pass_by()
        return result

    @wraps(call)
    def at_once(*arguments: Any, **named: Any) -> Any:
        if concerns(arguments) and point.moment is Moment.BEFORE:
            toll.pass_by()
        result = call(*arguments, **named)
        if concerns(arguments) and point.moment is Moment.AFTER:
            toll.pass_by()
        return result

    return later if inspect.iscoroutinefunction(call) else at_once


def main() -> None:
    """Run the command after `--`, until it dies at the point named before it."""
    _, flag, where, dashes, *words = sys.argv
    assert (flag, dashes) == ("--die-at", "--"), __doc__
    name, _, number = where.partition(":")
    doom(POINTS[name], Toll(name, int(number)))
    sys.argv = ["calbell", *words]
    from calbell.__main__ import main as calbell

    calbell()


if __name__ == "__main__":
    main()
