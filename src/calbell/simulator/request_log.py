"""The requests that came in, and how many of them at once."""

from collections import deque
from collections.abc import Mapping

import msgspec

from calbell.simulator.projects import SendingWindow


class LoggedRequest(msgspec.Struct, frozen=True):
    """One request, and its answer's status where there was an answer; `body` is as it came, `at`
    in Unix seconds."""

    at: float
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None
    fault: str | None


class RequestLog:
    """The last `keep` requests; 0 keeps none."""

    def __init__(self, keep: int) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=keep)
        self._in_flight = 0
        self.max_parallel = 0
        self.max_per_second = 0
        self._second = SendingWindow()

    @property
    def entries(self) -> tuple[LoggedRequest, ...]:
        return tuple(self._entries)

    def note(self, entry: LoggedRequest) -> None:
        self._entries.append(entry)

    def arrived(self) -> None:
        """A request has begun to come in; `left` follows when its answer is out."""
        self._in_flight += 1
        self.max_parallel = max(self.max_parallel, self._in_flight)

    def offered(self, notifications: int, now: float) -> None:
        """A send request with so many has been read, whatever comes of it."""
        self.max_per_second = max(self.max_per_second, self._second.count(notifications, now))

    def left(self) -> None:
        self._in_flight -= 1

    def clear(self) -> None:
        """No entries; requests under way still count."""
        self._entries.clear()
        self.max_parallel = self._in_flight
        self.max_per_second = 0
        self._second = SendingWindow()
