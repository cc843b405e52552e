"""Removals: a user is gone at once for all that is told, and then from all that was kept.

The second part goes in steps, each a short transaction that keeps how far it is: whoever goes on,
after whatever broke off, goes on from there.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from calbell.domain.notification import BookingFacts
from calbell.domain.veil import SHORTEST_NAME, Veil, address_hash
from calbell.store import bookings
from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import to_ms

_SQL = load("removals")
_GONE = load("retention")
_facts = msgspec.json.Decoder(BookingFacts)

_LIGHTEST = 8
"""What was said to somebody is hardly ever fewer rows."""
_LONG_ROWS = 8
"""Bodies of events are so much longer than other rows."""


class Part(StrEnum):
    """What is gone through, in this order."""

    HIS_OWN = "his_own"
    BOOKINGS = "bookings"
    FACTS = "facts"
    EVENTS = "events"
    REST = "rest"


class Details(Struct, frozen=True, omit_defaults=True):
    """Whom to look for, and how far that is."""

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    phones: tuple[int, ...] = ()
    is_back: bool = False
    part: Part = Part.HIS_OWN
    after: int = 0


_details = msgspec.json.Decoder(Details)


class _Removal(Struct, frozen=True):
    user_id: int
    removed_at: int
    details: Details

    @property
    def veil(self) -> Veil:
        return Veil(
            dict.fromkeys(self.details.addresses, self.user_id),
            frozenset((self.user_id,)),
            frozenset(self.details.names),
        )

    def names(self, text: str) -> bool:
        """Whether the text, JSON of ours, may name him."""
        return f'"user_id":{self.user_id}' in text or any(
            address in text for address in self.details.addresses
        )

    def is_in(self, raw: bytes) -> bool:
        """Whether a body as it came names one of his addresses."""
        lowered = raw.lower()
        return any(address.encode() in lowered for address in self.details.addresses)


def begin(
    connection: Connection, user_id: int, name: str, addresses: tuple[str, ...], now: datetime
) -> None:
    """The user, who is known so, is told nothing any more, has no key, and is not named by what
    comes in from now on. What is kept of him otherwise goes with every `step`."""
    connection.run(_SQL["lock_user"], id=user_id)
    phones = tuple(id_ for (id_,) in connection.run(_SQL["phones_of_user"], id=user_id))
    names = (name,) if len(name) >= SHORTEST_NAME else ()
    details = Details(names=names, addresses=addresses, phones=phones)
    connection.run(_SQL["begin_removal"], id=user_id, now=to_ms(now), details=_text(details))
    hashes = sorted((address_hash(address), user_id) for address in addresses)
    connection.each(_SQL["keep_hashes"], hashes)
    connection.each(_SQL["disown_phones"], [(id_,) for id_ in phones], user_id=user_id)
    for statement in (
        "drop_keys",
        "drop_subscriptions",
        "drop_sources",
        "drop_addresses_of",
        "drop_notices",
    ):
        connection.run(_SQL[statement], id=user_id)
    connection.run(_SQL["forget_user"], id=user_id, now=to_ms(now))


def is_under_way(connection: Connection) -> bool:
    """Whether there is anything left to do."""
    return bool(connection.run(_SQL["removals_under_way"]))


def veil_for(connection: Connection, addresses: Iterable[str]) -> Veil | None:
    """Who of those with these addresses was removed."""
    if not connection.run(_SQL["any_hash"]):
        return None
    by_hash = {address_hash(address): address for address in addresses}
    rows = connection.each(_SQL["known_hashes"], [(hash_,) for hash_ in sorted(by_hash)])
    found: Mapping[str, int] = {by_hash[hash_]: user_id for hash_, user_id in rows}
    return Veil(found) if found else None


def step(connection: Connection, room: int) -> bool:
    """At most about `room` rows further with somebody; whether there may be more to do."""
    rows = connection.run(_SQL["next_removal"])
    if not rows:
        return False
    connection.run(_GONE["go_by_indexes"])
    user_id, removed_at, text = rows[0]
    removal = _Removal(user_id, removed_at, _details.decode(text))
    after = _after(connection, removal, room)
    connection.run(_SQL["keep_place"], id=user_id, details=None if after is None else _text(after))
    return True


def _after(connection: Connection, removal: _Removal, room: int) -> Details | None:
    """The step is done; where the next one goes on."""
    details = removal.details
    match details.part:
        case Part.HIS_OWN:
            if _his_own(connection, removal, room):
                return details
            # What others say of him is true again where he is back.
            return replace(details, part=Part.REST if details.is_back else Part.BOOKINGS)
        case Part.BOOKINGS:
            return _next(details, _veil_bookings(connection, removal, room), Part.FACTS)
        case Part.FACTS:
            return _next(details, _veil_facts(connection, removal, room), Part.EVENTS)
        case Part.EVENTS:
            last = _veil_events(connection, removal, max(room // _LONG_ROWS, 1))
            return _next(details, last, Part.REST)
        case Part.REST:
            if not details.is_back:
                for statement in ("drop_keys", "drop_subscriptions"):
                    connection.run(_SQL[statement], id=removal.user_id)
            connection.each(_GONE["delete_phones"], [(id_,) for id_ in sorted(details.phones)])
            return None
        case _:
            assert_never(details.part)


def _next(details: Details, last: int | None, following: Part) -> Details:
    return (
        replace(details, part=following, after=0) if last is None else replace(details, after=last)
    )


def _his_own(connection: Connection, removal: _Removal, room: int) -> int:
    """How much of what was said to him has gone, with its deliveries, also what waits."""
    told = connection.run(
        _SQL["told_before"],
        id=removal.user_id,
        removed_at=removal.removed_at,
        number=max(room // _LIGHTEST, 1),
    )
    number = max(room // 2, 1)
    gone = 0
    for row in told:
        gone += connection.count(_SQL["drop_deliveries_of"], id=row[0], number=number - gone)
        if gone >= number:
            return gone
    connection.each(_GONE["delete_notifications"], told)
    return len(told)


def _veil_bookings(connection: Connection, removal: _Removal, room: int) -> int | None:
    page = connection.run(_SQL["page_of_bookings"], after=removal.details.after, number=room)
    naming = sorted((uid,) for _, uid, *texts in page if any(map(removal.names, texts)))
    found = map(bookings.kept_of, connection.each(_SQL["bookings_by_uid"], naming))
    veiled = ((one.id, removal.veil.over_booking(one.booking)) for one in found)
    connection.each(
        _SQL["veil_bookings"],
        [(id_, *bookings.naming_columns_of(booking)) for id_, booking in veiled],
    )
    return page[-1][0] if len(page) == room else None


def _veil_facts(connection: Connection, removal: _Removal, room: int) -> int | None:
    page = connection.run(_SQL["page_of_facts"], after=removal.details.after, number=room)
    naming = [(id_, text) for id_, text in page if removal.names(text)]
    connection.each(
        _SQL["veil_facts"],
        [(id_, _text(removal.veil.over_facts(_facts.decode(text)))) for id_, text in naming],
    )
    connection.each(_SQL["drop_words_hashes"], [(id_,) for id_, _ in naming])
    return page[-1][0] if len(page) == room else None


def _veil_events(connection: Connection, removal: _Removal, room: int) -> int | None:
    page = connection.run(_SQL["page_of_events"], after=removal.details.after, number=room)
    connection.each(
        _SQL["veil_events"],
        [
            (id_, removal.veil.address(actor))
            for id_, actor, raw in page
            if actor in removal.details.addresses or removal.is_in(raw)
        ],
        nothing=b"",
    )
    return page[-1][0] if len(page) == room else None


def come_back(connection: Connection, user_id: int) -> None:
    """The user is here again: what is told from now on may name him. What was told to him before he
    was removed goes all the same, and at once what still waited to be told: it is planned anew."""
    connection.run(_SQL["free_user"], id=user_id)
    for id_, removed_at, text in connection.run(_SQL["removals_under_way"]):
        details = _details.decode(text)
        if id_ == user_id and not details.is_back:
            connection.run(_SQL["drop_waiting"], id=user_id, removed_at=removed_at)
            part = Part.HIS_OWN if details.part is Part.HIS_OWN else Part.REST
            _keep(connection, id_, replace(details, is_back=True, part=part, after=0))


def give(connection: Connection, addresses: Sequence[str]) -> None:
    """Somebody has these addresses now: what names them does not name who had them before."""
    given = set(addresses)
    connection.each(_SQL["free_hashes"], sorted((address_hash(one),) for one in given))
    for id_, _, text in connection.run(_SQL["removals_under_way"]):
        details = _details.decode(text)
        left = tuple(one for one in details.addresses if one not in given)
        if left != details.addresses:
            _keep(connection, id_, replace(details, addresses=left))


def _keep(connection: Connection, user_id: int, details: Details) -> None:
    connection.run(_SQL["keep_place"], id=user_id, details=_text(details))


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
