"""What is known of bookings."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from calbell.domain.booking import Booking, Status
from calbell.domain.events import TimeSpan
from calbell.domain.people import Person
from calbell.store.connection import Connection, Row, Value
from calbell.store.statements import load
from calbell.store.times import from_ms, to_ms

_SQL = load("bookings")


class KeptBooking(Struct, frozen=True):
    """A booking and the id of its row."""

    id: int
    booking: Booking


class _People(Struct, frozen=True, omit_defaults=True):
    organizer: Person | None = None
    hosts: tuple[Person, ...] = ()
    attendees: tuple[Person, ...] = ()


_people = msgspec.json.Decoder(_People)
_observed = msgspec.json.Decoder(dict[str, datetime])


def open_many(connection: Connection, uids: Iterable[str], now: datetime) -> dict[str, KeptBooking]:
    """The bookings with these uids, new ones known by uid alone; nobody else changes them until
    this transaction ends."""
    at = to_ms(now)
    rows = connection.each(_SQL["open_bookings"], [(uid, at) for uid in sorted(set(uids))])
    return {row[0]: kept_of(row) for row in rows}


def save_many(connection: Connection, kept: Iterable[KeptBooking], now: datetime) -> None:
    """The bookings are as given."""
    connection.each(
        _SQL["save_bookings"],
        [
            (entry.id, *columns_of(entry.booking))
            for entry in sorted(kept, key=lambda entry: entry.booking.uid)
        ],
        now=to_ms(now),
    )


def by_ids(connection: Connection, ids: Iterable[int]) -> Mapping[int, Booking]:
    """The bookings with these ids."""
    rows = connection.each(_SQL["bookings_by_id"], [(id_,) for id_ in sorted(set(ids))])
    return {row[1]: kept_of(row).booking for row in rows}


def by_uids(connection: Connection, uids: Iterable[str]) -> Mapping[str, Booking]:
    """Those of the bookings with these uids that are known, by uid."""
    return {kept.booking.uid: kept.booking for kept in rows_by_uid(connection, uids)}


def rows_by_uid(connection: Connection, uids: Iterable[str]) -> list[KeptBooking]:
    """The same, with the ids of their rows."""
    rows = connection.each(_SQL["bookings_by_uid"], [(uid,) for uid in sorted(set(uids))])
    return [kept_of(row) for row in rows]


def by_uid(connection: Connection, uid: str) -> KeptBooking | None:
    """The booking with this uid."""
    rows = connection.run(_SQL["booking_by_uid"], uid=uid)
    return kept_of(rows[0]) if rows else None


def upcoming_of(
    connection: Connection, user_id: int, addresses: Iterable[str], now: datetime
) -> list[KeptBooking]:
    """The bookings that are not over yet and name the user, by id or by one of the addresses; they
    are locked, in the order of their uids. Looks through all of them: nobody waits for it."""
    rows = connection.each(
        _SQL["upcoming_bookings"], patterns_of(user_id, addresses), now=to_ms(now)
    )
    found = {row[0]: kept_of(row) for row in rows}
    return [found[uid] for uid in sorted(found)]


def patterns_of(user_id: int, addresses: Iterable[str]) -> list[tuple[str]]:
    """What the people of bookings are like that name the user, each in a row of its own."""
    named = [f'"user_id":{user_id}' + "}", *(_encoded(address) for address in addresses)]
    return [(f"%{_literal(text)}%",) for text in named]


def columns_of(booking: Booking) -> tuple[Value, ...]:
    """What is kept of a booking beside its uid, in the order in which it is kept."""
    return (
        booking.status,
        booking.title,
        to_ms(booking.times.start_at) if booking.times else None,
        to_ms(booking.times.end_at) if booking.times else None,
        booking.place,
        _text(_People(booking.organizer, booking.hosts, booking.attendees)),
        booking.seats,
        _text(booking.observed),
        booking.replaced_by_uid,
        booking.version,
    )


def naming_columns_of(booking: Booking) -> tuple[Value, ...]:
    """What of that may name somebody: title, place, people and what was observed."""
    people = _text(_People(booking.organizer, booking.hosts, booking.attendees))
    return booking.title, booking.place, people, _text(booking.observed)


def _encoded(address: str) -> str:
    return f'"email":{_text(address)}'


def _literal(text: str) -> str:
    """The text in a pattern, where it stands for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def kept_of(row: Row) -> KeptBooking:
    """The booking of a row as statements select it: its uid, its id, and the rest in order."""
    uid, id_, status, title, start, end, place, people, seats, observed, replaced_by, version = row
    persons = _people.decode(people)
    return KeptBooking(
        id_,
        Booking(
            uid=uid,
            status=Status(status) if status else None,
            title=title,
            times=TimeSpan(from_ms(start), from_ms(end)) if start is not None else None,
            place=place,
            organizer=persons.organizer,
            hosts=persons.hosts,
            attendees=persons.attendees,
            seats=seats,
            observed=_observed.decode(observed),
            replaced_by_uid=replaced_by,
            version=version,
        ),
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
