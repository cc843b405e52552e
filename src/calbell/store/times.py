"""Times inside the store: integers, milliseconds since 1970 in UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """The stored form of an aware time; what is finer than a millisecond is cut off."""
    return (at - _EPOCH) // _MILLISECOND


def span_ms(span: timedelta) -> int:
    """The stored form of a span, cut to whole milliseconds."""
    return span // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The aware time, in UTC, that is stored as `ms`."""
    return _EPOCH + timedelta(milliseconds=ms)


def maybe_from_ms(ms: int | None) -> datetime | None:
    """The same where there may be none."""
    return None if ms is None else from_ms(ms)


def maybe_to_ms(at: datetime | None) -> int | None:
    """The stored form where there may be none."""
    return None if at is None else to_ms(at)
