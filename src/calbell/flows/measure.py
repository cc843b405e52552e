"""Measure: what is read from the database for those who measure and warn."""

from datetime import datetime, timedelta

from calbell.domain.delivery import DeliveryState
from calbell.flows.trouble import troubles
from calbell.store import overview
from calbell.store.overview import Seen
from calbell.telemetry import Metrics

QUANTILES = (0.5, 0.95, 0.99)

LOOKS_BACK = timedelta(days=1)


def measure(metrics: Metrics, seen: Seen, now: datetime, *, hears_all: bool) -> None:
    """The gauges say what was seen. Those of times that are not known yet are 0."""
    metrics.held.set(len(seen.held))
    metrics.due.set(seen.depth.due)
    metrics.oldest_due.set(_seconds_since(seen.depth.oldest_due_at, now))
    metrics.sending.set(seen.sending)
    metrics.receipts_due.set(seen.receipts_due.due)
    metrics.oldest_receipt_due.set(_seconds_since(seen.receipts_due.oldest_due_at, now))
    metrics.last_event.set(_timestamp(seen.last_event_at))
    metrics.last_attempt.set(_timestamp(seen.last_attempt_at))
    metrics.unreadable.set(seen.unreadable)
    metrics.users.set(seen.users)
    metrics.database_bytes.set(seen.storage.size)
    metrics.phones.labels("alive").set(seen.phones)
    metrics.phones.labels("gone").set(seen.phones_gone)
    day = seen.tallied.total("deliveries", now - LOOKS_BACK)
    for delivery_state in DeliveryState:
        metrics.day.labels(delivery_state).set(day.get(delivery_state, 0))
    for share in QUANTILES:
        found = overview.quantile(seen.to_expo, share)
        metrics.to_expo.labels(str(share)).set(found.total_seconds() if found else 0)
    wrong = [one.is_urgent for one in troubles(seen, now, hears_all=hears_all)]
    metrics.troubles.labels("urgent").set(wrong.count(True))
    metrics.troubles.labels("mild").set(wrong.count(False))


def _seconds_since(at: datetime | None, now: datetime) -> float:
    return (now - at).total_seconds() if at is not None else 0.0


def _timestamp(at: datetime | None) -> float:
    return at.timestamp() if at is not None else 0.0
