"""How long to wait: between attempts, and until the next look for a receipt."""

from datetime import timedelta
from functools import lru_cache

from msgspec import Struct

FIXED_LOOKS = tuple(timedelta(minutes=m) for m in (15, 30, 60, 4 * 60, 12 * 60, 23 * 60))
"""When to look for a receipt, counted from the ticket (expo-push.md section 11). Expo forgets
receipts after 24 hours."""

SHORTEST_LOOK = timedelta(milliseconds=100)
"""What doubling starts from where the first look is sooner, or at once."""


class Backoff(Struct, frozen=True):
    """Doubling from `base`, never over `longest`, with full jitter."""

    base: timedelta
    longest: timedelta

    def pause(self, attempt: int, chance: float) -> timedelta:
        """The pause after attempt number `attempt` (from 1); `chance` is random in [0, 1).

        Full jitter, but never less than a tenth of the base: no retry follows at once.
        """
        return max(self.ceiling(attempt) * chance, self.base / 10)

    def ceiling(self, attempt: int) -> timedelta:
        """The longest pause there may be after attempt number `attempt`."""
        return min(self.longest, self.base * (1 << min(attempt - 1, 30)))


def receipt_look(first: timedelta, look: int) -> timedelta | None:
    """How long after its ticket to look for a receipt the `look`-th time (from 0).

    The first look is at `first`; a shorter first look than Expo's quarter of an hour is doubled up
    to it. `None` when there is no further look: the receipt will not come.
    """
    looks = _looks(first)
    return looks[look] if look < len(looks) else None


def next_look(first: timedelta, waited: timedelta) -> timedelta | None:
    """The same after a look that was in vain, so long after the ticket: the first one of the plan
    that is still to come."""
    return next((look for look in _looks(first) if look > waited), None)


@lru_cache(maxsize=16)
def _looks(first: timedelta) -> tuple[timedelta, ...]:
    looks = [min(first, FIXED_LOOKS[-1])]
    doubled = 2 * max(first, SHORTEST_LOOK)
    while doubled < FIXED_LOOKS[0]:
        looks.append(doubled)
        doubled *= 2
    soonest = looks[-1]
    return (*looks, *(fixed for fixed in FIXED_LOOKS if fixed > soonest))
