"""Privacy: how much of a booking is said where everybody may read it, on a lock screen."""

from enum import StrEnum


class Privacy(StrEnum):
    """What a push may say: everything; nobody's name; or only that something happened."""

    FULL = "full"
    NO_NAMES = "no_names"
    MINIMAL = "minimal"
