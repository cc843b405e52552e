"""Tickets that wait for their receipts, and what the receipts said."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from calbell.domain.delivery import DeliveryState
from calbell.domain.subscription import Platform
from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("receipts")


class DueReceipt(Struct, frozen=True, kw_only=True):
    """A ticket to ask about: of which attempt, for the how-manieth time (from 0), and the delivery
    that it belongs to. `is_newest`: the delivery has no later ticket. Since `suspected_at` its
    phone is said to be gone."""

    attempt_id: int
    delivery_id: int
    number: int
    ticket_id: str
    look: int
    sent_at: datetime
    phone_id: int
    token_hash: str
    state: DeliveryState
    is_newest: bool
    possibly_sent: bool
    project_id: int
    platform: Platform
    suspected_at: datetime | None


class SettledReceipt(Struct, frozen=True):
    """A receipt that came, and where its delivery goes (`None`: it stays where it is). `in_doubt`:
    it is not believed when it says that the phone did not ring."""

    attempt_id: int
    delivery_id: int
    code: str
    state: DeliveryState | None
    due_at: datetime | None = None
    in_doubt: bool = False


def claim(connection: Connection, now: datetime, until: datetime, number: int) -> list[DueReceipt]:
    """At most `number` tickets to ask about now; nobody else asks before `until`."""
    rows = connection.run(_SQL["due_receipts"], now=to_ms(now), number=number)
    put_off(connection, (row[0] for row in rows), until)
    return [
        DueReceipt(
            attempt_id=row[0],
            delivery_id=row[1],
            number=row[2],
            ticket_id=row[3],
            look=row[4],
            sent_at=from_ms(row[5]),
            phone_id=row[6],
            token_hash=row[7],
            state=DeliveryState(row[8]),
            possibly_sent=bool(row[9]),
            is_newest=row[10] == 0,
            project_id=row[11],
            platform=Platform(row[12]),
            suspected_at=maybe_from_ms(row[13]),
        )
        for row in rows
    ]


def put_off(connection: Connection, attempt_ids: Iterable[int], until: datetime) -> None:
    """Nobody looks for the receipts of these attempts before then."""
    connection.each(
        _SQL["put_off_receipts"], [(id_,) for id_ in sorted(attempt_ids)], until=to_ms(until)
    )


def plan_looks(connection: Connection, looks: Iterable[tuple[int, datetime | None]]) -> None:
    """When to look again for the receipts of these attempts, or never."""
    connection.each(
        _SQL["plan_looks"], sorted((id_, to_ms(at) if at else None) for id_, at in looks)
    )


def settle(connection: Connection, settled: Iterable[SettledReceipt], now: datetime) -> None:
    """The receipts are kept, and their deliveries are where these lead."""
    at = to_ms(now)
    listed = sorted(settled, key=lambda receipt: (receipt.delivery_id, receipt.attempt_id))
    connection.each(
        _SQL["save_receipts"], [(receipt.attempt_id, receipt.code) for receipt in listed], now=at
    )
    connection.each(
        _SQL["deliver"],
        [(receipt.delivery_id,) for receipt in listed if receipt.state is DeliveryState.DELIVERED],
        now=at,
    )
    connection.each(
        _SQL["settle_accepted"],
        [
            (
                receipt.delivery_id,
                receipt.attempt_id,
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
    connection: Connection, given_up: Iterable[tuple[int, int, DeliveryState]], now: datetime
) -> None:
    """These deliveries (id, the attempt with the ticket, state) will never have a receipt."""
    at = to_ms(now)
    connection.each(
        _SQL["settle_accepted"],
        [
            (id_, attempt, state, "no_receipt", at, at, 0)
            for id_, attempt, state in sorted(given_up)
        ],
    )


def next_due_at(connection: Connection) -> datetime | None:
    """When the next look is due."""
    ((ms,),) = connection.run(_SQL["next_due_receipt"])
    return None if ms is None else from_ms(ms)
