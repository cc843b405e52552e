"""Own copy: one person's data, for that person to read."""

from collections.abc import Callable, Iterator
from datetime import datetime

from calbell.domain.carried_file import Writing
from calbell.domain.own_copy import OwnNotification, own_booking, own_device, own_key
from calbell.store import carried_bookings, carried_devices, carried_people, own_history
from calbell.store.connection import Connection

_TYPES = ("user", "key", "device", "booking", "notification")

AT_ONCE = 5_000


def own_copy(
    connection: Connection, user_id: int, write: Callable[[bytes], None], now: datetime
) -> dict[str, int] | None:
    """What is kept of the user was written, as it was at one moment; how many records of each type.
    `None` if there is no such user: then nothing was written."""
    writing = Writing(_TYPES)
    with connection.snapshot():
        found = carried_people.page_of_users(connection, user_id - 1, 1)
        if not found or found[0].id != user_id:
            return None
        user = found[0]
        keys = carried_people.keys_of(connection, user_id)
        devices = carried_devices.of_user(connection, user_id)
        bookings = carried_bookings.naming(connection, user_id, user.addresses)
        told = list(_told(connection, user_id))
    write(writing.header(now, user_id))
    write(writing.lines("user", found))
    write(writing.lines("key", map(own_key, keys)))
    write(writing.lines("device", map(own_device, devices)))
    mine = (own_booking(booking, user) for booking in bookings)
    write(writing.lines("booking", (one for one in mine if one is not None)))
    write(writing.lines("notification", told))
    write(writing.footer())
    return writing.counts


def _told(connection: Connection, user_id: int) -> Iterator[OwnNotification]:
    page, after = own_history.told(connection, user_id, 0, AT_ONCE)
    while page:
        yield from page
        page, after = own_history.told(connection, user_id, after, AT_ONCE)
