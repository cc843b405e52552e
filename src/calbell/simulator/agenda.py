"""What is to happen at a later time of the service's own clock."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Act = Callable[[float], None]
"""Something that happens, told when it was due."""


class Agenda:
    """Acts in the order of their times, and of their coming where the times are the same."""

    __slots__ = ("_acts", "_numbers")

    def __init__(self) -> None:
        self._acts: list[tuple[float, int, Act]] = []
        self._numbers = count()

    def add(self, due_at: float, act: Act) -> None:
        heappush(self._acts, (due_at, next(self._numbers), act))

    def catch_up(self, now: float) -> None:
        """Everything that is due by now has happened, also what that brought about."""
        while self._acts and self._acts[0][0] <= now:
            due_at, _, act = heappop(self._acts)
            act(due_at)
