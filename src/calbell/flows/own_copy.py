"""Own copy: one person's data, for that person to read."""

from collections.abc import Callable
from datetime import datetime

from calbell.domain.carried_file import Writing
from calbell.domain.own_copy import own_booking, own_device, own_key
from calbell.store import carried_bookings, carried_devices, carried_people
from calbell.store.connection import Connection

_TYPES = ("user", "key", "device", "booking")


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
    write(writing.header(now, user_id))
    write(writing.lines("user", found))
    write(writing.lines("key", map(own_key, keys)))
    write(writing.lines("device", map(own_device, devices)))
    mine = (own_booking(booking, user) for booking in bookings)
    write(writing.lines("booking", (one for one in mine if one is not None)))
    write(writing.footer())
    return writing.counts
