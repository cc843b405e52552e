"""Notifications: what is to be said to whom."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct

from calbell.domain.notification import BookingFacts, NotificationState, Planned, Wait
from calbell.domain.people import Role
from calbell.domain.plan import Waiting
from calbell.domain.push_events import PushEvent
from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import from_ms, to_ms

_SQL = load("notifications")
_facts = msgspec.json.Decoder(BookingFacts)


class NewNotification(Struct, frozen=True):
    """A notification to keep, in the state that it has at the end of this transaction."""

    event_id: int | None
    booking_id: int | None
    booking_version: int
    planned: Planned
    state: NotificationState
    reason: str | None = None


class DueNotification(Struct, frozen=True):
    """One whose time has come."""

    id: int
    booking_id: int | None
    planned: Planned


def insert_many(
    connection: Connection, notifications: Sequence[NewNotification], now: datetime
) -> list[int]:
    """The notifications exist; their ids, in the order of the list.

    No booking may have two of one kind for one user at one time in the list.
    """
    rows = connection.each(
        _SQL["insert_notifications"], _columns(notifications, now), now=to_ms(now)
    )
    ids = {tuple(key): id_ for id_, *key in rows}
    return [
        ids[new.booking_id, new.planned.user_id, new.planned.kind, to_ms(new.planned.due_at)]
        for new in notifications
    ]


def add_many(
    connection: Connection, notifications: Sequence[NewNotification], now: datetime
) -> int:
    """Those exist that did not, in whatever state; how many these were."""
    rows = _columns(notifications, now)
    return len(connection.each(_SQL["add_notifications"], rows, now=to_ms(now)))


def _columns(
    notifications: Sequence[NewNotification], now: datetime
) -> list[tuple[str | int | None, ...]]:
    encoded: dict[int, str] = {}
    return [
        (
            new.event_id,
            new.booking_id,
            new.booking_version,
            new.planned.user_id,
            new.planned.role,
            new.planned.kind,
            new.state,
            new.reason or (Wait.QUIET_HOURS if new.planned.held else None),
            to_ms(new.planned.due_at),
            to_ms(new.planned.expires_at),
            _encoded(new.planned.facts, encoded),
            None if new.state is NotificationState.WAITING else to_ms(now),
        )
        for new in notifications
    ]


def waiting_of(connection: Connection, booking_ids: Iterable[int]) -> dict[int, list[Waiting]]:
    """What waits for its time, by booking."""
    found: dict[int, list[Waiting]] = {id_: [] for id_ in sorted(set(booking_ids))}
    for id_, booking_id, *rest in connection.each(
        _SQL["waiting_of_bookings"], [(id_,) for id_ in found]
    ):
        found[booking_id].append(Waiting(id_, _planned(rest)))
    return found


def supersede_waiting(
    connection: Connection, superseded: Iterable[tuple[int, int | None]], now: datetime
) -> None:
    """These (notification id, event id) will not be said; without an event, no event is why."""
    rows = sorted(superseded, key=itemgetter(0))
    connection.each(_SQL["supersede_waiting"], rows, now=to_ms(now))


def supersede_released(connection: Connection, bookings: Iterable[tuple[int, int, int]]) -> None:
    """News of these bookings (id, version, event id) from before that version, which has not left
    yet, will not be sent."""
    connection.each(_SQL["supersede_released"], sorted(bookings))


def due(connection: Connection, now: datetime, number: int) -> list[DueNotification]:
    """At most `number` whose time has come; nobody else takes them in this transaction."""
    return [
        DueNotification(id_, booking_id, _planned(rest))
        for id_, booking_id, *rest in connection.run(
            _SQL["due_notifications"], now=to_ms(now), number=number
        )
    ]


def tell_together(connection: Connection, notification_id: int, facts: BookingFacts) -> None:
    """The notification, which waits, speaks for others of its kind as well: these are its facts."""
    text = msgspec.json.encode(facts).decode()
    connection.run(_SQL["change_facts"], id=notification_id, facts=text)


def settle_waiting(
    connection: Connection,
    settled: Iterable[tuple[int, NotificationState, str | None]],
    now: datetime,
) -> None:
    """What became of those whose time had come (id, state, reason)."""
    connection.each(_SQL["settle_waiting"], list(settled), now=to_ms(now))


def hold(connection: Connection, held: Iterable[tuple[int, datetime]]) -> set[int]:
    """These (id, until) wait until then. Those of them that do: another reminder of the same
    meeting, or the same news, may be due then already; of several of these it is the first."""
    rows = [(id_, to_ms(until)) for id_, until in sorted(held)]
    return {id_ for (id_,) in connection.each(_SQL["hold_waiting"], rows)}


def judge_again(connection: Connection, user_id: int, now: datetime) -> None:
    """News that is held for the user's quiet hours is due, to be judged by those of now."""
    connection.run(_SQL["judge_again"], user_id=user_id, now=to_ms(now))


def heard_of(connection: Connection, booking_ids: Iterable[int]) -> dict[int, set[int]]:
    """The users who were told anything of these bookings."""
    heard: dict[int, set[int]] = {id_: set() for id_ in sorted(booking_ids)}
    for booking_id, user_id in connection.each(_SQL["heard_of"], [(id_,) for id_ in heard]):
        heard[booking_id].add(user_id)
    return heard


def make_room(connection: Connection, wanted: Iterable[NewNotification], now: datetime) -> None:
    """Each of these can be kept, also where the same one was switched off before its time."""
    connection.each(
        _SQL["make_room"],
        [
            (
                new.booking_id,
                new.booking_version,
                new.planned.user_id,
                new.planned.kind,
                to_ms(new.planned.due_at),
            )
            for new in wanted
        ],
        now=to_ms(now),
    )


def next_due_at(connection: Connection) -> datetime | None:
    """When the next one is due."""
    ((ms,),) = connection.run(_SQL["next_due_notification"])
    return None if ms is None else from_ms(ms)


def _planned(row: Iterable[Any]) -> Planned:
    user_id, role, kind, due_at, expires_at, facts, reason = row
    return Planned(
        user_id=user_id,
        role=Role(role),
        kind=PushEvent(kind),
        due_at=from_ms(due_at),
        expires_at=from_ms(expires_at),
        facts=_facts.decode(facts),
        held=reason == Wait.QUIET_HOURS,
    )


def _encoded(facts: BookingFacts, done: dict[int, str]) -> str:
    """One booking's notifications share their facts: written once for all of them."""
    text = done.get(id(facts))
    if text is None:
        text = done[id(facts)] = msgspec.json.encode(facts).decode()
    return text
