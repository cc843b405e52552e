"""The request limit: windows of a minute, and a block of a minute for who asks more often."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from math import ceil

from msgspec import Struct

SPAN = timedelta(minutes=1)
"""Of a window, and of the block that follows where it was not enough (cal-api.md section 8)."""

MOST_BUCKETS = 100_000
"""That are remembered. When more ask within a minute, those who have waited longest begin anew."""


class Allowance(Struct, frozen=True):
    """What a bucket is left: `remaining` requests for `reset_seconds`. `is_refused`: this one was
    too many."""

    limit: int
    remaining: int
    reset_seconds: int
    is_refused: bool


class _Span(Struct):
    """A window, or a block if `asked` is over the limit."""

    ends_at: datetime
    asked: int


class RequestLimit:
    """Counts requests by bucket, in this process alone. Whoever asks once too often is refused for
    a minute; asking on makes the minute no longer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # In the order in which they end: all spans are equally long, and a block is put last.
        self._spans: dict[Hashable, _Span] = {}

    def spend(self, bucket: Hashable, now: datetime) -> Allowance:
        """One more request of this bucket was asked."""
        span = self._current(bucket, now)
        if span is None:
            span = self._begin(bucket, now, asked=1)
        elif span.asked < self._limit:
            span.asked += 1
        elif span.asked == self._limit:
            span = self._begin(bucket, now, asked=self._limit + 1)
        return Allowance(
            self._limit,
            max(self._limit - span.asked, 0),
            ceil((span.ends_at - now).total_seconds()),
            span.asked > self._limit,
        )

    def give_back(self, bucket: Hashable, now: datetime) -> None:
        """A request that was spent since then does not count."""
        span = self._spans.get(bucket)
        if span is not None and 0 < span.asked <= self._limit and now < span.ends_at:
            span.asked -= 1

    def is_blocked(self, bucket: Hashable, now: datetime) -> bool:
        """Whether the next request of this bucket will be refused."""
        span = self._current(bucket, now)
        return span is not None and span.asked >= self._limit

    def _current(self, bucket: Hashable, now: datetime) -> _Span | None:
        span = self._spans.get(bucket)
        # A clock that was set back must not make a minute longer.
        return span if span is not None and now < span.ends_at <= now + SPAN else None

    def _begin(self, bucket: Hashable, now: datetime, *, asked: int) -> _Span:
        self._spans.pop(bucket, None)
        while self._spans:
            oldest = next(iter(self._spans))
            if len(self._spans) < MOST_BUCKETS and self._current(oldest, now) is not None:
                break
            del self._spans[oldest]
        span = self._spans[bucket] = _Span(now + SPAN, asked)
        return span
