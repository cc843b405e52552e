"""What the fields of a stranger's JSON say, one at a time.

Every reader answers `None` for what is missing, empty or of another type: nothing was said.
"""

import json
import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Final, TypeAlias

import msgspec

Fields: TypeAlias = Mapping[str, object]

NO_FIELDS: Final[Fields] = {}

_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_LONGEST_NUMBER: Final = 18
"""In digits: what fits into a database's integer whatever the digits are."""


def parsed(body: bytes) -> Fields | None:
    """The JSON object that the body is; `None` where it is anything else.

    What msgspec refuses may still be read: a text that was cut within an emoji ends in half a
    surrogate pair, and one number of no interest may be too long. The last of two fields with the
    same name counts.
    """
    try:
        return fields(msgspec.json.decode(body))
    except (ValueError, RecursionError):
        pass
    try:
        return fields(json.loads(body, parse_int=_whole))
    except (ValueError, RecursionError):
        return None


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else None


def fields(value: object) -> Fields | None:
    """The object that the value is."""
    return value if isinstance(value, dict) else None


def items(value: object) -> list[Fields] | None:
    """The objects among the members of the list that the value is."""
    if not isinstance(value, list):
        return None
    return [member for member in value if isinstance(member, dict)]


def text(value: object) -> str | None:
    """The text that the value is, without blanks around it, and without what a database cannot
    keep: half a surrogate pair is replaced by U+FFFD, NUL is left out."""
    if not isinstance(value, str):
        return None
    if not value.isascii():
        value = _LONE_SURROGATE.sub("\ufffd", value)
    if "\0" in value:
        value = value.replace("\0", "")
    return value.strip() or None


def address(value: object) -> str | None:
    """The e-mail address that the value is, lower-cased."""
    said = text(value)
    return said.lower() if said else None


def positive(value: object) -> int | None:
    """The number above zero that the value is. `true` is not one."""
    if type(value) is int and 0 < value < 10**_LONGEST_NUMBER:
        return value
    return None


def moment(value: object) -> datetime | None:
    """The time that the value is in ISO form with an offset, in UTC, to the millisecond.

    The first and the last year there are do not count: they cannot be shown in every time zone.
    """
    said = text(value)
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(said)
        if at.tzinfo is not UTC:
            if at.tzinfo is None:
                return None
            at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if finer := at.microsecond % 1000:
        # Finer parts are lost in the store: a copy would then look like a move.
        at = at.replace(microsecond=at.microsecond - finer)
    return at if MINYEAR < at.year < MAXYEAR else None
