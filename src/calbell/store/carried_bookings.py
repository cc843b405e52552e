"""Bookings, as they are carried from one database to another."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from calbell.domain.carried import CarriedBooking
from calbell.store.bookings import KeptBooking, columns_of, kept_of, patterns_of
from calbell.store.connection import Connection, Row
from calbell.store.statements import load
from calbell.store.times import from_ms, to_ms

_SQL = load("carried_bookings")


class KnownBooking(Struct, frozen=True):
    """A booking, the id of its row, and when it changed last."""

    id: int
    carried: CarriedBooking

    @property
    def kept(self) -> KeptBooking:
        """The booking as flows know it."""
        return KeptBooking(self.id, self.carried.booking)


def page_to_come(
    connection: Connection, after: int, number: int, now: datetime
) -> list[KnownBooking]:
    """Bookings that are not over, in the order of their rows, `number` of those above `after`."""
    rows = connection.run(_SQL["page_to_come"], after=after, number=number, now=to_ms(now))
    return [_known(row) for row in rows]


def count_to_come(connection: Connection, now: datetime) -> int:
    """How many bookings are not over."""
    ((number,),) = connection.run(_SQL["count_to_come"], now=to_ms(now))
    return int(number)


def known(connection: Connection, uids: Iterable[str]) -> dict[str, KnownBooking]:
    """Those of these bookings that are known, by uid; they are locked."""
    rows = connection.each(_SQL["known_bookings"], [(uid,) for uid in sorted(set(uids))])
    return {row[0]: _known(row) for row in rows}


def keep(
    connection: Connection, added: Iterable[CarriedBooking], changed: Iterable[CarriedBooking]
) -> None:
    """The bookings are as given; those added in the order of the list."""
    for name, several in (("insert_bookings", added), ("replace_bookings", changed)):
        connection.each(
            _SQL[name],
            [(one.booking.uid, *columns_of(one.booking), to_ms(one.updated_at)) for one in several],
        )


def naming(connection: Connection, user_id: int, addresses: Iterable[str]) -> list[CarriedBooking]:
    """All bookings that name the user, by id or by one of the addresses, oldest first. Looks
    through all of them: nobody waits for it."""
    rows = connection.each(_SQL["bookings_naming"], patterns_of(user_id, addresses))
    found = {row[1]: _known(row).carried for row in rows}
    return [found[id_] for id_ in sorted(found)]


def _known(row: Row) -> KnownBooking:
    return KnownBooking(
        row[1],
        CarriedBooking(booking=kept_of(row[:-1]).booking, updated_at=from_ms(row[-1])),
    )
