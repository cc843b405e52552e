"""Tickets that wait for their receipts, and what the receipts said."""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct

from calbell.domain.delivery import DeliveryState
from calbell.domain.subscription import Platform
from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, maybe_to_ms, to_ms

_SQL = load("receipts")


class AttemptKey(NamedTuple):
    """An attempt, by its delivery and its number there. What is asked of Expo outlives the row; on
    SQLite the id of an attempt may be another's by the time of the answer, that of a delivery never
    is."""

    delivery_id: int
    number: int


class DueReceipt(Struct, frozen=True, kw_only=True):
    """A ticket to ask about: of which attempt, for the how-manieth time (from 0), and the delivery
    that it belongs to. `is_last_out`: no later ticket of the delivery waits for a receipt. Since
    `suspected_at` its phone is said to be gone."""

    attempt: AttemptKey
    ticket_id: str
    look: int
    sent_at: datetime
    phone_id: int
    token_hash: str
    state: DeliveryState
    is_last_out: bool
    possibly_sent: bool
    project_id: int
    platform: Platform
    suspected_at: datetime | None


class SettledReceipt(Struct, frozen=True):
    """A receipt that came, and where its delivery goes (`None`: it stays where it is). `in_doubt`:
    it is not believed when it says that the phone did not ring."""

    attempt: AttemptKey
    code: str
    state: DeliveryState | None
    due_at: datetime | None = None
    in_doubt: bool = False


def claim(connection: Connection, now: datetime, until: datetime, number: int) -> list[DueReceipt]:
    """At most `number` tickets to ask about now; nobody else asks before `until`."""
    rows = connection.run(_SQL["due_receipts"], now=to_ms(now), number=number)
    put_off(connection, (AttemptKey(row[0], row[1]) for row in rows), until)
    return [
        DueReceipt(
            attempt=AttemptKey(row[0], row[1]),
            ticket_id=row[2],
            look=row[3],
            sent_at=from_ms(row[4]),
            phone_id=row[5],
            token_hash=row[6],
            state=DeliveryState(row[7]),
            possibly_sent=bool(row[8]),
            is_last_out=row[9] == 0,
            project_id=row[10],
            platform=Platform(row[11]),
            suspected_at=maybe_from_ms(row[12]),
        )
        for row in rows
    ]


def put_off(connection: Connection, attempts: Iterable[AttemptKey], until: datetime) -> None:
    """Nobody looks for the receipts of these attempts before then."""
    connection.each(_SQL["put_off_receipts"], sorted(attempts), until=to_ms(until))


def plan_looks(connection: Connection, looks: Iterable[tuple[AttemptKey, datetime | None]]) -> None:
    """When to look again for the receipts of these attempts, or never."""
    connection.each(
        _SQL["plan_looks"], sorted((*attempt, maybe_to_ms(at)) for attempt, at in looks)
    )


def settle(connection: Connection, settled: Iterable[SettledReceipt], now: datetime) -> None:
    """The receipts are kept, and their deliveries are where these lead."""
    at = to_ms(now)
    listed = sorted(settled, key=attrgetter("attempt"))
    connection.each(
        _SQL["save_receipts"], [(*receipt.attempt, receipt.code) for receipt in listed], now=at
    )
    connection.each(
        _SQL["deliver"],
        [
            (receipt.attempt.delivery_id,)
            for receipt in listed
            if receipt.state is DeliveryState.DELIVERED
        ],
        now=at,
    )
    connection.each(
        _SQL["settle_accepted"],
        [
            (
                *receipt.attempt,
                receipt.state,
                receipt.code,
                to_ms(receipt.due_at) if receipt.due_at else at,
                None if receipt.state is DeliveryState.QUEUED else at,
                int(receipt.in_doubt),
            )
            for receipt in listed
            if receipt.state not in (None, DeliveryState.DELIVERED)
        ],
    )


def give_up(
    connection: Connection, given_up: Iterable[tuple[AttemptKey, DeliveryState]], now: datetime
) -> None:
    """The deliveries of these attempts, which have the tickets, will never have a receipt."""
    at = to_ms(now)
    connection.each(
        _SQL["settle_accepted"],
        [(*attempt, state, "no_receipt", at, at, 0) for attempt, state in sorted(given_up)],
    )


def next_due_at(connection: Connection) -> datetime | None:
    """When the next look is due."""
    ((ms,),) = connection.run(_SQL["next_due_receipt"])
    return None if ms is None else from_ms(ms)
