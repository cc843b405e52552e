"""The condition of the database: whether units of work fail, since when, and why."""

import threading
from collections.abc import Callable

import structlog

from calbell.store.connection import StoreDamaged, StoreUnavailable, TryAgain

log = structlog.get_logger()

QUIET_SECONDS = 1.0
"""So long before a proof nothing may have failed, for it to count."""

SAID_EVERY_SECONDS = 60.0
"""The same trouble is logged no more often, should it come and go."""


class Condition:
    """What the database's threads find, told once: `database_down` when work begins to fail, and
    `database_up` when it was proven that it does not any more.

    Damage to the file stays until the process ends: some work fails and some does not, and that
    wants an operator.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._since = 0.0
        self._failed_at = 0.0
        self._said: dict[str, float] = {}
        self._is_damaged = False
        self._was_said = False
        self.reason: str | None = None

    def failed(self, error: BaseException) -> None:
        """A unit of work came back with this error."""
        if not isinstance(error, StoreUnavailable) or isinstance(error, TryAgain):
            return
        with self._lock:
            now = self._failed_at = self._monotonic()
            if self._is_damaged or error.reason == self.reason:
                return
            if self.reason is None:
                self._since, self._was_said = now, False
            self._is_damaged = isinstance(error, StoreDamaged)
            self.reason = error.reason
            if now - self._said.get(error.reason, -SAID_EVERY_SECONDS) < SAID_EVERY_SECONDS:
                return
            self._said[error.reason] = now
            self._was_said = True
        log.error("database_down", reason=error.reason, detail=str(error))

    def proven(self, began_at: float) -> bool:
        """A proof that began then went well; whether a trouble is over by it."""
        with self._lock:
            if self.reason is None or self._is_damaged:
                return False
            if self._failed_at > began_at - QUIET_SECONDS:
                return False
            self.reason = None
            seconds = round(self._monotonic() - self._since, 1)
            if not self._was_said:
                return True
        log.info("database_up", seconds=seconds)
        return True
