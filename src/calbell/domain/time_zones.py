"""Time zones by their IANA names."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone; `None` where nobody here knows it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_time_zone(name: str) -> bool:
    """Whether it is the IANA name of a time zone."""
    return name in _names()


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Reading them goes through hundreds of files."""
    return frozenset(available_timezones())
