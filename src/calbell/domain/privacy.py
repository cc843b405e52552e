"""Privacy: how much of a booking is said where everybody may read it, on a lock screen."""

from enum import StrEnum


class Privacy(StrEnum):
    """What a push may say: everything; nobody's name; or only that something happened. The later
    one says less."""

    FULL = "full"
    NO_NAMES = "no_names"
    MINIMAL = "minimal"


_RANKS = {privacy: rank for rank, privacy in enumerate(Privacy)}


def stricter(one: Privacy, other: Privacy) -> Privacy:
    """Whichever says less."""
    return max(one, other, key=_RANKS.__getitem__)


def at_least(least: Privacy) -> tuple[Privacy, ...]:
    """Those that say no more than this one."""
    return tuple(privacy for privacy in Privacy if _RANKS[privacy] >= _RANKS[least])
