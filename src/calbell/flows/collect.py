"""Collect: receipts are fetched, and say what became of what Expo accepted."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import assert_never

import structlog
from msgspec import Struct

from calbell.domain.backoff import Backoff, receipt_look
from calbell.domain.delivery import DeliveryFact, DeliveryState, next_state
from calbell.domain.outcomes import (
    Delivered,
    Gone,
    Later,
    Missing,
    NoReceipts,
    Receipt,
    Receipts,
    Refused,
)
from calbell.expo.client import ExpoClient
from calbell.expo.messages import MOST_RECEIPTS
from calbell.flows.surroundings import Clock
from calbell.store import receipts, subscriptions
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.receipts import DueReceipt, SettledReceipt
from calbell.store.subscriptions import GonePhone
from calbell.telemetry import Metrics

log = structlog.get_logger()


class Patience(Struct, frozen=True):
    """When to look for receipts: first after `delay`; a question that failed is asked again when
    its `lease` has run out."""

    delay: timedelta
    lease: timedelta
    backoff: Backoff


class Collect:
    """Asks for the receipts that are due, a thousand at a time."""

    def __init__(
        self,
        database: Database,
        expo: ExpoClient,
        patience: Patience,
        clock: Clock,
        chance: Random,
        metrics: Metrics,
        *,
        wake_dispatch: Callable[[], None],
    ) -> None:
        self._database = database
        self._expo = expo
        self._patience = patience
        self._clock = clock
        self._chance = chance
        self._metrics = metrics
        self._wake_dispatch = wake_dispatch

    async def turn(self) -> datetime | None:
        """Every receipt that is due was asked for; when the next one is."""
        while True:
            now = self._clock()
            due = await self._database.run(
                receipts.claim, now, now + self._patience.lease, MOST_RECEIPTS
            )
            answered = await self._ask(due) if due else True
            if not answered:
                return now + self._patience.backoff.pause(1, self._chance.random())
            if len(due) < MOST_RECEIPTS:
                return await self._database.read(receipts.next_due_at)

    async def _ask(self, due: Sequence[DueReceipt]) -> bool:
        """Whether there was an answer. What was not answered is asked for again when its lease has
        run out."""
        answer = await self._expo.receipts([receipt.ticket_id for receipt in due])
        match answer:
            case NoReceipts(code):
                log.warning("receipts_not_answered", code=code, number=len(due))
                return False
            case Receipts(by_ticket):
                found = [(one, by_ticket.get(one.ticket_id, Missing())) for one in due]
                self._metrics.received(receipt for _, receipt in found)
                await self._database.run(
                    settle, found, self._patience, self._clock(), self._chance.random()
                )
                self._wake_dispatch()
                return True
            case _:
                assert_never(answer)


def settle(
    connection: Connection,
    found: Sequence[tuple[DueReceipt, Receipt]],
    patience: Patience,
    now: datetime,
    chance: float,
) -> None:
    """One unit of work: what the receipts said of their deliveries and phones is kept; for those
    that are missing the next look is planned, or they are given up."""
    came = [(one, receipt) for one, receipt in found if not isinstance(receipt, Missing)]
    missing = [one for one, receipt in found if isinstance(receipt, Missing)]
    receipts.settle(
        connection, (_settled(one, receipt, patience, now, chance) for one, receipt in came), now
    )
    subscriptions.note_receipts(
        connection, {one.token_hash: (one.phone_id, _code(receipt)) for one, receipt in came}, now
    )
    gone = [
        GonePhone(one.token_hash, one.phone_id, receipt.code, one.sent_at)
        for one, receipt in came
        if isinstance(receipt, Gone)
    ]
    if gone:
        subscriptions.kill(connection, gone, now)
    looks = {one: receipt_look(patience.delay, one.look + 1) for one in missing}
    receipts.plan_looks(
        connection,
        ((one.attempt_id, one.sent_at + look if look else None) for one, look in looks.items()),
    )
    receipts.give_up(
        connection,
        (
            (one.delivery_id, DeliveryState.UNKNOWN)
            for one, look in looks.items()
            if look is None and one.is_newest
        ),
        now,
    )


def _settled(
    one: DueReceipt, receipt: Receipt, patience: Patience, now: datetime, chance: float
) -> SettledReceipt:
    """Where a receipt leads. That one attempt failed says nothing while a later one is out."""
    state = next_state(one.state, _fact(receipt), possibly_sent=one.possibly_sent)
    if not isinstance(receipt, Delivered) and not one.is_newest:
        state = None
    wait = patience.backoff.pause(one.number, chance)
    if isinstance(receipt, Later) and receipt.wait:
        wait = max(wait, receipt.wait)
    return SettledReceipt(one.attempt_id, one.delivery_id, _code(receipt), state, now + wait)


def _fact(receipt: Receipt) -> DeliveryFact:
    match receipt:
        case Delivered():
            return DeliveryFact.RECEIPT_OK
        case Gone():
            return DeliveryFact.RECEIPT_GONE
        case Refused():
            return DeliveryFact.RECEIPT_REFUSED
        case Later():
            return DeliveryFact.RECEIPT_POSTPONED
        case Missing():
            return DeliveryFact.RECEIPT_NEVER_CAME
        case _:
            assert_never(receipt)


def _code(receipt: Receipt) -> str:
    match receipt:
        case Delivered():
            return "ok"
        case Missing():
            return "missing"
        case Gone(code) | Refused(code) | Later(code):
            return code
        case _:
            assert_never(receipt)
