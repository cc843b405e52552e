"""A breaker: what keeps failing is left alone for a while."""

from datetime import datetime, timedelta

FAILURES = 5
"""In a row, after which it opens."""

PAUSE = timedelta(seconds=10)


class Breaker:
    """Lets everything pass until too much failed in a row; then one try every `pause`, until one of
    them succeeds."""

    def __init__(self, pause: timedelta = PAUSE) -> None:
        self._pause = pause
        self._failures = 0
        self._tried_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether tries are held back."""
        return self._failures >= FAILURES

    @property
    def has_failures(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    def next_try_at(self, now: datetime) -> datetime:
        """When something may pass again."""
        return now if self._tried_at is None else min(self._tried_at, now) + self._pause

    def lets_pass(self, now: datetime) -> bool:
        """Whether it may be tried now. If so, it is: the others wait for what comes of it."""
        waits = (
            self.is_open and self._tried_at is not None and abs(now - self._tried_at) < self._pause
        )  # `abs`: a clock that was set back must not hold tries back for longer
        if not waits:
            self._tried_at = now
        return not waits

    def succeeded(self) -> None:
        """Everything passes again."""
        self._failures = 0

    def failed(self) -> None:
        """One more failure in a row."""
        self._failures += 1
