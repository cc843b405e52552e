"""Remind: what waits to remind users of their bookings is what they wish now."""

from collections.abc import Sequence
from datetime import datetime

from calbell.domain.notification import NotificationState, Suppression
from calbell.domain.plan import Rules, plan
from calbell.domain.push_events import PushEvent
from calbell.store import bookings, deliveries, notifications, users
from calbell.store.bookings import KeptBooking
from calbell.store.connection import Connection
from calbell.store.notifications import NewNotification


def remind_user(
    connection: Connection, user_id: int, rules: Rules, now: datetime, *, withdraws: bool = True
) -> int:
    """The user is reminded of all bookings to come in which he has a part, as he wishes. How many
    reminders were added. Without `withdraws` none ends that no other one takes the place of."""
    profile = users.find(connection, user_id)
    if profile is None:
        return 0
    found = bookings.upcoming_of(connection, user_id, profile.addresses, now)
    return remind(connection, found, rules, now, only=user_id, withdraws=withdraws)


def remind(
    connection: Connection,
    found: Sequence[KeptBooking],
    rules: Rules,
    now: datetime,
    *,
    only: int | None = None,
    withdraws: bool = True,
) -> int:
    """The reminders of these bookings, which are locked, wait for all who have a part in them, or
    for this one user alone. Those that wait already stay as they are; those that nobody wishes any
    more are suppressed. How many were added."""
    waiting = notifications.waiting_of(connection, (kept.id for kept in found))
    directory = users.directory_of(connection, (p for kept in found for p in kept.booking.people))
    new, ended = list[NewNotification](), list[tuple[int, NotificationState, str]]()
    for kept in found:
        planned = plan(kept.booking, (), directory, waiting[kept.id], rules, event_at=now, now=now)
        known = {(one.planned.user_id, one.planned.due_at) for one in waiting[kept.id]}
        # One who was reminded in another role already goes on being so.
        right = {(item.user_id, item.due_at) for item in planned.reminders}
        missing = [
            item
            for item in planned.reminders
            if only in (None, item.user_id) and (item.user_id, item.due_at) not in known
        ]
        new += (
            NewNotification(None, kept.id, kept.booking.version, item, NotificationState.WAITING)
            for item in missing
        )
        moved = {item.user_id for item in missing}
        ended += (
            (one.id, NotificationState.SUPPRESSED, _why(one.planned.user_id in moved))
            for one in waiting[kept.id]
            if one.id in planned.superseded
            and one.planned.kind is PushEvent.BOOKING_REMINDER
            and only in (None, one.planned.user_id)
            and (one.planned.user_id, one.planned.due_at) not in right
            and (withdraws or one.planned.user_id in moved)
        )
    notifications.settle_waiting(connection, ended, now)
    notifications.make_room(connection, new, now)
    added = notifications.add_many(connection, new, now)
    deliveries.announce(connection)
    return added


def judge_again(connection: Connection, user_id: int, rules: Rules, now: datetime) -> None:
    """What waits for the end of the user's quiet hours is judged by those that he has now, and so
    are the times of his reminders."""
    remind_user(connection, user_id, rules, now, withdraws=False)
    notifications.judge_again(connection, user_id, now)
    deliveries.judge_again(connection, user_id, now)
    deliveries.announce(connection)


def _why(is_moved: bool) -> Suppression:
    return Suppression.PLANNED_ANEW if is_moved else Suppression.SWITCHED_OFF
