"""The projects at Expo, and how many notifications a second each of them may send."""

from collections import deque

import msgspec

RATE_LIMIT = 600
"""Notifications per second and project (expo-push.md section 13)."""


class Project(msgspec.Struct, frozen=True):
    """An app at Expo; `rate_limit` 0 means no limit."""

    name: str
    rate_limit: int = RATE_LIMIT


class SendingWindow:
    """The notifications of a project within the last second, which slides (S28)."""

    __slots__ = ("_admitted", "_total")

    def __init__(self) -> None:
        self._admitted: deque[tuple[float, int]] = deque()
        self._total = 0

    def admits(self, count: int, limit: int, now: float) -> bool:
        """Whether `count` more fit; if so they are counted, and else none of them is."""
        if not limit:
            return True
        while self._admitted and self._admitted[0][0] <= now - 1.0:
            self._total -= self._admitted.popleft()[1]
        if self._total + count > limit:
            return False
        self._admitted.append((now, count))
        self._total += count
        return True
