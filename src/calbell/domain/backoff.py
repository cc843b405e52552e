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
        ceiling = min(self.longest, self.base * (1 << min(attempt - 1, 30)))
        return max(ceiling * chance, self.base / 10)


def receipt_look(first: timedelta, look: int) -> timedelta | None:
    """How long after its ticket to look for a receipt the `look`-th time (from 0).

    The first look is at `first`; a shorter first look than Expo's quarter of an hour is doubled up
    to it. `None` when there is no further look: the receipt will not come.
    """
    looks = _looks(first)
    return looks[look] if look < len(looks) else None


@lru_cache(maxsize=16)
def _looks(first: timedelta) -> tuple[timedelta, ...]:
    looks = [min(first, FIXED_LOOKS[-1])]
    doubled = 2 * max(first, SHORTEST_LOOK)
    while doubled < FIXED_LOOKS[0]:
        looks.append(doubled)
        doubled *= 2
    soonest = looks[-1]
    return (*looks, *(fixed for fixed in FIXED_LOOKS if fixed > soonest))
