"""Welcome: whoever becomes a user here is reminded of what he has booked already."""

from collections.abc import Sequence
from datetime import datetime

from calbell.domain.notification import NotificationState
from calbell.domain.plan import Rules, plan
from calbell.store import bookings, deliveries, notifications, users
from calbell.store.bookings import KeptBooking
from calbell.store.connection import Connection
from calbell.store.notifications import NewNotification
from calbell.store.users import Profile


def keep_user(connection: Connection, profile: Profile, rules: Rules, now: datetime) -> Profile:
    """One unit of work: the user is as given, and reminded of what he has booked already."""
    known = users.find(connection, profile.id)
    kept = users.save(connection, profile, now)
    if known is None or known.addresses != kept.addresses:
        welcome(connection, kept.id, rules, now)
    return kept


def welcome(connection: Connection, user_id: int, rules: Rules, now: datetime) -> int:
    """The reminders of all bookings to come in which the user has a part are planned for him, as if
    he had been known when they were made. How many were added."""
    profile = users.find(connection, user_id)
    if profile is None or not rules.reminders:
        return 0
    found = bookings.upcoming_of(connection, user_id, profile.addresses, now)
    return remind(connection, found, rules, now, only=user_id)


def remind(
    connection: Connection,
    found: Sequence[KeptBooking],
    rules: Rules,
    now: datetime,
    *,
    only: int | None = None,
) -> int:
    """The reminders of these bookings, which are locked, wait for all who have a part in them, or
    for this one user alone. Those that wait already stay as they are. How many were added."""
    waiting = notifications.waiting_of(connection, (kept.id for kept in found))
    directory = users.directory_of(connection, (p for kept in found for p in kept.booking.people))
    known = {
        (id_, one.planned.user_id, one.planned.due_at)
        for id_, waits in waiting.items()
        for one in waits
    }
    new = [
        NewNotification(None, kept.id, kept.booking.version, item, NotificationState.WAITING)
        for kept in found
        for item in plan(
            kept.booking, (), directory, waiting[kept.id], rules, event_at=now, now=now
        ).reminders
        # One who was reminded in another role already goes on being so.
        if only in (None, item.user_id) and (kept.id, item.user_id, item.due_at) not in known
    ]
    notifications.insert_many(connection, new, now)
    deliveries.announce(connection)
    return len(new)
