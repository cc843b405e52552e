"""Sightings: whether a phone that Expo calls gone is believed to be.

Now and then Expo calls many phones gone that are not (expo/expo#1745). Then they are only doubted:
a phone is dead when Expo still says so a day later.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from calbell.domain.backoff import Backoff

CONFIRMED_AFTER: Final = timedelta(days=1)
ASKED_AGAIN: Final = Backoff(timedelta(minutes=10), timedelta(hours=2))
"""How long what is to be said to a doubted phone waits before it is tried again."""

WAVE_SPAN: Final = timedelta(minutes=15)
WAVE_LEAST: Final = 20
WAVE_SHARE: Final = 0.5
WAVE_NEWEST: Final = 2_000
"""Of so many phones, the newest, it is asked whether they are a wave: one shows at once, however
much went well before it."""


class Sighting(Enum):
    """What it means for a phone that Expo calls it gone."""

    DOUBTED = "doubted"
    GONE = "gone"


def sighting(*, in_wave: bool, suspected_at: datetime | None, asked_at: datetime) -> Sighting:
    """What it means that Expo, asked then, called a phone gone."""
    if not in_wave:
        return Sighting.GONE
    confirmed = suspected_at is not None and asked_at - suspected_at >= CONFIRMED_AFTER
    return Sighting.GONE if confirmed else Sighting.DOUBTED


def is_wave(heard: Iterable[tuple[int, int]]) -> bool:
    """Whether so many phones gone are a fault of Expo's rather than people who left. `heard` are
    answers about one project's phones within `WAVE_SPAN`, the newest first: about how many, and how
    many of them are gone. The last few answers may be a wave, or the last many."""
    answered = gone = 0
    for number, of_them in heard:
        answered += number
        gone += of_them
        if gone >= WAVE_LEAST and gone >= WAVE_SHARE * answered:
            return True
        if answered >= WAVE_NEWEST:
            return False
    return False
