"""Hear: what other systems tell of bookings becomes something to take in."""

from hashlib import sha256

import structlog
from msgspec import structs

from calbell.domain.events import BookingEvent
from calbell.flows.receive import labels
from calbell.flows.take_in import Incoming, TakeIn, TakenIn
from calbell.store.events import EventState
from calbell.telemetry import Metrics

log = structlog.get_logger()

PLAIN = "plain:"
CHOSEN = "idempotency:"
"""How keys of events begin: of those in the plain form, and of those whose sender chose a key."""


class Hear:
    """Takes in what those tell who may tell events."""

    def __init__(self, take_in: TakeIn, metrics: Metrics) -> None:
        self._take_in = take_in
        self._metrics = metrics

    async def hear(self, incoming: Incoming) -> TakenIn | None:
        """The event and all that follows from it are committed. `None` if its key is that of
        another body: then nothing of it is kept."""
        taken = await self._take_in.take_in(incoming)
        if taken.is_other:
            log.warning("event_key_reused", event_id=taken.event_id)
            return None
        trigger, state = labels(incoming, taken)
        self._metrics.events.labels(trigger, state).inc()
        log.info("event_taken", trigger=trigger, state=state, event_id=taken.event_id)
        return taken


def plain_key(body: bytes, chosen: str | None) -> str:
    """What makes an event in the plain form known again: the key that its sender chose, else its
    bytes. These are not the key that a webhook with the same bytes has: nothing was made of it.
    """
    return f"{PLAIN}{sha256(body).hexdigest()}" if chosen is None else _own(chosen)


def incoming_plain(body: bytes, event: BookingEvent, key: str) -> Incoming:
    """What a body in the plain form tells, under the name of its news."""
    assert event.fact is not None
    return Incoming(
        trigger=event.fact.kind,
        state=EventState.TAKEN,
        event=event,
        reason=None,
        key=key,
        body_hash=sha256(body).hexdigest(),
        raw=body,
        sent_at=event.sent_at,
    )


def under(chosen: str | None, incoming: Incoming) -> Incoming:
    """The same, known again by the key that its sender chose, if he chose one."""
    return incoming if chosen is None else structs.replace(incoming, key=_own(chosen))


def _own(chosen: str) -> str:
    return f"{CHOSEN}{chosen}"
