"""History: what came in about bookings, and what was made of it, for reading it all once more."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct

from calbell.domain.comparison import Was
from calbell.domain.notification import BookingFacts, NotificationState
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.store.connection import Connection, Row
from calbell.store.events import EventState
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("history")

READ_SINCE = 9
"""From this migration on, all that is read here is there: a newer program can read the database
before it is migrated to the newest one."""

_facts = msgspec.json.Decoder(BookingFacts)


class KeptEvent(Struct, frozen=True, kw_only=True):
    """An event with its body as it came, under the key by which it is known again. It was taken in
    at `taken_at`; if nobody could make anything of it then, at `mended_at`."""

    id: int
    booking_id: int | None
    public_id: str
    trigger: str
    state: EventState
    sent_at: datetime
    received_at: datetime
    taken_at: datetime
    mended_at: datetime | None
    raw: bytes
    key: str


class Place(Struct, frozen=True):
    """Where a page begins: above the event `after` of those received at `at`."""

    at: datetime
    after: int = 0


def without_booking(
    connection: Connection, place: Place, until: datetime, number: int
) -> list[KeptEvent]:
    """The next events that were received before `until` and belong to no booking."""
    rows = connection.run(
        _SQL["events_without_booking"],
        at=to_ms(place.at),
        after=place.after,
        until=to_ms(until),
        number=number,
    )
    return [_event(row) for row in rows]


def bookings_in_turn(
    connection: Connection, since: datetime, until: datetime, after: int, number: int
) -> list[tuple[int, int]]:
    """The next bookings of which something came in then, each with the first event of them that
    did: in its order, above the event `after`."""
    rows = connection.run(
        _SQL["bookings_in_turn"],
        since=to_ms(since),
        until=to_ms(until),
        after=after,
        number=number,
    )
    return [(event_id, booking_id) for event_id, booking_id in rows]


def events_of(connection: Connection, booking_ids: Iterable[int]) -> dict[int, list[KeptEvent]]:
    """All that came in about each of these bookings, in its order."""
    found: dict[int, list[KeptEvent]] = {id_: [] for id_ in sorted(set(booking_ids))}
    for row in sorted(connection.each(_SQL["events_of_bookings"], [(id_,) for id_ in found])):
        found[row[1]].append(_event(row))
    return found


def events_by_uid(connection: Connection, uids: Iterable[str]) -> dict[str, list[KeptEvent]]:
    """The same of each booking with one of these uids."""
    found: dict[str, list[KeptEvent]] = {uid: [] for uid in sorted(set(uids))}
    for *row, uid in sorted(connection.each(_SQL["events_by_uid"], [(one,) for one in found])):
        found[uid].append(_event(tuple(row)))
    return found


def told_of(connection: Connection, booking_ids: Iterable[int]) -> dict[int, list[Was]]:
    """All that was planned to be said of each of these bookings, in the order in which it was."""
    ids = [(id_,) for id_ in sorted(set(booking_ids))]
    said: dict[int, tuple[int, str]] = {}
    for _, id_, at, words_hash in sorted(connection.each(_SQL["words_of_bookings"], ids)):
        said[id_] = at, words_hash
    found: dict[int, list[Was]] = {id_: [] for (id_,) in ids}
    for row in sorted(connection.each(_SQL["notifications_of_bookings"], ids)):
        id_, booking_id, event_id, user_id, role, kind, state, reason, due, created, facts = row
        said_at, words_hash = said.get(id_, (None, None))
        found[booking_id].append(
            Was(
                event_id=event_id,
                at=from_ms(created),
                user_id=user_id,
                role=Role(role),
                kind=PushEvent(kind),
                state=NotificationState(state),
                reason=reason,
                due_at=from_ms(due),
                facts=_facts.decode(facts),
                words_hash=words_hash,
                said_at=maybe_from_ms(said_at),
            )
        )
    return found


def users_since(connection: Connection, ids: Iterable[int]) -> dict[int, datetime]:
    """Since when each of these users is as he is."""
    rows = connection.each(_SQL["users_since"], [(id_,) for id_ in sorted(set(ids))])
    return {id_: from_ms(at) for id_, at in rows}


def _event(row: Row) -> KeptEvent:
    id_, booking_id, public_id, trigger, state, sent, received, mended, raw, key, seen = row
    return KeptEvent(
        id=id_,
        booking_id=booking_id,
        public_id=public_id,
        trigger=trigger,
        state=EventState(state),
        sent_at=from_ms(sent),
        received_at=from_ms(received),
        taken_at=from_ms(received if seen is None else seen),
        mended_at=maybe_from_ms(mended),
        raw=raw,
        key=key or "",
    )
