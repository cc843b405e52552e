"""Subscriptions with their phones, as they are carried from one database to another.

Whoever changes phones locks them in the order of their token hashes, before their subscriptions.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from calbell.domain.carried import CarriedDevice, CarriedPhone
from calbell.domain.push_tokens import token_hash
from calbell.domain.subscription import Platform
from calbell.store import subscriptions
from calbell.store.connection import Connection, Row, Value
from calbell.store.projects import UNKNOWN
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, maybe_to_ms, to_ms

_SQL = load("carried_devices")


class Known(Struct, frozen=True):
    """What is known of a list of devices: phones by token with the ids of their rows, and
    subscriptions by user and token."""

    phones: dict[str, tuple[int, CarriedPhone]]
    devices: dict[tuple[int, str], CarriedDevice]


def page(connection: Connection, after: int, number: int) -> list[CarriedDevice]:
    """Devices in the order of their ids, `number` of those above `after`."""
    rows = connection.run(_SQL["page_of_devices"], after=after, number=number)
    return [_device(row) for row in rows]


def of_user(connection: Connection, user_id: int) -> list[CarriedDevice]:
    """The user's devices, in the order of registration."""
    rows = connection.run(_SQL["carried_devices_of_user"], user_id=user_id)
    return [_device(row) for row in rows]


def known(connection: Connection, wanted: Iterable[tuple[int, str]]) -> Known:
    """What is known of these users' subscriptions to these tokens; the phones are locked."""
    tokens = {(token_hash(token), user_id): token for user_id, token in wanted}
    rows = connection.each(
        _SQL["known_devices"], [(user_id, hash_) for hash_, user_id in sorted(tokens)]
    )
    phones, devices = dict[str, tuple[int, CarriedPhone]](), dict[tuple[int, str], CarriedDevice]()
    for user_id, hash_, phone_id, *rest in rows:
        phone, (id_, *said) = _phone(rest[:7]), rest[7:]
        token = tokens[hash_, user_id]
        phones[token] = (phone_id, phone)
        if id_ is not None:
            platform, device_id, created, updated, seen = said
            devices[user_id, token] = CarriedDevice(
                id=id_,
                user_id=user_id,
                token=token,
                platform=Platform(platform),
                device_id=device_id,
                created_at=from_ms(created),
                updated_at=from_ms(updated),
                last_seen_at=maybe_from_ms(seen),
                phone=phone,
            )
    return Known(phones, devices)


def keep_phones(
    connection: Connection,
    phones: Mapping[str, CarriedPhone],
    before: Mapping[str, tuple[int, CarriedPhone]],
    project_ids: Mapping[str, int],
    now: datetime,
) -> dict[str, int]:
    """These phones, by token, are as given; the ids of their rows. `before` are those of them that
    were known."""
    hashes = {token: token_hash(token) for token in phones}
    added = sorted(
        (
            token,
            hashes[token],
            UNKNOWN if phone.project is None else project_ids[phone.project],
            *_phone_row(phone),
        )
        for token, phone in phones.items()
        if token not in before
    )
    made: dict[str, int] = dict(
        connection.each(_SQL["insert_phones"], sorted(added, key=lambda row: str(row[1])))
    )
    changed = {t: phone for t, phone in phones.items() if t in before and phone != before[t][1]}
    connection.each(
        _SQL["update_phones"],
        [(before[t][0], *_phone_row(changed[t])) for t in sorted(changed, key=hashes.__getitem__)],
    )
    subscriptions.learn_projects(
        connection,
        {
            token: project_ids[phone.project]
            for token, phone in changed.items()
            if phone.project is not None and phone.project != before[token][1].project
        },
        now,
    )
    return {t: before[t][0] if t in before else made[hashes[t]] for t in phones}


def keep_subscriptions(
    connection: Connection,
    added: Sequence[CarriedDevice],
    changed: Iterable[CarriedDevice],
    phone_ids: Mapping[str, int],
) -> None:
    """The subscriptions are as given. Those added keep their ids, unless another one has it."""
    wanted = [(device.id,) for device in added if device.id is not None]
    taken = {id_ for (id_,) in connection.each(_SQL["known_subscription_ids"], wanted)}
    numbered, others = list[tuple[Value, ...]](), list[tuple[Value, ...]]()
    for device in added:
        row = (
            device.user_id,
            phone_ids[device.token],
            device.platform,
            device.device_id,
            to_ms(device.created_at),
            to_ms(device.updated_at),
            maybe_to_ms(device.last_seen_at),
        )
        if device.id is None or device.id in taken:
            others.append(row)
        else:
            taken.add(device.id)
            numbered.append((device.id, *row))
    connection.each(_SQL["insert_numbered_subscriptions"], numbered)
    connection.each(_SQL["insert_subscriptions"], others)
    connection.each(
        _SQL["update_subscriptions"],
        [
            (
                device.id,
                device.platform,
                device.device_id,
                to_ms(device.updated_at),
                maybe_to_ms(device.last_seen_at),
            )
            for device in changed
        ],
    )


def _device(row: Row) -> CarriedDevice:
    id_, user_id, token, platform, device_id, created, updated, seen, *phone = row
    return CarriedDevice(
        id=id_,
        user_id=user_id,
        token=token,
        platform=Platform(platform),
        device_id=device_id,
        created_at=from_ms(created),
        updated_at=from_ms(updated),
        last_seen_at=maybe_from_ms(seen),
        phone=_phone(phone),
    )


def _phone(row: Sequence[Any]) -> CarriedPhone:
    owner, registered, dead_at, dead_code, receipt_at, receipt_code, project = row
    return CarriedPhone(
        owner_user_id=owner,
        registered_at=from_ms(registered),
        dead_at=maybe_from_ms(dead_at),
        dead_code=dead_code,
        last_receipt_at=maybe_from_ms(receipt_at),
        last_receipt_code=receipt_code,
        project=project,
    )


def _phone_row(phone: CarriedPhone) -> tuple[Value, ...]:
    return (
        phone.owner_user_id,
        to_ms(phone.registered_at),
        maybe_to_ms(phone.dead_at),
        phone.dead_code,
        maybe_to_ms(phone.last_receipt_at),
        phone.last_receipt_code,
    )
