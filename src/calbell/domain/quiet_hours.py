"""Quiet hours: when a user's phones are not rung."""

from datetime import time
from enum import StrEnum

from msgspec import Struct


class Weekday(StrEnum):
    """The days, in the order of `date.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class QuietHours(Struct, frozen=True, kw_only=True):
    """From `start` to `end` by the clock on the wall; where that is earlier, until the next day.

    They begin on these `weekdays`. Without a `time_zone` the clock is the user's own. `passive`:
    an iPhone shows news at once, without a sound, instead of hearing of it at the end.
    """

    start: time
    end: time
    weekdays: frozenset[Weekday] = frozenset(Weekday)
    time_zone: str | None = None
    passive: bool = False
