"""Story: everything that is known of one booking, in the order in which it happened."""

from datetime import datetime

from msgspec import Struct

from calbell.store import bookings, story
from calbell.store.connection import Connection
from calbell.store.story import ToldEvent


class Timeline(Struct, frozen=True, kw_only=True):
    """A booking as it stands, and each event of it with all that followed."""

    uid: str
    status: str | None
    start_at: datetime | None
    end_at: datetime | None
    replaced_by_uid: str | None
    events: tuple[ToldEvent, ...]


def timeline(connection: Connection, uid: str) -> Timeline | None:
    """The story of the booking; `None` if nothing was ever heard of it."""
    if "\0" in uid:
        return None
    kept = bookings.by_uid(connection, uid)
    if kept is None:
        return None
    booking = kept.booking
    return Timeline(
        uid=booking.uid,
        status=booking.status,
        start_at=booking.times.start_at if booking.times else None,
        end_at=booking.times.end_at if booking.times else None,
        replaced_by_uid=booking.replaced_by_uid,
        events=story.read(connection, kept.id),
    )
