"""Search: bookings, people and events, as operators look for them. However much there is, only a
bounded part of it is looked at."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from calbell.store import users
from calbell.store.bookings import patterns_of
from calbell.store.connection import Connection, Row
from calbell.store.keys import ListedKey, listed_key
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("search")

MOST = 50
"""Of a kind, on one page."""

LOOKED = 20_000
"""Rows that are looked through for a person."""

NEWEST = 500
"""Events and notifications from which bookings are found."""

BEYOND = 1 << 53
"""Above every id."""


class FoundBooking(Struct, frozen=True):
    """A booking in a list: nothing that names anybody."""

    uid: str
    status: str | None
    start_at: datetime | None
    end_at: datetime | None
    replaced_by_uid: str | None


class FoundUser(Struct, frozen=True):
    """A user in a list, with how many phones he has and how many of them can be rung. `is_exact`:
    by his id or one of his addresses, whole."""

    id: int
    name: str
    phones: int
    awake: int
    is_exact: bool = False


class FoundEvent(Struct, frozen=True, kw_only=True):
    """An event in a list. `row` is where the next page goes on."""

    row: int
    event_id: str
    trigger: str
    state: str
    reason: str | None
    recipients: int
    received_at: datetime
    uid: str | None
    size: int


class WholeEvent(Struct, frozen=True, kw_only=True):
    """An event with its body as it came."""

    row: int
    event_id: str
    trigger: str
    kind: str | None
    uid: str | None
    state: str
    reason: str | None
    recipients: int
    sent_at: datetime
    received_at: datetime
    raw: bytes


def heard_of(connection: Connection) -> list[FoundBooking]:
    """Bookings that were heard of last."""
    rows = connection.run(_SQL["bookings_heard_of"], looked=NEWEST, number=MOST)
    return [_booking(row) for row in rows]


def of_user(connection: Connection, user_id: int) -> list[FoundBooking]:
    """Bookings of which something was to be told to the user, the newest."""
    rows = connection.run(_SQL["bookings_of_user"], user_id=user_id, looked=NEWEST, number=MOST)
    return [_booking(row) for row in rows]


def between(
    connection: Connection, since: datetime, until: datetime, address: str | None
) -> list[FoundBooking]:
    """Bookings that take place then, those that last for longer than a day left aside, or those of
    them that name somebody with this address."""
    pattern = "%" if address is None else patterns_of(0, [address])[-1][0]
    rows = connection.run(
        _SQL["bookings_between"],
        since=to_ms(since),
        until=to_ms(until),
        ends_by=to_ms(until + timedelta(days=1)),
        pattern=pattern,
        looked=LOOKED,
        number=MOST,
    )
    return [_booking(row) for row in rows]


def people(connection: Connection, text: str, after: int = 0) -> list[FoundUser]:
    """Users with this id or address; else those whose name, username or address looks like it;
    without a text all, from an id on."""
    if not text:
        return _users(connection, connection.run(_SQL["users_after"], after=after, number=MOST))
    ids = [int(text)] if text.isascii() and text.isdigit() and len(text) < 16 else []
    exact = users.directory(connection, ids, [text.lower()]).by_id
    if exact:
        found = [(one.id, one.name) for one in exact.values()]
        return _users(connection, found, is_exact=True)
    rows = connection.run(
        _SQL["users_like"], pattern=f"%{_literal(text.lower())}%", looked=LOOKED, number=MOST
    )
    return _users(connection, rows)


def keys_of(connection: Connection, user_id: int) -> list[ListedKey]:
    """The user's keys, oldest first."""
    return [listed_key(row) for row in connection.run(_SQL["keys_of_user"], user_id=user_id)]


def event(connection: Connection, event_id: str) -> WholeEvent | None:
    """The event with this id, and its body."""
    rows = connection.run(_SQL["event_by_id"], public_id=event_id)
    if not rows:
        return None
    row, public_id, trigger, kind, uid, state, reason, recipients, sent, received, raw = rows[0]
    return WholeEvent(
        row=row,
        event_id=public_id,
        trigger=trigger,
        kind=kind,
        uid=uid,
        state=state,
        reason=reason,
        recipients=recipients,
        sent_at=from_ms(sent),
        received_at=from_ms(received),
        raw=bytes(raw),
    )


def events(connection: Connection, below: int = BEYOND, *, unreadable: bool) -> list[FoundEvent]:
    """What came in, newest first, of rows below this one; or only what nobody could read."""
    name = "page_of_unreadable" if unreadable else "page_of_events"
    return [
        FoundEvent(
            row=row,
            event_id=public_id,
            trigger=trigger,
            state=state,
            reason=reason,
            recipients=recipients,
            received_at=from_ms(received),
            uid=uid,
            size=size,
        )
        for row, public_id, trigger, state, reason, recipients, received, uid, size in (
            connection.run(_SQL[name], below=below, number=MOST)
        )
    ]


def _booking(row: Row) -> FoundBooking:
    uid, status, start, end, replaced_by, _ = row
    return FoundBooking(uid, status, maybe_from_ms(start), maybe_from_ms(end), replaced_by)


def _users(
    connection: Connection, rows: Iterable[Row], *, is_exact: bool = False
) -> list[FoundUser]:
    found = sorted((id_, name) for id_, name in rows)
    counted = {
        id_: (all_, awake)
        for id_, all_, awake in connection.each(
            _SQL["phones_of_each"], [(id_,) for id_, _ in found]
        )
    }
    return [FoundUser(id_, name, *counted.get(id_, (0, 0)), is_exact) for id_, name in found]


def _literal(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\%_" else char for char in text)
