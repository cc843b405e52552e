"""Receive: what Cal.com sends is checked for its signature and becomes something to take in."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import assert_never

import structlog

from calbell import telemetry
from calbell.calcom.signature import is_signed
from calbell.calcom.webhooks import Ignored, Understood, Unreadable, read
from calbell.flows.surroundings import Clock
from calbell.flows.take_in import Incoming, TakeIn, TakenIn
from calbell.store import events
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Database
from calbell.store.events import EventState, Refusal
from calbell.store.lists import Lists
from calbell.telemetry import Metrics

log = structlog.get_logger()

MOST_REFUSALS = 200
"""That wait to be noted; more are only counted and logged."""


class Receive:
    """Takes in every webhook that is signed with one of the secrets, and no other."""

    def __init__(
        self,
        take_in: TakeIn,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        secrets: Iterable[str],
    ) -> None:
        self._take_in = take_in
        self._clock = clock
        self._metrics = metrics
        self._secrets = tuple(secrets)
        self._note_refusal = Lists[Refusal, None](
            database,
            lambda connection, refusals: events.note_refusals(connection, refusals, clock()),
            keys=lambda _: (),
            size=MOST_REFUSALS,
            capacity=MOST_REFUSALS,
        )

    @property
    def knows_secrets(self) -> bool:
        """Whether anything could be signed well."""
        return bool(self._secrets)

    async def receive(self, body: bytes, signature: str | None) -> TakenIn | None:
        """The event and all that follows from it are committed. `None` if it was refused: then
        only when, why and how large it was is kept.

        What is signed is never refused, because Cal.com does not send it again: a body that nobody
        understands is kept whole.
        """
        if not is_signed(body, signature, self._secrets):
            reason = "no_signature" if signature is None else "bad_signature"
            await self._refuse(reason if self._secrets else "no_secret_configured", len(body))
            return None
        incoming = incoming_webhook(body, self._clock())
        taken = await self._take_in.take_in(incoming)
        trigger, state = labels(incoming, taken)
        self._metrics.events.labels(trigger, state).inc()
        if state is EventState.UNREADABLE:
            log.warning("webhook_unreadable", reason=incoming.reason, event_id=taken.event_id)
        else:
            log.info("webhook_taken", trigger=trigger, state=state, event_id=taken.event_id)
        return taken

    async def _refuse(self, reason: str, size: int) -> None:
        self._metrics.refusals.labels(reason).inc()
        log.warning("webhook_refused", reason=reason, size=size)
        try:
            await self._note_refusal(Refusal(reason, size))
        except StoreUnavailable as error:
            # Strangers must not be able to fill the line that signed webhooks wait in.
            log.warning("refusal_not_noted", **telemetry.described(error))


def labels(incoming: Incoming, taken: TakenIn) -> tuple[str, EventState]:
    """Under what an event is counted: its trigger, and what was made of it."""
    # A trigger that is not understood is a stranger's word and no label.
    trigger = incoming.trigger if incoming.event is not None else "other"
    return trigger, EventState.COPY if taken.duplicate else incoming.state


def incoming_webhook(body: bytes, now: datetime) -> Incoming:
    """The webhook as far as it can be read. Its bytes are its key: the same again is known."""
    body_hash = sha256(body).hexdigest()
    reading = read(body, received_at=now)
    match reading:
        case Understood(trigger, event):
            return Incoming(
                trigger=trigger,
                state=EventState.TAKEN,
                event=event,
                reason=None,
                key=f"body:{body_hash}",
                body_hash=body_hash,
                raw=body,
                sent_at=event.sent_at,
            )
        case Ignored(trigger):
            state, reason = EventState.IGNORED, None
        case Unreadable(reason):
            trigger, state = "", EventState.UNREADABLE
        case _:
            assert_never(reading)
    return Incoming(
        trigger=trigger,
        state=state,
        event=None,
        reason=reason,
        key=f"body:{body_hash}",
        body_hash=body_hash,
        raw=body,
        sent_at=now,
    )
