"""Phones and the subscriptions of users to them.

Whoever changes phones locks them in the order of their token hashes, before their subscriptions.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from msgspec import Struct

from calbell.domain.push_tokens import token_hash
from calbell.domain.sightings import Sighting
from calbell.domain.subscription import Platform, Registration, SubscribedPhone, Subscription
from calbell.store.connection import Connection, MissingReference
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("subscriptions")

BAD_TOKEN = "DeveloperError:BadDeviceToken"
TOO_MANY_BAD = 5
"""A token of another environment of Apple's, or one that was never good: it is kept at first, as
the app's set-up may be mended (expo-push.md section 12)."""


class Seen(Struct, frozen=True):
    """A phone that Expo called gone with this code when it was asked then, and what that means."""

    token_hash: str
    phone_id: int
    sighting: Sighting
    code: str
    asked_at: datetime


class Device(Struct, frozen=True, kw_only=True):
    """A subscription as its user may see it, with the health of its phone: why it is dead, and what
    the last receipt said."""

    id: int
    platform: Platform
    token: str
    device_id: str
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime | None
    owner_user_id: int | None
    dead_at: datetime | None
    dead_code: str | None
    last_receipt_at: datetime | None
    last_receipt_code: str | None


def register_many(
    connection: Connection, registrations: Sequence[Registration], now: datetime
) -> list[Subscription]:
    """Each registration is kept, and its phone belongs to its user and is alive.

    No token may stand twice in the list.
    """
    at = to_ms(now)
    hashes = [token_hash(registration.token) for registration in registrations]
    listed = list(zip(registrations, hashes, strict=True))
    phone_ids: dict[str, int] = dict(
        connection.each(
            _SQL["register_phones"],
            sorted(((r.token, hash_, r.user_id, at) for r, hash_ in listed), key=itemgetter(1)),
        )
    )
    rows = connection.each(
        _SQL["register_subscriptions"],
        [(r.user_id, phone_ids[hash_], r.platform, r.device_id, at) for r, hash_ in listed],
    )
    kept = {
        (user_id, phone_id): Subscription(
            id_, user_id, Platform(platform), device_id, from_ms(created), from_ms(updated)
        )
        for user_id, phone_id, id_, platform, device_id, created, updated in rows
    }
    if len(kept) < len(listed):
        raise MissingReference("a user was removed")
    return [kept[r.user_id, phone_ids[hash_]] for r, hash_ in listed]


def remove(connection: Connection, user_id: int, token: str) -> bool:
    """The user has no subscription for the token; whether he had one. Those of others stay."""
    hash_ = token_hash(token)
    connection.run(_SQL["lock_phone"], token_hash=hash_)
    rows = connection.run(_SQL["remove_subscription"], user_id=user_id, token_hash=hash_)
    for (phone_id,) in rows:
        connection.run(_SQL["disown_phone"], phone_id=phone_id, user_id=user_id)
    return bool(rows)


def phones_of(connection: Connection, user_ids: Iterable[int]) -> dict[int, list[SubscribedPhone]]:
    """The phones of these users, by user, in the order of registration."""
    found: dict[int, list[SubscribedPhone]] = {user_id: [] for user_id in sorted(set(user_ids))}
    for id_, user_id, phone_id, platform, project_id, owner_id, dead_at in connection.each(
        _SQL["phones_of_users"], [(user_id,) for user_id in found]
    ):
        found[user_id].append(
            SubscribedPhone(
                id_,
                user_id,
                phone_id,
                Platform(platform),
                project_id,
                owner_id,
                dead_at is not None,
            )
        )
    return found


def devices_of(connection: Connection, user_id: int) -> list[Device]:
    """The user's subscriptions, in the order of registration."""
    return [
        Device(
            id=id_,
            platform=Platform(platform),
            token=token,
            device_id=device_id,
            created_at=from_ms(created),
            updated_at=from_ms(updated),
            last_seen_at=maybe_from_ms(seen),
            owner_user_id=owner_id,
            dead_at=maybe_from_ms(dead_at),
            dead_code=dead_code,
            last_receipt_at=maybe_from_ms(receipt_at),
            last_receipt_code=receipt_code,
        )
        for (
            id_,
            platform,
            token,
            device_id,
            created,
            updated,
            seen,
            owner_id,
            dead_at,
            dead_code,
            receipt_at,
            receipt_code,
        ) in connection.run(_SQL["devices_of_user"], user_id=user_id)
    ]


def note_sightings(connection: Connection, seen: Iterable[Seen], now: datetime) -> None:
    """Nothing is sent to phones that are gone until they register again; those that did so since
    Expo was asked live on. Of those that are doubted it is known since when."""
    connection.each(
        _SQL["note_sightings"],
        [
            (one.phone_id, one.sighting.value, one.code, to_ms(one.asked_at))
            for one in sorted(seen, key=lambda one: one.token_hash)
        ],
        now=to_ms(now),
    )


def learn_projects(connection: Connection, project_ids: Mapping[str, int], now: datetime) -> None:
    """These tokens belong to these projects, and so does what waits for them."""
    hashed = sorted((token_hash(token), id_) for token, id_ in project_ids.items())
    connection.each(_SQL["learn_projects"], hashed)
    connection.each(_SQL["move_deliveries"], [(hash_,) for hash_, _ in hashed], now=to_ms(now))


def note_receipts(
    connection: Connection, receipts: Mapping[str, tuple[int, str]], now: datetime
) -> None:
    """The last receipt of each phone (by token hash: its id and the code) is remembered: its
    health. A phone whose token Apple called bad `TOO_MANY_BAD` times in a row is dead."""
    connection.each(
        _SQL["note_receipts"],
        [receipts[hash_] for hash_ in sorted(receipts)],
        bad=BAD_TOKEN,
        too_many=TOO_MANY_BAD,
        now=to_ms(now),
    )
