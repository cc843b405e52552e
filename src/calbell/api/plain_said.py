"""Single things that are said in the plain form of events: read, or refused in a few words.

Texts are kept without blanks around them and without what no database can keep, as those of
webhooks are. No refusal repeats what was said.
"""

import re
from datetime import datetime
from typing import Final, Self

from typing_extensions import override

from calbell.calcom import json_fields
from calbell.calcom.payloads import LONGEST_UID
from calbell.domain.booking import Status
from calbell.domain.people import is_address
from calbell.domain.push_events import PushEvent

LONGEST_TEXT: Final = 2000
LONGEST_ADDRESS: Final = 320
"""In characters."""

TELLABLE: Final = tuple(kind for kind in PushEvent if kind is not PushEvent.BOOKING_REMINDER)
"""What may be told. Reminders are made here, as the users wish."""


class Said(str):
    """A text of one kind."""

    __slots__ = ()

    @classmethod
    def read(cls, value: object) -> Self:
        """What the value says; `ValueError` with what is wrong where it cannot be read."""
        if not isinstance(value, str):
            raise ValueError("not a text")
        return cls(cls._read(json_fields.text(value) or ""))

    @classmethod
    def _read(cls, text: str) -> str:
        raise NotImplementedError


class Text(Said):
    """What people read. It may be empty: then nothing was said."""

    __slots__ = ()

    @override
    @classmethod
    def _read(cls, text: str) -> str:
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"longer than {LONGEST_TEXT} characters")
        return text


class Uid(Said):
    """A booking's."""

    __slots__ = ()

    @override
    @classmethod
    def _read(cls, text: str) -> str:
        if not text:
            raise ValueError("blank")
        if len(text.encode()) > LONGEST_UID:
            raise ValueError(f"longer than {LONGEST_UID} bytes")
        return text


class Address(Said):
    """An e-mail address, lower-cased."""

    __slots__ = ()

    @override
    @classmethod
    def _read(cls, text: str) -> str:
        if len(text) > LONGEST_ADDRESS or not is_address(text):
            raise ValueError("not an e-mail address")
        return text.lower()


class Currency(Said):
    """A code of ISO 4217, upper-case."""

    __slots__ = ()

    @override
    @classmethod
    def _read(cls, text: str) -> str:
        if not re.fullmatch("[A-Za-z]{3}", text):
            raise ValueError("not a currency's code of three letters (ISO 4217)")
        return text.upper()


class Kind(Said):
    """The name of a push event."""

    __slots__ = ()

    @override
    @classmethod
    def _read(cls, text: str) -> str:
        return _one_of(TELLABLE, text)


class Standing(Said):
    """The name of a booking's status."""

    __slots__ = ()

    @override
    @classmethod
    def _read(cls, text: str) -> str:
        return _one_of(tuple(Status), text)


class Moment(Said):
    """A time in ISO 8601 with an offset."""

    __slots__ = ()

    @override
    @classmethod
    def _read(cls, text: str) -> str:
        if json_fields.moment(text) is None:
            raise ValueError("not a time in ISO 8601 with an offset")
        return text

    @property
    def at(self) -> datetime:
        """In UTC."""
        at = json_fields.moment(str(self))
        assert at is not None
        return at


def _one_of(names: tuple[str, ...], text: str) -> str:
    if text not in names:
        raise ValueError(f"it is one of {', '.join(names)}")
    return text
