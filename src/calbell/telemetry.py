"""Names of what can be watched: metrics, and the form of log lines.

No token, key, secret, name or address of a person ever becomes a label or a log field; a phone is
shown by a short hash.
"""

import logging
import math
import sys
import time
import traceback
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TextIO, cast

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from typing_extensions import override

from calbell.domain.holds import EVERY_PROJECT, Scope, ShownBy
from calbell.domain.outcomes import (
    AllBarred,
    AllLater,
    AllUnclear,
    Answer,
    Delivered,
    Gone,
    Later,
    MixedProjects,
    Receipt,
    Refused,
    Tickets,
    WholeRefused,
)

_ANSWERS: dict[type[Answer], str] = {
    Tickets: "tickets",
    WholeRefused: "refused",
    MixedProjects: "mixed_projects",
    AllLater: "later",
    AllBarred: "barred",
    AllUnclear: "unclear",
}
_RECEIPTS: dict[type[Receipt], str] = {
    Delivered: "delivered",
    Gone: "gone",
    Refused: "refused",
    Later: "later",
}


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "calbell_events",
            "Events taken in, by trigger and by what was made of them.",
            ("trigger", "state"),
            registry=self.registry,
        )
        self.refusals = Counter(
            "calbell_refusals", "Webhooks refused.", ("reason",), registry=self.registry
        )
        self.spooled = Counter(
            "calbell_spooled",
            "Webhooks kept in files because the database could not take them.",
            registry=self.registry,
        )
        self.repaired = Counter(
            "calbell_reconcile_repaired",
            "Events that no webhook brought and a comparison with Cal.com's bookings did.",
            registry=self.registry,
        )
        self.registrations = Counter(
            "calbell_registrations", "Phones registered, new or again.", registry=self.registry
        )
        self.requests = Counter(
            "calbell_expo_requests", "Send requests by answer.", ("answer",), registry=self.registry
        )
        self.request_seconds = Histogram(
            "calbell_expo_request_seconds",
            "Duration of a send request.",
            registry=self.registry,
        )
        self.batch = Histogram(
            "calbell_expo_batch",
            "Notifications in a send request.",
            buckets=(1, 2, 5, 10, 20, 50, 99, 100),
            registry=self.registry,
        )
        self.attempts = Counter(
            "calbell_attempts",
            "Attempts to send a delivery, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        self.possibly_doubled = Counter(
            "calbell_possibly_doubled",
            "Tickets of deliveries that may have been sent before: under the same key, so that a "
            "phone shows one.",
            registry=self.registry,
        )
        self.receipts = Counter(
            "calbell_receipts", "Receipts by outcome.", ("outcome",), registry=self.registry
        )
        self.withheld = Counter(
            "calbell_withheld",
            "Deliveries that were due and found not to be sent any more, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.notices = Counter(
            "calbell_notices",
            "Attempts to send a notice to the program at CALBELL_CALLBACK_URL.",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self._watched()

    def _watched(self) -> None:
        """What is read from the database when somebody asks; every process says the same."""

        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(name, about, labels, registry=self.registry)

        self.due = gauge("calbell_due_deliveries", "Deliveries due and not sent.")
        self.oldest_due = gauge(
            "calbell_oldest_due_seconds", "How long the oldest due delivery has waited."
        )
        self.sending = gauge("calbell_sending_deliveries", "Deliveries on their way to Expo.")
        self.held = gauge(
            "calbell_held", "Holds: projects and platforms whose credentials are broken."
        )
        self.receipts_due = gauge(
            "calbell_due_receipts", "Receipts that should have been asked for by now."
        )
        self.oldest_receipt_due = gauge(
            "calbell_oldest_due_receipt_seconds", "How late the oldest of them is."
        )
        self.last_event = gauge(
            "calbell_last_event_timestamp_seconds", "When the last event came in; 0: none yet."
        )
        self.last_attempt = gauge(
            "calbell_last_attempt_timestamp_seconds",
            "When a delivery was sent last, whatever came of it; 0: none yet.",
        )
        self.to_expo = gauge(
            "calbell_event_to_expo_seconds",
            "From an event to the request at Expo, of the newest two thousand attempts.",
            "quantile",
        )
        self.unreadable = gauge(
            "calbell_unreadable_events", "Events that could not be understood and are kept."
        )
        self.users = gauge("calbell_users", "Users.")
        self.phones = gauge("calbell_phones", "Registered phones.", "state")
        self.day = gauge(
            "calbell_day_deliveries",
            "Deliveries made within a day, by how they stand, counted every minute.",
            "state",
        )
        self.database_bytes = gauge(
            "calbell_database_bytes", "What the database takes, without its log."
        )
        self.troubles = gauge(
            "calbell_troubles",
            "What the console says is wrong; urgent: somebody is not told because of it.",
            "urgency",
        )

    def sent(self, answer: Answer, size: int, seconds: float) -> None:
        """A send request of `size` notifications was answered after `seconds`."""
        self.requests.labels(_ANSWERS[type(answer)]).inc()
        self.batch.observe(size)
        self.request_seconds.observe(seconds)

    def withhold(self, reasons: Mapping[str, int]) -> None:
        """So many deliveries were found not to be sent, by reason."""
        for reason, number in reasons.items():
            self.withheld.labels(reason).inc(number)

    def attempted(self, outcomes: Iterable[str]) -> None:
        """Attempts came to this."""
        for outcome, number in Counts(outcomes).items():
            self.attempts.labels(outcome).inc(number)

    def received(self, receipts: Iterable[Receipt]) -> None:
        """These receipts came back; those that are missing are not counted."""
        names = (_RECEIPTS.get(type(receipt)) for receipt in receipts)
        for name, number in Counts(name for name in names if name is not None).items():
            self.receipts.labels(name).inc(number)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


def described(error: BaseException) -> dict[str, object]:
    """What a log line says of an error: its kind and where it came from, and its message only where
    that is our own. Those of libraries may quote rows, and rows hold tokens and names."""
    ours = type(error).__module__.startswith("calbell.")
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return {
        "error": type(error).__name__,
        "detail": str(error) if ours else None,
        "where": [f"{frame.name}:{frame.lineno}" for frame in frames],
    }


def described_in(record: logging.LogRecord) -> dict[str, object]:
    """The same of the error that a library logged, if it was one. Not its traceback: what a
    library's error says may quote a row."""
    error = record.exc_info[1] if record.exc_info else None
    return {} if error is None else described(error)


def of_scope(scope: Scope) -> dict[str, object]:
    """What a log line says of credentials that are broken, and what to do."""
    every = scope.project_id == EVERY_PROJECT
    return {
        "project": "every" if every else scope.project_id,
        "platform": scope.platform or "both",
        "remedy": "mend CALBELL_EXPO_ACCESS_TOKEN"
        if scope.shown_by is ShownBy.REQUEST
        else "mend the push credentials of the app at Expo",
    }


class Seldom:
    """Of lines that would repeat, which are said: of each kind the first, and then one a minute.

    `seconds` is a clock that only passes.
    """

    EVERY_SECONDS = 60.0
    MOST_KINDS = 100

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._said: dict[str, float] = {}

    def says(self, kind: str) -> bool:
        """Whether a line of this kind is said now."""
        now = self._seconds()
        if now - self._said.get(kind, -math.inf) < self.EVERY_SECONDS:
            return False
        if len(self._said) >= self.MOST_KINDS:
            self._said.clear()
        self._said[kind] = now
        return True


class _Steadfast:
    """A stream for logs that cannot be written at times: a full disk must not end what is logged
    about it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """The text is written, or lost."""
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """The same of what was not written yet."""
        with suppress(OSError):
            self._stream.flush()


class Libraries(logging.Handler):
    """What a library logs becomes a line of ours: whose it is, and which error. Its words are left
    out, because they may quote a row or a request."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        said = described_in(record)
        structlog.get_logger().log(record.levelno, "library", name=record.name, **said)


def _encoded(event: object, **_: object) -> str:
    """The line as JSON; what JSON has no form for is said as text."""
    return msgspec.json.encode(event, enc_hook=str).decode()


def configure_logs(*, as_json: bool, level: str) -> None:
    """From now on one line per thing that happens goes to stderr, as JSON or for a terminal."""
    logging.getLogger().handlers = [Libraries(logging.WARNING)]
    renderer = (
        structlog.processors.JSONRenderer(serializer=_encoded)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Steadfast(sys.stderr))),
        cache_logger_on_first_use=True,
    )
