"""Users and their addresses."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from calbell.domain.people import Directory, Person, User
from calbell.store import removals
from calbell.store.connection import Connection, Row
from calbell.store.preferences import choices_of
from calbell.store.statements import load
from calbell.store.times import from_ms, to_ms

_SQL = load("users")

FROM_CALCOM = "calcom"
FROM_OPERATOR = "operator"
"""Where a user was first heard of."""

ALL = 1_000_000_000
"""More than there are."""


class Profile(Struct, frozen=True, kw_only=True):
    """All that is kept of a user. The first address is the primary one."""

    id: int
    name: str
    username: str | None
    time_zone: str
    locale: str
    time_format: int
    source: str
    addresses: tuple[str, ...]
    created_at: datetime
    organization_id: int | None = None


def save(connection: Connection, profile: Profile, now: datetime) -> Profile:
    """The user is as given, but for when he was first heard of; once an operator has given him, he
    stays the operator's. An address belongs to whoever was given it last. One who was removed is
    new here."""
    connection.run(
        _SQL["save_user"],
        id=profile.id,
        name=profile.name,
        username=profile.username,
        time_zone=profile.time_zone,
        locale=profile.locale,
        time_format=profile.time_format,
        source=profile.source,
        organization_id=profile.organization_id,
        now=to_ms(now),
    )
    losing = holders(connection, profile.addresses)
    before = set(_addresses(connection, [profile.id])[profile.id])
    if before != {address.lower() for address in profile.addresses}:
        note_changes(connection, {profile.id, *losing.values()}, now)
    connection.run(_SQL["drop_addresses"], user_id=profile.id)
    connection.each(
        _SQL["save_address"],
        [
            (address.lower(), profile.id, int(rank == 0))
            for rank, address in enumerate(dict.fromkeys(profile.addresses))
        ],
    )
    removals.come_back(connection, profile.id)
    removals.give(connection, profile.addresses)
    kept = find(connection, profile.id)
    assert kept is not None
    return kept


def find(connection: Connection, user_id: int) -> Profile | None:
    """One user, with his addresses."""
    rows = connection.run(_SQL["one_user"], id=user_id)
    return _profile(rows[0], _addresses(connection, [user_id])[user_id]) if rows else None


def note_changes(connection: Connection, ids: Iterable[int], now: datetime) -> None:
    """What these users are told, and how, is from now on not what it was before."""
    rows = [(id_,) for id_ in sorted(set(ids))]
    connection.each(_SQL["note_changes"], rows, now=to_ms(now))


def holders(connection: Connection, addresses: Iterable[str]) -> dict[str, int]:
    """Who has which of these addresses."""
    wanted = sorted({address.lower() for address in addresses})
    return dict(connection.each(_SQL["users_by_address"], [(address,) for address in wanted]))


def listed(connection: Connection, after: int = 0, limit: int = ALL) -> list[Profile]:
    """Users in the order of their ids, up to `limit` of those above `after`."""
    rows = connection.run(_SQL["listed_users"], after=after, limit=limit)
    addresses = _addresses(connection, (row[0] for row in rows))
    return [_profile(row, addresses[row[0]]) for row in rows]


def is_covered(connection: Connection, user_id: int) -> bool:
    """Whether a webhook is connected that tells of this user's bookings."""
    return bool(connection.run(_SQL["covering_source"], user_id=user_id))


def has_own_webhook(connection: Connection, user_id: int) -> bool:
    """Whether a webhook of the user's own is connected."""
    return bool(connection.run(_SQL["own_source"], user_id=user_id))


def directory_of(connection: Connection, people: Iterable[Person | None]) -> Directory:
    """The users whom these people may be, by id or by address."""
    named = [person for person in people if person is not None]
    ids = {person.user_id for person in named if person.user_id is not None}
    return directory(connection, ids, {person.email for person in named})


def directory(connection: Connection, ids: Iterable[int], addresses: Iterable[str]) -> Directory:
    """The users that have one of these ids or addresses, with all their addresses."""
    held = holders(connection, addresses)
    wanted: Sequence[tuple[int]] = [(id_,) for id_ in sorted({*ids, *held.values()})]
    rows = connection.each(_SQL["users_by_id"], wanted)
    theirs = _addresses(connection, (row[0] for row in rows))
    by_id = {
        id_: User(id_, name, zone, locale, clock, frozenset(theirs[id_]), choices_of(text))
        for id_, name, zone, locale, clock, text in rows
    }
    by_address = {a: by_id[user_id] for a, user_id in held.items() if user_id in by_id}
    return Directory(by_id, by_address)


def _addresses(connection: Connection, user_ids: Iterable[int]) -> dict[int, list[str]]:
    """The addresses of these users, the primary one first."""
    found: dict[int, list[str]] = {user_id: [] for user_id in sorted(user_ids)}
    rows = connection.each(_SQL["addresses_by_user"], [(user_id,) for user_id in found])
    for user_id, address in rows:
        found[user_id].append(address)
    return found


def _profile(row: Row, addresses: Iterable[str]) -> Profile:
    id_, name, username, time_zone, locale, time_format, source, organization_id, created_at = row
    return Profile(
        id=id_,
        name=name,
        username=username,
        time_zone=time_zone,
        locale=locale,
        time_format=time_format,
        source=source,
        organization_id=organization_id,
        addresses=tuple(addresses),
        created_at=from_ms(created_at),
    )
