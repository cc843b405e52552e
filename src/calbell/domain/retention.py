"""Retention: what is old enough to be forgotten, and how much of it at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

QUIET_FOR = timedelta(days=1)
"""A booking of which something new was heard within this time is kept, however long ago it ended:
its news lives for a day, and for as long the same event may come in again."""


class Horizon(Struct, frozen=True):
    """What ended before `over_before` is old enough; a booking also needs to have been `quiet`
    since then."""

    over_before: datetime
    quiet_since: datetime


def horizon(now: datetime, retention: timedelta) -> Horizon:
    """What is old enough now. Nothing is kept longer for being heard of than for being there."""
    return Horizon(now - retention, now - min(retention, QUIET_FOR))


class Portion(Struct, frozen=True):
    """Of a list: those that go whole, one that is too large to and is taken apart instead, and how
    many of the list were looked at (the others have to wait)."""

    whole: tuple[int, ...]
    large: int | None
    seen: int


def portion(weighed: Sequence[tuple[int, int | None]], room: int) -> Portion:
    """As many of the list (id and weight in rows, `None` for what is not finished and stays) as
    there is room for, in its order; one that has no room of its own goes apart, alone."""
    whole, left = list[int](), room
    for seen, (id_, weight) in enumerate(weighed):
        if weight is None:
            continue
        if weight > left:
            large = id_ if weight > room and not whole else None
            return Portion(tuple(whole), large, seen)
        whole.append(id_)
        left -= weight
    return Portion(tuple(whole), None, len(weighed))
