"""Users, keys and sources, as they are carried from one database to another."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from calbell.domain.carried import CarriedKey, CarriedSource, CarriedUser
from calbell.store import removals, sources, users
from calbell.store.connection import Connection, Row, Value
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, maybe_to_ms, to_ms

_SQL = load("carried_people")
_SAVE_ADDRESS = load("users")["save_address"]


def counts(connection: Connection) -> tuple[int, int, int, int]:
    """How many users, keys, devices and sources there are."""
    ((users, keys, devices, hooks),) = connection.run(_SQL["count_people"])
    return users, keys, devices, hooks


def page_of_users(connection: Connection, after: int, number: int) -> list[CarriedUser]:
    """Users in the order of their ids, `number` of those above `after`."""
    return _users(connection, connection.run(_SQL["page_of_users"], after=after, number=number))


def known_users(connection: Connection, ids: Iterable[int]) -> dict[int, CarriedUser]:
    """Those of these users who are known, by id; they are locked."""
    rows = connection.each(_SQL["known_users"], [(id_,) for id_ in sorted(set(ids))])
    return {user.id: user for user in _users(connection, rows)}


def removed_users(connection: Connection, ids: Iterable[int]) -> dict[int, datetime]:
    """Those of these users who were removed, and when; they are locked."""
    rows = connection.each(_SQL["removed_users"], [(id_,) for id_ in sorted(set(ids))])
    return {id_: from_ms(at) for id_, at in rows}


def known_user_ids(connection: Connection, ids: Iterable[int | None]) -> set[int]:
    """Who of these is known."""
    wanted = sorted({id_ for id_ in ids if id_ is not None})
    return {id_ for (id_,) in connection.each(_SQL["known_user_ids"], [(id_,) for id_ in wanted])}


def holders(connection: Connection, addresses: Iterable[str]) -> dict[str, tuple[int, datetime]]:
    """Who has these addresses, and when that user changed last."""
    rows = connection.each(_SQL["holders_of_addresses"], [(a,) for a in sorted(set(addresses))])
    return {address: (user_id, from_ms(at)) for address, user_id, at in rows}


def keep_users(
    connection: Connection,
    added: Sequence[CarriedUser],
    changed: Sequence[CarriedUser],
    addresses: Mapping[str, tuple[int, bool]],
    now: datetime,
) -> None:
    """The users are as given; `addresses` are all that they have now: whose each is, and whether it
    is the primary one."""
    losing = users.holders(connection, addresses)
    connection.each(_SQL["insert_users"], sorted(map(_user_row, added)), now=to_ms(now))
    connection.each(_SQL["update_users"], sorted(map(_user_row, changed)), now=to_ms(now))
    connection.each(_SQL["drop_addresses_of_users"], sorted((user.id,) for user in changed))
    connection.each(
        _SAVE_ADDRESS,
        [
            (address, user_id, int(is_primary))
            for address, (user_id, is_primary) in sorted(addresses.items())
        ],
    )
    users.note_changes(connection, losing.values(), now)
    for user in added:
        removals.come_back(connection, user.id)
    removals.give(connection, sorted(addresses))


def page_of_keys(connection: Connection, after: int, number: int) -> list[CarriedKey]:
    """Keys in the order of their ids, `number` of those above `after`."""
    return [_key(row) for row in connection.run(_SQL["page_of_keys"], after=after, number=number)]


def keys_of(connection: Connection, user_id: int) -> list[CarriedKey]:
    """The user's keys, oldest first."""
    return [_key(row) for row in connection.run(_SQL["keys_of_user"], user_id=user_id)]


def known_keys(connection: Connection, hashes: Iterable[str]) -> dict[str, CarriedKey]:
    """Those of these keys that are known, by hash; they are locked."""
    rows = connection.each(_SQL["known_keys"], [(hash_,) for hash_ in sorted(set(hashes))])
    return {key.hash: key for key in map(_key, rows)}


