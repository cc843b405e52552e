"""Receive: what Cal.com sends is checked for its signature and becomes something to take in."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import assert_never

import structlog
from msgspec import Struct, structs

from calbell import telemetry
from calbell.calcom.signature import is_signed
from calbell.calcom.webhooks import Ignored, Understood, Unreadable, read
from calbell.flows.sources import Sources
from calbell.flows.spool import Spool
from calbell.flows.surroundings import Clock
from calbell.flows.take_in import Incoming, TakeIn, TakenIn
from calbell.store import events
from calbell.store.connection import MissingReference, StoreUnavailable
from calbell.store.database import Database
from calbell.store.events import EventState, Refusal
from calbell.store.lists import Lists
from calbell.telemetry import Metrics

log = structlog.get_logger()

MOST_REFUSALS = 200
"""That wait to be noted; more are only counted and logged."""


PATIENCE_SECONDS = 5.0
"""How long a webhook that can wait in a file waits for the database instead: whoever sent it does
not wait for long."""

STAND_IN = "signs nothing"
"""Compared with where there is no secret, so that it takes as long."""


class Door(Struct, frozen=True):
    """Where a webhook came in: what it may be signed with there, and the source that it came from,
    where it is one."""

    secrets: tuple[str, ...]
    source_id: int | None = None


class Receive:
    """Takes in every webhook that is signed with one of the secrets of its path, and no other."""

    def __init__(
        self,
        take_in: TakeIn,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        secrets: Iterable[str],
        sources: Sources,
        spool: Spool | None = None,
    ) -> None:
        self._take_in = take_in
        self._sources = sources
        self._spool = spool
        self._clock = clock
        self._metrics = metrics
        self._secrets = tuple(secrets)
        self._seldom = telemetry.Seldom()
        self._note_refusal = Lists[Refusal, None](
            database,
            lambda connection, refusals: events.note_refusals(connection, refusals, clock()),
            keys=lambda _: (),
            size=MOST_REFUSALS,
            capacity=MOST_REFUSALS,
        )

    @property
    def knows_secrets(self) -> bool:
        """Whether anything could be signed well on the path that is nobody's own."""
        return bool(self._secrets)

    async def receive(
        self, body: bytes, signature: str | None, path: str | None = None
    ) -> TakenIn | None:
        """The event and all that follows from it are committed, or it is in the spool, if there is
        one, and will be. `None` if it was refused: then only when, why and how large it was is
        kept. `path` is that of a source, if it came there.

        What is signed is never refused, because Cal.com does not send it again: a body that nobody
        understands is kept whole.
        """
        received_at = self._clock()
        door = Door(self._secrets) if path is None else await self._door(path, received_at)
        if not is_signed(body, signature, door.secrets or (STAND_IN,)) or not door.secrets:
            reason = "no_signature" if signature is None else "bad_signature"
            closed = "no_secret_configured" if path is None else "unknown_source"
            await self._refuse(reason if door.secrets else closed, len(body))
            return None
        incoming = incoming_webhook(body, received_at)
        incoming = structs.replace(
            incoming, source_id=door.source_id, event_id=told_as(incoming.body_hash)
        )
        if self._spool is None:
            return await self.take_in(incoming)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self.take_in(incoming)
        except (StoreUnavailable, TimeoutError) as error:
            # It may have been committed all the same: taken in again, it is known.
            return await self._keep_for_later(self._spool, incoming, received_at, error)

    async def take_in(self, incoming: Incoming) -> TakenIn:
        """The event and all that follows from it are committed, counted and logged."""
        try:
            taken = await self._take_in.take_in(incoming)
        except MissingReference:
            if incoming.source_id is None:
                raise
            # Its source was removed after it had sent this.
            taken = await self._take_in.take_in(structs.replace(incoming, source_id=None))
        trigger, state = labels(incoming, taken)
        self._metrics.events.labels(trigger, state).inc()
        if state is EventState.UNREADABLE:
            log.warning("webhook_unreadable", reason=incoming.reason, event_id=taken.event_id)
        else:
            log.info("webhook_taken", trigger=trigger, state=state, event_id=taken.event_id)
        return taken

    async def _keep_for_later(
        self, spool: Spool, incoming: Incoming, received_at: datetime, error: Exception
    ) -> TakenIn:
        event_id = told_as(incoming.body_hash)
        try:
            await spool.keep(incoming.raw, received_at, incoming.source_id)
        except OSError as failed:
            log.error("webhook_not_spooled", reason=failed.strerror, **telemetry.described(failed))
            raise StoreUnavailable("neither the database nor the spool takes it") from failed
        self._metrics.spooled.inc()
        log.warning("webhook_spooled", event_id=event_id, **telemetry.described(error))
        return TakenIn(event_id, False, 0)

    async def _door(self, path: str, now: datetime) -> Door:
        source = await self._sources.find(path)
        return Door(()) if source is None else Door(source.secrets(now), source.id)

    async def _refuse(self, reason: str, size: int) -> None:
        self._metrics.refusals.labels(reason).inc()
        log.warning("webhook_refused", reason=reason, size=size)
        try:
            await self._note_refusal(Refusal(reason, size))
        except StoreUnavailable as error:
            # Strangers must not be able to fill the line that signed webhooks wait in.
            if self._seldom.says(error.reason):
                log.warning("refusal_not_noted", **telemetry.described(error))


def labels(incoming: Incoming, taken: TakenIn) -> tuple[str, EventState]:
    """Under what an event is counted: its trigger, and what was made of it."""
    # A trigger that is not understood is a stranger's word and no label.
    trigger = incoming.trigger if incoming.event is not None else "other"
    return trigger, EventState.COPY if taken.duplicate else incoming.state


def told_as(body_hash: str) -> str:
    """The id of a webhook's event. It follows from its bytes, so that it can be told before the
    event is kept."""
    return f"evt_{body_hash[:24]}"


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
                received_at=now,
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
        received_at=now,
    )
