"""Unit costs: what one of everything costs, with where each figure is from.

Two sources. *performance*: docs/explanation/performance.md, PostgreSQL, "of the median run", both
figures added up; CPU of Calbell's own processes with all that is around: HTTP, signatures, JSON,
words. *costs*: `python -m bench.costs` of 2026-11-26, 20,000 deliveries, on two cores of an AMD
EPYC that others used too, so that its CPU is too high rather than too low.
"""

from collections.abc import Mapping

from msgspec import Struct

from bench.figures import Engine


class Work(Struct, frozen=True, kw_only=True):
    """What one thing costs: CPU of Calbell's processes, CPU of PostgreSQL's, both in microseconds,
    and bytes of PostgreSQL's log."""

    own: float
    server: float
    log: float


LAYERS = 93
"""performance: what a registration cost the layers below Calbell, alone, in the same runs. It says
how fast the machine was."""

REGISTRATION = Work(own=152 - 55 + 429, server=416, log=755)
"""performance, with the unit alone instead of in lists; costs, alone."""
WEBHOOK = Work(own=428 - 212 + 2160, server=2916, log=7990)
"""The same. It tells two phones and plans their reminders."""
SENT = Work(own=59, server=80, log=1628)
"""A delivery. performance; costs."""
RELEASED = Work(own=47, server=115, log=1903)
"""A reminder, of one and a third deliveries. costs for both: the process does nothing but that."""
RECEIPT = Work(own=30, server=48, log=1582)
"""costs for both, and 5 µs for a thousandth of a request to Expo: estimated."""

REGISTRATION_IN_LISTS = Work(own=152, server=72, log=995)
"""performance; costs, of 32 at once. All of them new."""
WEBHOOK_IN_LISTS = Work(own=428, server=296, log=7869)
"""performance; costs, of 32 at once."""
IN_A_LIST = 32

FORGETTING = 0.25
"""Of what making, sending and settling costs: docs/decisions/0023-retention-goes-by-rows.md."""

BODY_IN_COSTS = 1538
"""Bytes of the bodies that *costs* was measured with; they are part of a row of `events`."""

ROW_BYTES: Mapping[Engine, Mapping[str, float]] = {
    Engine.SQLITE: {
        "users": 74,
        "addresses": 90,
        "api_keys": 205,
        "phones": 228,
        "subscriptions": 79,
        "bookings": 560,
        "events": 2109,
        "event_keys": 265,
        "notifications": 526,
        "deliveries": 140,
        "attempts": 93,
    },
    Engine.POSTGRESQL: {
        "users": 197,
        "addresses": 229,
        "api_keys": 418,
        "phones": 489,
        "subscriptions": 207,
        "bookings": 762,
        "events": 2176,
        "event_keys": 354,
        "notifications": 834,
        "deliveries": 476,
        "attempts": 330,
    },
}
"""costs: bytes of a row with its share of the table's indexes, as they lie (with the room that
changes left, between one vacuum and the next)."""