def keep_keys(
    connection: Connection, added: Sequence[CarriedKey], changed: Sequence[CarriedKey]
) -> None:
    """The keys are as given. Those added keep their ids, unless another key has it."""
    wanted = [(key.id,) for key in added]
    taken = {id_ for (id_,) in connection.each(_SQL["known_key_ids"], wanted)}
    numbered, others = list[tuple[Value, ...]](), list[tuple[Value, ...]]()
    for key in added:
        if key.id in taken:
            others.append(_key_row(key))
        else:
            taken.add(key.id)
            numbered.append((key.id, *_key_row(key)))
    connection.each(_SQL["insert_numbered_keys"], numbered)
    connection.each(_SQL["insert_keys"], others)
    connection.each(
        _SQL["update_keys"],
        sorted(
            (key.hash, maybe_to_ms(key.revoked_at), maybe_to_ms(key.last_used_at))
            for key in changed
        ),
    )


def all_sources(connection: Connection) -> list[CarriedSource]:
    """All sources, oldest first."""
    return [
        CarriedSource(
            path=source.path,
            secret=source.secret,
            old_secret=source.old_secret,
            old_until=source.old_until,
            scope=source.scope,
            user_id=source.user_id,
            remote_id=source.remote_id,
            last_event_at=source.last_event_at,
        )
        for source in sources.listed(connection)
    ]


def known_sources(connection: Connection, paths: Iterable[str]) -> dict[str, CarriedSource]:
    """Those of these sources that are known, by path; they are locked."""
    rows = connection.each(_SQL["known_sources"], [(path,) for path in sorted(set(paths))])
    return {source.path: source for source in map(_source, rows)}


def keep_sources(
    connection: Connection, added: Iterable[CarriedSource], changed: Iterable[CarriedSource]
) -> None:
    """The sources are as given."""
    connection.each(_SQL["insert_sources"], [_source_row(source) for source in added])
    connection.each(_SQL["update_sources"], [_source_row(source) for source in changed])


def _users(connection: Connection, rows: Sequence[Row]) -> list[CarriedUser]:
    found: dict[int, list[tuple[bool, str]]] = {row[0]: [] for row in rows}
    for user_id, address, is_primary in connection.each(
        _SQL["addresses_of_users"], [(id_,) for id_ in found]
    ):
        found[user_id].append((not is_primary, address))
    return [
        CarriedUser(
            id=id_,
            name=name,
            username=username,
            time_zone=time_zone,
            locale=locale,
            time_format=time_format,
            source=source,
            organization_id=organization_id,
            preferences=preferences,
            addresses=tuple(address for _, address in sorted(found[id_])),
            created_at=from_ms(created_at),
            refreshed_at=from_ms(refreshed_at),
        )
        for (
            id_,
            name,
            username,
            time_zone,
            locale,
            time_format,
            source,
            organization_id,
            preferences,
            created_at,
            refreshed_at,
        ) in rows
    ]


def _user_row(user: CarriedUser) -> tuple[Value, ...]:
    return (
        user.id,
        user.name,
        user.username,
        user.time_zone,
        user.locale,
        user.time_format,
        user.source,
        user.organization_id,
        user.preferences,
        to_ms(user.created_at),
        to_ms(user.refreshed_at),
    )


def _key(row: Row) -> CarriedKey:
    id_, user_id, role, hash_, hint, name, created, expires_on, revoked, used = row
    return CarriedKey(
        id=id_,
        user_id=user_id,
        role=role,
        hash=hash_,
        hint=hint,
        name=name,
        created_at=from_ms(created),
        expires_on=date.fromisoformat(expires_on) if expires_on else None,
        revoked_at=maybe_from_ms(revoked),
        last_used_at=maybe_from_ms(used),
    )


def _key_row(key: CarriedKey) -> tuple[Value, ...]:
    return (
        key.user_id,
        key.role,
        key.hash,
        key.hint,
        key.name,
        to_ms(key.created_at),
        key.expires_on.isoformat() if key.expires_on else None,
        maybe_to_ms(key.revoked_at),
        maybe_to_ms(key.last_used_at),
    )


def _source(row: Row) -> CarriedSource:
    path, secret, old_secret, old_until, scope, user_id, remote_id, last_event_at = row
    return CarriedSource(
        path=path,
        secret=secret,
        old_secret=old_secret,
        old_until=maybe_from_ms(old_until),
        scope=scope,
        user_id=user_id,
        remote_id=remote_id,
        last_event_at=maybe_from_ms(last_event_at),
    )


def _source_row(source: CarriedSource) -> tuple[Value, ...]:
    return (
        source.path,
        source.secret,
        source.old_secret,
        maybe_to_ms(source.old_until),
        source.scope,
        source.user_id,
        source.remote_id,
        maybe_to_ms(source.last_event_at),
    )
