"""The story of one booking, read in one transaction."""

from datetime import datetime

from msgspec import Struct

from calbell.store.connection import Connection, Row
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("story")


class ToldAttempt(Struct, frozen=True, kw_only=True):
    """One request to Expo for one delivery, and what became of its ticket."""

    number: int
    at: datetime
    outcome: str
    code: str | None
    ticket_id: str | None
    receipt_due_at: datetime | None
    receipt_at: datetime | None
    receipt_code: str | None


class ToldDelivery(Struct, frozen=True, kw_only=True):
    """One notification to one phone; the phone is a short hash of its token."""

    platform: str
    phone: str
    state: str
    reason: str | None
    due_at: datetime
    possibly_sent: bool
    settled_at: datetime | None
    attempts: tuple[ToldAttempt, ...]


class ToldNotification(Struct, frozen=True, kw_only=True):
    """What was, or was not, said to one user about one change."""

    user_id: int
    role: str
    kind: str
    state: str
    reason: str | None
    due_at: datetime
    expires_at: datetime
    superseded: bool
    settled_at: datetime | None
    deliveries: tuple[ToldDelivery, ...]


class ToldUser(Struct, frozen=True, kw_only=True):
    """What was to be said to a user about one booking (`None`: a test push), and what became of
    it."""

    uid: str | None
    role: str
    kind: str
    trigger: str | None
    state: str
    reason: str | None
    due_at: datetime
    expires_at: datetime
    created_at: datetime
    settled_at: datetime | None
    deliveries: tuple[ToldDelivery, ...]


class ToldEvent(Struct, frozen=True, kw_only=True):
    """An event of the booking, with the notifications that it led to."""

    event_id: str
    trigger: str
    kind: str | None
    state: str
    sent_at: datetime
    received_at: datetime
    notifications: tuple[ToldNotification, ...]


class Told(Struct, frozen=True):
    """Events in the order in which they came, each with all that followed from it; and the
    `notifications` that no event led to."""

    events: tuple[ToldEvent, ...]
    notifications: tuple[ToldNotification, ...]


def read(connection: Connection, booking_id: int) -> Told:
    """All that was heard of the booking, and told."""
    deliveries = _deliveries(
        connection.run(_SQL["story_deliveries"], booking_id=booking_id),
        connection.run(_SQL["story_attempts"], booking_id=booking_id),
    )
    notifications: dict[int | None, list[ToldNotification]] = {}
    for row in connection.run(_SQL["story_notifications"], booking_id=booking_id):
        id_, event_id, user_id, role, kind, state, reason, due, expires, superseded, settled = row
        notifications.setdefault(event_id, []).append(
            ToldNotification(
                user_id=user_id,
                role=role,
                kind=kind,
                state=state,
                reason=reason,
                due_at=from_ms(due),
                expires_at=from_ms(expires),
                superseded=superseded is not None,
                settled_at=maybe_from_ms(settled),
                deliveries=tuple(deliveries.get(id_, ())),
            )
        )
    events = tuple(
        ToldEvent(
            event_id=public_id,
            trigger=trigger,
            kind=kind,
            state=state,
            sent_at=from_ms(sent_at),
            received_at=from_ms(received_at),
            notifications=tuple(notifications.get(id_, ())),
        )
        for id_, public_id, trigger, kind, state, sent_at, received_at in connection.run(
            _SQL["story_events"], booking_id=booking_id
        )
    )
    return Told(events, tuple(notifications.get(None, ())))


def of_user(
    connection: Connection, user_id: int, since: datetime, number: int
) -> tuple[ToldUser, ...]:
    """What was to be said to the user since then, the newest first, at most `number`."""
    rows = connection.run(
        _SQL["notifications_of_user"], user_id=user_id, since=to_ms(since), number=number
    )
    ids = sorted((row[0],) for row in rows)
    deliveries = _deliveries(
        connection.each(_SQL["deliveries_of_notifications"], ids),
        connection.each(_SQL["attempts_of_notifications"], ids),
    )
    return tuple(
        ToldUser(
            uid=uid,
            role=role,
            kind=kind,
            trigger=trigger,
            state=state,
            reason=reason,
            due_at=from_ms(due),
            expires_at=from_ms(expires),
            created_at=from_ms(created),
            settled_at=maybe_from_ms(settled),
            deliveries=tuple(deliveries.get(id_, ())),
        )
        for (
            id_,
            uid,
            role,
            kind,
            state,
            reason,
            due,
            created,
            settled,
            trigger,
            expires,
        ) in rows
    )


def of_notification(connection: Connection, notification_id: int) -> tuple[ToldDelivery, ...]:
    """What became of one notification, on each phone."""
    found = _deliveries(
        connection.run(_SQL["deliveries_of_notification"], notification_id=notification_id),
        connection.run(_SQL["attempts_of_notification"], notification_id=notification_id),
    )
    return tuple(found.get(notification_id, ()))


def _deliveries(rows: list[Row], attempt_rows: list[Row]) -> dict[int, list[ToldDelivery]]:
    """Deliveries with their attempts, by notification."""
    attempts: dict[int, list[ToldAttempt]] = {}
    for delivery_id, number, at, outcome, code, ticket, due, got, receipt in attempt_rows:
        attempts.setdefault(delivery_id, []).append(
            ToldAttempt(
                number=number,
                at=from_ms(at),
                outcome=outcome,
                code=code,
                ticket_id=ticket,
                receipt_due_at=maybe_from_ms(due),
                receipt_at=maybe_from_ms(got),
                receipt_code=receipt,
            )
        )
    deliveries: dict[int, list[ToldDelivery]] = {}
    for id_, notification_id, platform, hash_, state, reason, due, sent, settled in rows:
        deliveries.setdefault(notification_id, []).append(
            ToldDelivery(
                platform=platform,
                phone=hash_[:8],
                state=state,
                reason=reason,
                due_at=from_ms(due),
                possibly_sent=bool(sent),
                settled_at=maybe_from_ms(settled),
                attempts=tuple(attempts.get(id_, ())),
            )
        )
    return deliveries
