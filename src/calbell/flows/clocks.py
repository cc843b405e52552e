"""Clocks: where the time comes from."""

import time
from datetime import UTC, datetime, timedelta

from calbell.flows.loop import Loop
from calbell.store.database import Database
from calbell.store.engines import time_of


def system_clock() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


class SteadyClock:
    """This machine's time when it was made, and from then on only what has passed: nobody sets it.
    For what is counted in spans, as what is remembered for a few seconds."""

    def __init__(self) -> None:
        self._at_zero = time.time() - time.monotonic()

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._at_zero + time.monotonic(), UTC)


class SharedClock:
    """The database's time, kept by this machine's monotonic clock between measurements.

    So all processes around one PostgreSQL agree about leases and due times within a few
    milliseconds, whatever their own clocks say or jump to.
    """

    MEASURED_EVERY = timedelta(minutes=1)
    AGAIN_AFTER = timedelta(seconds=5)
    TRUSTED_SECONDS = 0.5
    """A measurement that took longer tells less than the one before it."""

    def __init__(self) -> None:
        self._at_zero = time.time() - time.monotonic()
        self._was_measured = False

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._at_zero + time.monotonic(), UTC)

    async def measure(self, database: Database) -> datetime:
        """The clock agrees with the database's; when to measure again. A database that hangs for
        seconds does not move it: leases would run out early."""
        at_zero, seconds = await database.read(time_of, time.monotonic)
        if self._was_measured and seconds > self.TRUSTED_SECONDS:
            return self() + self.AGAIN_AFTER
        self._at_zero, self._was_measured = at_zero, True
        return self() + self.MEASURED_EVERY


def measuring_loop(clock: SharedClock) -> Loop:
    """The loop in which a shared clock is measured."""
    return Loop("clock", clock, longest=SharedClock.MEASURED_EVERY)
