"""Retention: what is over goes in steps, each a transaction that is short whatever it meets.

A step is bounded by the rows that go, not by the bookings: one that has more than fit is taken
apart, from its leaves on. Nothing unfinished goes: no notification that waits, no delivery that is
queued, being sent, or awaits a receipt, and no booking with one.
"""

from enum import Enum, auto
from typing import assert_never

from msgspec import Struct

from calbell.domain.retention import Horizon, portion
from calbell.store import notices
from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import to_ms

_SQL = load("retention")

_BEFORE_ALL_TIME = -(1 << 53)
_LIGHTEST = 8
"""A booking that was told to somebody is hardly ever fewer rows. Lighter ones go in more steps."""
_WITH_KEY = 2
"""Rows that go with an event: itself and its key."""


class Kind(Enum):
    """What goes, in this order."""

    BOOKINGS = auto()
    NOTIFICATIONS = auto()
    EVENTS = auto()
    PHONES = auto()
    NOTICES = auto()


class Place(Struct, frozen=True):
    """How far a pass over everything has come: what is unfinished is passed over."""

    kind: Kind = Kind.BOOKINGS
    at: int = _BEFORE_ALL_TIME
    after: int = 0


class Step(Struct, frozen=True):
    """How many rows went, at most, and where to go on; `None`: the pass is over."""

    gone: int
    place: Place | None


def forget(connection: Connection, horizon: Horizon, place: Place, room: int) -> Step:
    """One step of a pass: at most about `room` rows that are older than the horizon are gone, from
    that place on."""
    connection.run(_SQL["go_by_indexes"])
    match place.kind:
        case Kind.BOOKINGS:
            step = _bookings(connection, horizon, place, room)
        case Kind.NOTIFICATIONS:
            step = _untied_notifications(connection, horizon, place, room)
        case Kind.EVENTS:
            step = _untied_events(connection, horizon, room)
        case Kind.PHONES:
            step = _phones(connection, horizon, place, room)
        case Kind.NOTICES:
            number = notices.forget(connection, horizon.over_before, room)
            return Step(number, Place(Kind.NOTICES) if number == room else None)
        case _:
            assert_never(place.kind)
    if step.place is not None:
        return step
    following = Place(Kind(place.kind.value + 1))
    return Step(step.gone, following) if step.gone else forget(connection, horizon, following, room)


def _bookings(connection: Connection, horizon: Horizon, place: Place, room: int) -> Step:
    number = max(room // _LIGHTEST, 1)
    over = connection.run(
        _SQL["over_bookings"],
        at=place.at,
        after=place.after,
        before=to_ms(horizon.over_before),
        quiet_since=to_ms(horizon.quiet_since),
        number=number,
    )
    weights: dict[int, int | None] = dict(
        connection.each(_SQL["weigh_bookings"], [(id_,) for id_, _ in over], most=room)
    )
    chosen = portion([(id_, weights[id_]) for id_, _ in over], room)
    gone, seen = 0, chosen.seen
    if chosen.large is not None:
        gone = _take_apart(connection, chosen.large, room)
        # One of which nothing can go yet is passed over.
        seen += not gone
    ids = [(id_,) for id_ in chosen.whole]
    connection.each(_SQL["delete_told"], ids)
    connection.each(_SQL["delete_bookings"], ids)
    gone += sum(weights[id_] or 0 for id_ in chosen.whole)
    if seen == len(over) < number:
        return Step(gone, None)
    if seen == 0:
        return Step(gone, place)
    id_, at = over[seen - 1]
    return Step(gone, Place(Kind.BOOKINGS, at, id_))


def _take_apart(connection: Connection, booking_id: int, room: int) -> int:
    """Something of a booking that is too large to go at once has gone: how many rows."""
    number = max(room // _LIGHTEST, 1)
    told = connection.run(_SQL["some_told"], booking_id=booking_id, number=number)
    return (
        _notifications(connection, [id_ for (id_,) in told], room)[0]
        or connection.count(_SQL["part_notifications"], booking_id=booking_id, number=room)
        or _WITH_KEY
        * connection.count(
            _SQL["trim_events"], booking_id=booking_id, number=max(room // _WITH_KEY, 1)
        )
    )


def _untied_notifications(
    connection: Connection, horizon: Horizon, place: Place, room: int
) -> Step:
    number = max(room // _LIGHTEST, 1)
    old = connection.run(
        _SQL["untied_notifications"],
        at=place.at,
        after=place.after,
        before=to_ms(horizon.over_before),
        number=number,
    )
    gone, seen = _notifications(connection, [id_ for id_, _ in old], room)
    if seen == len(old) < number:
        return Step(gone, None)
    if seen == 0:
        return Step(gone, place)
    id_, at = old[seen - 1]
    return Step(gone, Place(Kind.NOTIFICATIONS, at, id_))


def _notifications(connection: Connection, ids: list[int], room: int) -> tuple[int, int]:
    """As many of these as there is room for are gone: how many rows, and how many of the list were
    seen to."""
    weights: dict[int, int | None] = dict(
        connection.each(_SQL["weigh_notifications"], [(id_,) for id_ in ids], most=room)
    )
    chosen = portion([(id_, weights.get(id_)) for id_ in ids], room)
    gone, seen = 0, chosen.seen
    if chosen.large is not None:
        half, large = max(room // 2, 1), chosen.large
        gone += connection.count(_SQL["trim_attempts"], notification_id=large, number=half)
        gone += connection.count(_SQL["trim_deliveries"], notification_id=large, number=half)
        seen += not gone
    connection.each(_SQL["delete_notifications"], [(id_,) for id_ in chosen.whole])
    return gone + sum(weights[id_] or 0 for id_ in chosen.whole), seen


def _untied_events(connection: Connection, horizon: Horizon, room: int) -> Step:
    number = max(room // _WITH_KEY, 1)
    before = to_ms(horizon.over_before)
    old = connection.run(_SQL["untied_events"], before=before, number=number)
    connection.each(_SQL["delete_events"], old)
    return Step(len(old) * _WITH_KEY, Place(Kind.EVENTS) if len(old) == number else None)


def _phones(connection: Connection, horizon: Horizon, place: Place, room: int) -> Step:
    before = to_ms(horizon.over_before)
    phones = connection.run(_SQL["disowned_phones"], after=place.after, before=before, number=room)
    gone = len(connection.each(_SQL["delete_phones"], phones))
    if len(phones) < room:
        return Step(gone, None)
    return Step(gone, Place(Kind.PHONES, after=phones[-1][0]))
