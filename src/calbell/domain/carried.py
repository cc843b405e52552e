"""Carried: what goes from one Calbell to another, record by record.

docs/reference/export-format.md describes the records for others.
"""

import re
from datetime import date, datetime
from typing import Annotated, Literal, TypeAlias, assert_never

from msgspec import Meta, Struct

from calbell.domain.booking import Booking
from calbell.domain.push_tokens import is_push_token
from calbell.domain.subscription import Platform

_MOST = (1 << 63) - 1

Id: TypeAlias = Annotated[int, Meta(ge=1, le=_MOST)]
At: TypeAlias = Annotated[datetime, Meta(tz=True)]

_HASH = re.compile(r"[0-9a-f]{64}")


def _tag(name: str) -> str:
    return name.removeprefix("Carried").lower()


class _Record(
    Struct,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=_tag,
):
    """What has a line of its own. It says its type, and only what is known."""


class CarriedUser(_Record, frozen=True, kw_only=True):
    """A user. The first address is the primary one; `preferences` are the text that is kept."""

    id: Id
    name: str
    username: str | None = None
    time_zone: str
    locale: str
    time_format: int
    source: str
    organization_id: Annotated[int, Meta(ge=-_MOST, le=_MOST)] | None = None
    preferences: str | None = None
    addresses: tuple[str, ...] = ()
    created_at: At
    refreshed_at: At


class CarriedKey(_Record, frozen=True, kw_only=True):
    """A key of a user or of an operator's role, by its hash."""

    id: Id
    user_id: Id | None = None
    role: Literal["events", "support", "admin"] | None = None
    hash: str
    hint: str
    name: str = ""
    created_at: At
    expires_on: date | None = None
    revoked_at: At | None = None
    last_used_at: At | None = None


class CarriedPhone(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The phone of a device: whose it is, since when, whether it is gone, its last receipt, and the
    name of its project at Expo, as far as it is known."""

    owner_user_id: Id | None = None
    registered_at: At
    dead_at: At | None = None
    dead_code: str | None = None
    last_receipt_at: At | None = None
    last_receipt_code: str | None = None
    project: str | None = None


class CarriedDevice(_Record, frozen=True, kw_only=True):
    """A subscription and its phone, which the subscriptions of one token share.

    Without an `id` it gets a new one. Where it `is_dated` no more than by the file that it came in,
    it adds to what is known and changes nothing of it; exports are dated.
    """

    id: Id | None = None
    user_id: Id
    token: str
    platform: Platform
    device_id: str
    created_at: At
    updated_at: At
    last_seen_at: At | None = None
    phone: CarriedPhone
    is_dated: bool = True


class CarriedSource(_Record, frozen=True, kw_only=True):
    """A webhook at Cal.com with its path and its secrets."""

    path: str
    secret: str
    old_secret: str | None = None
    old_until: At | None = None
    scope: str
    user_id: Id | None = None
    remote_id: str | None = None
    last_event_at: At | None = None


class CarriedBooking(_Record, frozen=True, kw_only=True):
    """A booking with all that the fold knows of it, and when that changed last."""

    booking: Booking
    updated_at: At


Record: TypeAlias = CarriedUser | CarriedKey | CarriedDevice | CarriedSource | CarriedBooking


TYPES = ("user", "key", "device", "source", "booking")
"""In the order in which they stand in a file: whom others name comes before them."""


def type_of(record: Struct) -> str:
    """The name of the record's type, as its line says it."""
    tag = record.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def fault_of(record: Record) -> str | None:
    """What is wrong with a record that stands well in its line; `None` where nothing is."""
    match record:
        case CarriedUser():
            is_good = all(a == a.lower() for a in record.addresses)
            return None if is_good else "an address is not in lower case"
        case CarriedKey():
            if (record.user_id is None) == (record.role is None):
                return "a key is either a user's or has a role"
            return None if _HASH.fullmatch(record.hash) else "the hash is no SHA-256"
        case CarriedDevice():
            return None if is_push_token(record.token) else "the token is no Expo push token"
        case CarriedSource() | CarriedBooking():
            return None
        case _:
            assert_never(record)
