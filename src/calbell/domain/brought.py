"""Brought: rows of another system's table of push tokens.

docs/how-to/bring-your-tokens.md says which columns they may have.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from zoneinfo import available_timezones

from msgspec import Struct

from calbell.domain.carried import CarriedDevice, CarriedPhone, CarriedUser
from calbell.domain.people import is_address
from calbell.domain.push_tokens import is_push_token
from calbell.domain.subscription import Platform

REQUIRED = ("user_id", "token", "platform", "device_id")
COLUMNS = (*REQUIRED, "email", "name", "time_zone", "created_at", "updated_at")
ALSO_CALLED: Mapping[str, str] = MappingProxyType({"identifier": "token"})
"""As Cal.com calls it."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[0-9]{1,19}")
_MOST = 1 << 63
_TIME_ZONE = "Europe/London"
_LOCALE = "en"
_SOURCE = "operator"
"""What is not known of a user is as with `calbell users add`."""


class WrongHeader(Exception):
    """The header does not name the columns that are needed. The message says which."""


class Brought(Struct, frozen=True):
    """A row: a device and, where the row has an address, who its user is if nobody knows better."""

    device: CarriedDevice
    user: CarriedUser | None


def columns_of(header: Sequence[str]) -> dict[str, int]:
    """Where each column stands. `userId` and `user_id` are the same; columns that mean nothing here
    are left out."""
    found: dict[str, int] = {}
    for at, name in enumerate(header):
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).lower()
        column = ALSO_CALLED.get(snake, snake)
        if column in COLUMNS and column in found:
            raise WrongHeader(f"the header has two columns for {column}")
        found[column] = at
    if missing := [name for name in REQUIRED if name not in found]:
        raise WrongHeader(
            f"the header has no column {', '.join(missing)}: it needs {','.join(REQUIRED)}"
        )
    return {name: at for name, at in found.items() if name in COLUMNS}


def read_row(
    columns: Mapping[str, int], row: Sequence[str], file_at: datetime, now: datetime
) -> Brought | str:
    """The row, or what is wrong with it. Without a time of its own it is as old as the file, and no
    time is later than now."""

    def cell(column: str) -> str:
        at = columns.get(column)
        return "" if at is None or at >= len(row) else row[at].replace("\0", "").strip()

    if len(row) <= max(columns[name] for name in REQUIRED):
        return "the row has fewer columns than the header"
    number = cell("user_id")
    if not (_NUMBER.fullmatch(number) and 1 <= int(number) < _MOST):
        return "user_id is not a positive number"
    token = cell("token")
    if not is_push_token(token):
        return "token is not an Expo push token"
    platform = cell("platform").upper()
    if platform not in set(Platform):
        return "platform is neither IOS nor ANDROID"
    try:
        said = _time(cell("created_at"))
        created_at = min(said or file_at, now)
        updated_at = max(created_at, min(_time(cell("updated_at")) or created_at, now))
    except ValueError:
        return "created_at or updated_at is not a time such as 2026-11-23T12:00:00Z"
    device = CarriedDevice(
        user_id=int(number),
        token=token,
        platform=Platform(platform),
        device_id=cell("device_id"),
        created_at=created_at,
        updated_at=updated_at,
        phone=CarriedPhone(owner_user_id=int(number), registered_at=updated_at),
        is_dated=said is not None,
    )
    email = cell("email").lower()
    if not email:
        return Brought(device, None)
    if not is_address(email):
        return "email is not an address"
    time_zone = cell("time_zone") or _TIME_ZONE
    if time_zone not in _time_zones():
        return "time_zone is not an IANA time zone, such as Europe/Berlin"
    user = CarriedUser(
        id=int(number),
        name=cell("name"),
        time_zone=time_zone,
        locale=_LOCALE,
        time_format=12,
        source=_SOURCE,
        addresses=(email,),
        created_at=created_at,
        # Whatever anybody else says of him is newer.
        refreshed_at=_LONG_AGO,
    )
    return Brought(device, user)


def _time(text: str) -> datetime | None:
    """The time, to the millisecond, in UTC where it does not say otherwise."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


@cache
def _time_zones() -> frozenset[str]:
    """Looked up once: it reads a hundred files."""
    return frozenset(available_timezones())
