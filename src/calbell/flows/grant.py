"""Grant: a new key, shown once."""

from datetime import date, datetime
from hashlib import sha256
from random import Random

from msgspec import Struct

from calbell.store import keys
from calbell.store.connection import Connection

ROLES = ("events", "support", "admin")
"""Of operators."""

KEY_PREFIX = "cal_"


def key_hash(key: str) -> str:
    """What is kept of a key: the hash of what follows its prefix, as Cal.com keeps it."""
    return sha256(key.removeprefix(KEY_PREFIX).encode()).hexdigest()


class Granted(Struct, frozen=True):
    """A new key, and the id by which it can be revoked."""

    id: int
    key: str


def grant(
    connection: Connection,
    user_id: int | None,
    role: str | None,
    name: str,
    expires_on: date | None,
    now: datetime,
    chance: Random,
) -> Granted:
    """One unit of work: a key of this user, or of an operator's role, exists. The key itself is
    in the result and is not kept. `MissingReference` if there is no such user."""
    key = f"{KEY_PREFIX}{chance.getrandbits(128):032x}"
    id_ = keys.insert(
        connection,
        user_id=user_id,
        role=role,
        key_hash=key_hash(key),
        hint=key[-4:],
        name=name,
        expires_on=expires_on,
        now=now,
    )
    return Granted(id_, key)
