"""The story of a universe: a line for each thing that happened."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from zlib import crc32

from typing_extensions import override

LINES = 60


class Chronicle:
    """Remembers the last things that happened, and gives each of them to `listener` as well."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._last = deque[tuple[datetime, str]](maxlen=LINES)
        self.listener: Callable[[str], None] | None = None
        self.number = 0
        self._sum = 0

    def tell(self, what: str) -> None:
        """It is part of the story."""
        self.number += 1
        entry = self._clock(), what
        self._sum = crc32(_line(entry).encode(), self._sum)
        self._last.append(entry)
        if self.listener is not None:
            self.listener(_line(entry))

    @property
    def trace(self) -> str:
        """The same for the same story."""
        return f"{self.number} lines, {self._sum:08x}"

    @override
    def __str__(self) -> str:
        """The last lines of the story."""
        return "\n".join(map(_line, self._last))


def _line(entry: tuple[datetime, str]) -> str:
    at, what = entry
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}  {what}"
