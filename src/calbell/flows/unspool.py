"""Unspool: webhooks that waited in files are taken in, once the database can take them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from msgspec import structs

from calbell import telemetry
from calbell.flows.receive import Receive, incoming_webhook, told_as
from calbell.flows.spool import Spool, Spooled
from calbell.flows.take_in import LONGEST_LIST
from calbell.store.connection import StoreUnavailable

log = structlog.get_logger()


class Unspool:
    """Takes in what waits, in the order in which it came and as of then.

    A file is removed after its event was committed. Where that is not reached, the event is known
    when the file is taken in again: the hash of its bytes is its key.
    """

    def __init__(self, spool: Spool, receive: Receive) -> None:
        self._spool = spool
        self._receive = receive

    async def turn(self) -> datetime | None:
        """All that waited is taken in, as far as the database takes it."""
        waiting = await self._spool.waiting()
        for first in range(0, len(waiting), LONGEST_LIST):
            if not await self._take_in(waiting[first : first + LONGEST_LIST]):
                break
        return None

    async def _take_in(self, chosen: Sequence[Spooled]) -> bool:
        """Whether the database took what could be read of these."""
        results = await asyncio.gather(*map(self._take_one, chosen), return_exceptions=True)
        await self._spool.remove(
            one for one, result in zip(chosen, results, strict=True) if result is None
        )
        is_down = False
        for result in results:
            if isinstance(result, StoreUnavailable):
                is_down = True
            elif isinstance(result, Exception):
                # The others do not wait for it, and it is tried again at the next turn.
                log.error("spooled_webhook_failed", **telemetry.described(result))
            elif result is not None:
                raise result
        return not is_down

    async def _take_one(self, spooled: Spooled) -> None:
        body = await self._spool.read(spooled)
        if body is not None:
            incoming = incoming_webhook(body, spooled.received_at)
            await self._receive.take_in(
                structs.replace(
                    incoming, source_id=spooled.source_id, event_id=told_as(incoming.body_hash)
                )
            )
