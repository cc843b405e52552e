"""Steps: a clock that is set, as seen by one that only passes."""

from datetime import datetime, timedelta

from calbell.flows.surroundings import Clock

SMALLEST = timedelta(seconds=2)
"""What is less, no pause here minds: clocks are adjusted by a little all the time."""


class Steps:
    """How far the clock was set since that was last taken note of."""

    def __init__(self, clock: Clock, steady: Clock) -> None:
        self._clock = clock
        self._steady = steady
        self._level = clock() - steady()
        self._began_at = steady()

    @property
    def began_at(self) -> datetime:
        """When this process began, by the clock as it was when note was last taken."""
        return self._began_at + self._level

    def seen(self) -> timedelta:
        """The step that nobody has taken note of; 0 where there is none, forward more than 0."""
        step = self._clock() - self._steady() - self._level
        return step if abs(step) >= SMALLEST else timedelta()

    def note(self, step: timedelta) -> None:
        """This step is dealt with; what was less than a step is forgotten as well."""
        self._level += step
        if not self.seen():
            self._level = self._clock() - self._steady()
