"""A breaker: what keeps failing is left alone for a while."""

from datetime import datetime, timedelta

FAILURES = 5
"""In a row, after which it opens."""

PAUSE = timedelta(seconds=10)


class Breaker:
    """Lets everything pass until too much failed in a row; then one try every `PAUSE`, until one of
    them succeeds."""

    def __init__(self) -> None:
        self._failures = 0
        self._tried_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether tries are held back."""
        return self._failures >= FAILURES

    def lets_pass(self, now: datetime) -> bool:
        """Whether it may be tried now. If so, it is: the others wait for what comes of it."""
        waits = (
            self.is_open and self._tried_at is not None and abs(now - self._tried_at) < PAUSE
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
