"""Story: everything that is known of one booking, in the order in which it happened."""

from datetime import datetime

from msgspec import Struct

from calbell.store import bookings, story
from calbell.store.connection import Connection
from calbell.store.story import ToldEvent, ToldNotification


class Timeline(Struct, frozen=True, kw_only=True):
    """A booking as it stands, and each event of it with all that followed. `notifications` no event
    led to: reminders of who became a user, or chose other ones, when the booking was known."""

    uid: str
    status: str | None
    start_at: datetime | None
    end_at: datetime | None
    replaced_by_uid: str | None
    events: tuple[ToldEvent, ...]
    notifications: tuple[ToldNotification, ...]


def timeline(connection: Connection, uid: str) -> Timeline | None:
    """The story of the booking; `None` if nothing was ever heard of it."""
    if "\0" in uid:
        return None
    kept = bookings.by_uid(connection, uid)
    if kept is None:
        return None
    booking = kept.booking
    told = story.read(connection, kept.id)
    return Timeline(
        uid=booking.uid,
        status=booking.status,
        start_at=booking.times.start_at if booking.times else None,
        end_at=booking.times.end_at if booking.times else None,
        replaced_by_uid=booking.replaced_by_uid,
        events=told.events,
        notifications=told.notifications,
    )
