"""Notice: what went wrong for good is kept for another program, in the transaction in which it
does. Where nobody is told of it, nothing is asked."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from calbell.domain.delivery import DeliveryState
from calbell.domain.notices import turned, unreachable
from calbell.domain.notification import NotificationState, Suppression
from calbell.flows.surroundings import Policy
from calbell.store import holds, notices
from calbell.store.connection import Connection

_CAME_TO_NOTHING = frozenset(
    {
        DeliveryState.FAILED,
        DeliveryState.UNREGISTERED,
        DeliveryState.EXPIRED,
        DeliveryState.WITHDRAWN,
    }
)


def of_deliveries(
    connection: Connection,
    ended: Iterable[tuple[int, DeliveryState | None]],
    policy: Policy,
    now: datetime,
) -> None:
    """Of these deliveries (id, state), which ended in this transaction, those that were the last
    hope of their news are told of. To be called when all else in the transaction was locked."""
    if not policy.gives_notice:
        return
    ids = {id_ for id_, state in ended if state in _CAME_TO_NOTHING}
    if ids:
        _of(connection, notices.notifications_of(connection, ids), now)


def of_notifications(
    connection: Connection,
    settled: Iterable[tuple[int, tuple[NotificationState, str | None]]],
    policy: Policy,
    now: datetime,
) -> None:
    """Of these notifications (id; state and reason), those that have no device, or whose time
    passed before they could be said, are told of."""
    if not policy.gives_notice:
        return
    ids = [
        id_
        for id_, (state, reason) in settled
        if state is NotificationState.EXPIRED or reason == Suppression.NO_DEVICE
    ]
    if ids:
        _of(connection, ids, now)


def of_phones(
    connection: Connection, phone_ids: Iterable[int], policy: Policy, now: datetime
) -> None:
    """Those of these phones that are gone since this transaction are told of."""
    ids = set(phone_ids) if policy.gives_notice else ()
    if ids:
        found = notices.gone_devices(connection, ids, now, exclusive=policy.exclusive)
        notices.keep(connection, found)


@contextmanager
def of_holds(connection: Connection, policy: Policy, now: datetime) -> Iterator[None]:
    """What the block finds out about credentials is told of: that they are broken, or good again.

    Two transactions may see the same turn; that is one notice."""
    if not policy.gives_notice:
        yield
        return
    before = holds.standing(connection)
    yield
    notices.keep(connection, turned(before, holds.standing(connection), now))


def _of(connection: Connection, notification_ids: Iterable[int], now: datetime) -> None:
    found = (unreachable(fate, now) for fate in notices.fates(connection, notification_ids))
    notices.keep(connection, [one for one in found if one is not None])
