"""API keys: of users, and of operators by role. Only hashes are kept."""

from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct

from calbell.store.connection import Connection, MissingReference, Row
from calbell.store.statements import load
from calbell.store.times import from_ms, maybe_from_ms, to_ms

_SQL = load("keys")

ALL = 1_000_000_000
"""More than there are."""


class FoundKey(Struct, frozen=True):
    """Whose key it is. `expires_on` is the last day on which it is good."""

    id: int
    user_id: int | None
    role: str | None
    expires_on: date | None
    is_revoked: bool
    last_used_at: datetime | None


class ListedKey(Struct, frozen=True, kw_only=True):
    """A key as it is listed; `hint` is its end, enough to recognise it by."""

    id: int
    user_id: int | None
    role: str | None
    hint: str
    name: str
    created_at: datetime
    expires_on: date | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def state(self, today: date) -> str:
        """`good`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        is_over = self.expires_on is not None and self.expires_on < today
        return "expired" if is_over else "good"


def insert(
    connection: Connection,
    *,
    user_id: int | None,
    role: str | None,
    key_hash: str,
    hint: str,
    name: str,
    expires_on: date | None,
    now: datetime,
) -> int:
    """The key exists; its id. `MissingReference` if there is no such user."""
    if user_id is not None and connection.run(_SQL["removed_user"], id=user_id):
        raise MissingReference("the user was removed")
    rows = connection.run(
        _SQL["insert_key"],
        user_id=user_id,
        role=role,
        hash=key_hash,
        hint=hint,
        name=name,
        now=to_ms(now),
        expires_on=expires_on.isoformat() if expires_on else None,
    )
    id_: int = rows[0][0]
    return id_


def find(connection: Connection, key_hash: str) -> FoundKey | None:
    """The key with this hash, revoked or expired ones too."""
    rows = connection.run(_SQL["find_key"], hash=key_hash)
    if not rows:
        return None
    id_, user_id, role, expires_on, revoked_at, last_used_at = rows[0]
    return FoundKey(
        id_, user_id, role, _day(expires_on), revoked_at is not None, maybe_from_ms(last_used_at)
    )


def touch_many(connection: Connection, key_ids: Sequence[int], now: datetime) -> list[None]:
    """The keys were used now."""
    connection.each(_SQL["touch_keys"], [(id_,) for id_ in sorted(key_ids)], now=to_ms(now))
    return [None] * len(key_ids)


def revoke(connection: Connection, key_id: int, now: datetime) -> bool:
    """The key opens nothing any more; whether it did before."""
    return connection.count(_SQL["revoke_key"], id=key_id, now=to_ms(now)) > 0


def has_operators(connection: Connection) -> bool:
    """Whether any operator's key is there that was not revoked."""
    return bool(connection.run(_SQL["has_operators"]))


def listed(connection: Connection, after: int = 0, limit: int = ALL) -> list[ListedKey]:
    """Keys, oldest first, up to `limit` of those with ids above `after`."""
    rows = connection.run(_SQL["listed_keys"], after=after, limit=limit)
    return [listed_key(row) for row in rows]


def listed_key(row: Row) -> ListedKey:
    """The key of a row as statements select it."""
    id_, user_id, role, hint, name, created_at, expires_on, revoked_at, last_used_at = row
    return ListedKey(
        id=id_,
        user_id=user_id,
        role=role,
        hint=hint,
        name=name,
        created_at=from_ms(created_at),
        expires_on=_day(expires_on),
        revoked_at=maybe_from_ms(revoked_at),
        last_used_at=maybe_from_ms(last_used_at),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
