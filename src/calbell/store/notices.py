"""Notices: what another program is to be told, made in the transaction of what they tell of."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from msgspec import Struct

from calbell.domain.delivery import DeliveryState
from calbell.domain.notices import Fate, Notice, NoticeKind, Way, device_gone
from calbell.domain.notification import NotificationState
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform
from calbell.store.connection import Connection, Row
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("notices")

COUNTED = 1_000
"""More are not counted for those who watch."""

LATELY = timedelta(days=1)


class DueNotice(Struct, frozen=True, kw_only=True):
    """One that is to be sent now, in this attempt (from 1)."""

    id: str
    kind: NoticeKind
    body: bytes
    attempt: int
    created_at: datetime


class InVain(Struct, frozen=True):
    """An attempt that nobody answered well; when there is another one (`None`: never)."""

    id: str
    attempt: int
    failure: str
    due_at: datetime | None


class Callback(Struct, frozen=True, kw_only=True):
    """How telling the other program goes: how many notices wait (at most `COUNTED` are counted),
    how many of them were tried in vain, since when the oldest waits, how many were given up
    within a day, and what the newest attempt in vain met."""

    waiting: int
    in_vain: int
    oldest_at: datetime | None
    given_up: int
    failure: str | None
    failed_at: datetime | None


def keep(connection: Connection, made: Iterable[Notice]) -> None:
    """These are sent when this transaction commits, unless the same was told before."""
    rows = [
        (one.id, one.about, one.kind, one.user_id, one.body, to_ms(one.made_at)) for one in made
    ]
    connection.each(_SQL["insert_notices"], sorted(rows, key=itemgetter(1)))


def notifications_of(connection: Connection, delivery_ids: Iterable[int]) -> set[int]:
    """The notifications that these deliveries are of."""
    rows = [(id_,) for id_ in sorted(delivery_ids)]
    return {id_ for (id_,) in connection.each(_SQL["notifications_of"], rows)}


def fates(connection: Connection, notification_ids: Iterable[int]) -> list[Fate]:
    """What became of those of these notifications that are about bookings. Until this transaction
    ends, nobody else asks of the same: so who ends the last delivery knows of all the others."""
    rows = [(id_,) for id_ in sorted(notification_ids)]
    connection.each(_SQL["lock_notifications"], rows)
    found = connection.each(_SQL["fates"], rows)
    return [_fate(list(group)) for _, group in groupby(found, key=itemgetter(0))]


def gone_devices(
    connection: Connection, phone_ids: Iterable[int], now: datetime, *, exclusive: bool
) -> list[Notice]:
    """The notices of those of these phones that are gone since this transaction, which is at `now`:
    one for each user whose news they were to ring for."""
    rows = [(id_,) for id_ in sorted(phone_ids)]
    return [
        device_gone(id_, user_id, Platform(platform), device_id, token, code, now)
        for id_, user_id, platform, device_id, token, code, owner_id in connection.each(
            _SQL["gone_devices"], rows, now=to_ms(now)
        )
        if not exclusive or owner_id == user_id
    ]


def claim(connection: Connection, now: datetime, until: datetime, number: int) -> list[DueNotice]:
    """At most `number` to send now; nobody else sends them before `until`."""
    rows = connection.run(_SQL["due_notices"], now=to_ms(now), number=number)
    connection.each(_SQL["lease_notices"], [(row[0],) for row in rows], until=to_ms(until))
    return [
        DueNotice(
            id=public_id,
            kind=NoticeKind(kind),
            body=body.encode(),
            attempt=attempt + 1,
            created_at=from_ms(created_at),
        )
        for _, public_id, kind, body, attempt, created_at in rows
    ]


def settle(
    connection: Connection, taken: Iterable[str], in_vain: Iterable[InVain], now: datetime
) -> None:
    """Those that were taken (ids) are never sent again, whoever else sent them meanwhile; the
    others are tried again or given up, unless somebody else tries them now."""
    connection.each(_SQL["take_notices"], [(id_,) for id_ in sorted(taken)], now=to_ms(now))
    connection.each(
        _SQL["put_off_notices"],
        sorted(
            (one.id, one.attempt, one.failure, to_ms(one.due_at) if one.due_at else None)
            for one in in_vain
        ),
        now=to_ms(now),
    )


def next_due_at(connection: Connection) -> datetime | None:
    """When the next one is due."""
    ((ms,),) = connection.run(_SQL["next_due_notice"])
    return maybe_from_ms(ms)


def callback(connection: Connection, now: datetime) -> Callback:
    """How it goes."""
    lately = {"since": to_ms(now - LATELY), "number": COUNTED}
    ((waiting, oldest, in_vain),) = connection.run(_SQL["notices_waiting"], number=COUNTED)
    ((given_up,),) = connection.run(_SQL["notices_given_up"], **lately)
    last = connection.run(_SQL["last_vain_notice"], **lately)
    failure, failed_at = last[0] if last else (None, None)
    return Callback(
        waiting=waiting,
        in_vain=in_vain,
        oldest_at=maybe_from_ms(oldest),
        given_up=given_up,
        failure=failure,
        failed_at=maybe_from_ms(failed_at),
    )


def forget(connection: Connection, before: datetime, number: int) -> int:
    """At most `number` of those that are older are gone; how many."""
    return connection.count(_SQL["forget_notices"], before=to_ms(before), number=number)


def _fate(rows: Sequence[Row]) -> Fate:
    id_, user_id, kind, uid, event_id, state, reason, superseded_by, made_at, *_ = rows[0]
    return Fate(
        notification_id=id_,
        made_at=from_ms(made_at),
        user_id=user_id,
        event=PushEvent(kind),
        booking_uid=uid,
        event_id=event_id,
        state=NotificationState(state),
        reason=reason,
        is_superseded=superseded_by is not None,
        ways=tuple(
            Way(DeliveryState(way), why, bool(possibly_sent))
            for *_, way, why, possibly_sent in rows
            if way is not None
        ),
    )
