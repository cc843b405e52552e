"""Who takes part in a booking, and who of them is a user here."""

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

from calbell.domain.preferences import Choices

_LOCALE: Final = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")


class Role(StrEnum):
    """Why somebody is told. One user is told once; the first role that fits wins."""

    ORGANIZER = "organizer"
    HOST = "host"
    ATTENDEE = "attendee"


class Person(Struct, frozen=True, omit_defaults=True):
    """Somebody as a source names him. `email` is lower-cased; `user_id` is Cal.com's, if named."""

    email: str
    name: str = ""
    user_id: int | None = None


class User(Struct, frozen=True):
    """A user of this service, as far as it matters to whom and how something is said.

    `time_format` is 12 or 24. `addresses` are lower-cased. `choices` are his own preferences.
    """

    id: int
    name: str = ""
    time_zone: str = "Europe/London"
    locale: str = "en"
    time_format: int = 12
    addresses: frozenset[str] = frozenset()
    choices: Choices | None = None


class Directory(Struct, frozen=True):
    """The users that one booking may concern, found by id and by address."""

    by_id: dict[int, User]
    by_address: dict[str, User]

    def find(self, person: Person) -> User | None:
        """The user whom an organizer or host is: by id where one is named, else by address."""
        if person.user_id is not None and person.user_id in self.by_id:
            return self.by_id[person.user_id]
        return self.by_address.get(person.email)

    def find_attendee(self, person: Person) -> User | None:
        """The user whom an attendee is. Only the address counts: an attendee's id is that of his
        row at Cal.com and not a user's (cal-webhooks.md section 8)."""
        return self.by_address.get(person.email)


_REMOVED = "@removed.invalid"


def alias_of(user_id: int) -> str:
    """The address, nobody's, that stands for a user who was removed."""
    return f"user-{user_id}{_REMOVED}"


def is_alias(address: str) -> bool:
    """Whether it stands for a user who was removed."""
    return address.endswith(_REMOVED)


def is_locale(text: str) -> bool:
    """Whether it has the form of a language's name, such as en or de-AT; there may be none of that
    name."""
    return _LOCALE.fullmatch(text) is not None


def account_of(person: Person) -> str | None:
    """The same for each way to name one account: by its id, or, where its user was removed, by what
    stands for him. `None` for whoever is named by an address alone."""
    if person.user_id is not None:
        return alias_of(person.user_id)
    return person.email if is_alias(person.email) else None


def is_address(text: str) -> bool:
    """Whether it could be somebody's e-mail address."""
    name, at, host = text.strip().rpartition("@")
    return bool(name and at and host) and not any(char.isspace() for char in text.strip())
