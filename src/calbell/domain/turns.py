"""Turns: who of those that are due leaves first where more is due than the pace allows.

What is due stands in one of two lines. Most of each request goes to the nearest deadlines of both:
whatever order could tell everything before it is stale, this one does too. A share goes to single
pushes, the newest first: so one that has just come does not wait for a backlog, however long.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum

from calbell.domain.notification import Planned
from calbell.domain.push_events import PushEvent

FEW = 10
"""To so many users an event may be told, and so much may one user be told at once, that it still
counts as single pushes and not as a burst."""

FOR_SINGLE = 5
"""One in so many of a request is for single pushes that have just come."""

MOST_SINGLE = 50
"""No more are for them in a claim of many requests, which is for who goes without a pace."""

NEWEST_LOOKED_AT = 500
"""Among so many of the newest single pushes one is found for each phone."""

_ONE_REQUEST = 100


class Line(IntEnum):
    """Where a queued delivery stands: in no line before it is due, in that of single pushes, or in
    that of everything else, where the nearest deadline counts."""

    NONE = 0
    SINGLE = 1
    BULK = 2


def line_of(planned: Planned, users_told: int, told_to_user: int) -> Line:
    """The line for what is said now, where the same event is told to so many users, and this user
    is told so much in the same moment. Reminders, and what quiet hours held back until a full hour,
    fall on the same moment for many: their deadline counts."""
    if planned.kind is PushEvent.BOOKING_REMINDER or planned.held:
        return Line.BULK
    return Line.SINGLE if max(users_told, told_to_user) <= FEW else Line.BULK


def looked_at(number: int) -> int:
    """Among how many of the newest single pushes those are found that leave with `number` others.
    Who goes without a pace takes many at once, and looks at fewer: nobody waits for long there."""
    return NEWEST_LOOKED_AT if number <= _ONE_REQUEST else 2 * MOST_SINGLE


def chosen(by_deadline: Sequence[int], newest: Iterable[tuple[int, int]], number: int) -> list[int]:
    """Which deliveries leave next, `number` of them where there are so many. `by_deadline` are the
    next ones by their deadlines; `newest` single ones (id, phone), the newest first: of each phone
    the newest one gets a place that is kept for them."""
    of_phones: dict[int, int] = {}
    for id_, phone_id in newest:
        of_phones.setdefault(phone_id, id_)
    fresh = list(of_phones.values())[: min(number // FOR_SINGLE, MOST_SINGLE)]
    kept = set(fresh)
    return [*fresh, *(id_ for id_ in by_deadline if id_ not in kept)][:number]
