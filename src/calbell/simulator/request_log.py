"""The requests that came in, and how many of them at once."""

from collections import deque
from collections.abc import Mapping

import msgspec


class LoggedRequest(msgspec.Struct, frozen=True):
    """One request with its answer's status; `body` is as it came, `at` in Unix seconds."""

    at: float
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    fault: str | None


class RequestLog:
    """The last `keep` requests; 0 keeps none."""

    def __init__(self, keep: int) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=keep)
        self._in_flight = 0
        self.max_parallel = 0

    @property
    def entries(self) -> tuple[LoggedRequest, ...]:
        return tuple(self._entries)

    def note(self, entry: LoggedRequest) -> None:
        self._entries.append(entry)

    def arrived(self) -> None:
        """A request has begun to come in; `left` follows when its answer is out."""
        self._in_flight += 1
        self.max_parallel = max(self.max_parallel, self._in_flight)

    def left(self) -> None:
        self._in_flight -= 1

    def clear(self) -> None:
        """No entries; requests under way still count."""
        self._entries.clear()
        self.max_parallel = self._in_flight
