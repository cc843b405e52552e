"""Users and their addresses."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from calbell.domain.people import Directory, User
from calbell.store.connection import Connection, Row
from calbell.store.statements import load
from calbell.store.times import from_ms, to_ms

_SQL = load("users")


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


def save(connection: Connection, profile: Profile, now: datetime) -> None:
    """The user is as given. An address belongs to whoever was given it last."""
    connection.run(
        _SQL["save_user"],
        id=profile.id,
        name=profile.name,
        username=profile.username,
        time_zone=profile.time_zone,
        locale=profile.locale,
        time_format=profile.time_format,
        source=profile.source,
        now=to_ms(now),
    )
    connection.run(_SQL["drop_addresses"], user_id=profile.id)
    connection.each(
        _SQL["save_address"],
        [
            (address.lower(), profile.id, int(rank == 0))
            for rank, address in enumerate(dict.fromkeys(profile.addresses))
        ],
    )


def remove(connection: Connection, user_id: int) -> bool:
    """The user is gone with everything that was his; whether there was one."""
    return connection.count(_SQL["remove_user"], id=user_id) > 0


def find(connection: Connection, user_id: int) -> Profile | None:
    """One user, with his addresses."""
    rows = connection.run(_SQL["one_user"], id=user_id)
    return _profile(connection, rows[0]) if rows else None


def every(connection: Connection) -> list[Profile]:
    """All users, in the order of their ids."""
    return [_profile(connection, row) for row in connection.run(_SQL["all_users"])]


def directory(connection: Connection, ids: Iterable[int], addresses: Iterable[str]) -> Directory:
    """The users that have one of these ids or addresses, with all their addresses."""
    holders: dict[str, int] = dict(
        connection.each(_SQL["users_by_address"], [(a,) for a in sorted(addresses)])
    )
    wanted: Sequence[tuple[int]] = [(id_,) for id_ in sorted({*ids, *holders.values()})]
    rows = connection.each(_SQL["users_by_id"], wanted)
    theirs: dict[int, set[str]] = {row[0]: set() for row in rows}
    for user_id, address in connection.each(_SQL["addresses_by_user"], wanted):
        theirs[user_id].add(address)
    by_id = {
        id_: User(id_, name, zone, locale, clock, frozenset(theirs[id_]))
        for id_, name, zone, locale, clock in rows
    }
    by_address = {a: by_id[user_id] for a, user_id in holders.items() if user_id in by_id}
    return Directory(by_id, by_address)


def _profile(connection: Connection, row: Row) -> Profile:
    id_, name, username, time_zone, locale, time_format, source, created_at = row
    return Profile(
        id=id_,
        name=name,
        username=username,
        time_zone=time_zone,
        locale=locale,
        time_format=time_format,
        source=source,
        addresses=tuple(a for (a,) in connection.run(_SQL["addresses_of"], user_id=id_)),
        created_at=from_ms(created_at),
    )
