"""What users chose of what they are told, and when."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Struct

from calbell.domain.preferences import Choices
from calbell.store.connection import Connection, Row
from calbell.store.statements import load
from calbell.store.times import to_ms

_SQL = load("preferences")
_choices = msgspec.json.Decoder(Choices)
_object = msgspec.json.Decoder(dict[str, object])


class Chosen(Struct, frozen=True):
    """What one user chose, if anything, and the time zone that he lives in."""

    choices: Choices | None
    time_zone: str
    text: str | None = None

    @property
    def object(self) -> dict[str, object]:
        """As it was sent, and can be merged with."""
        return {} if self.text is None or self.choices is None else _object.decode(self.text)


def find(connection: Connection, user_id: int) -> Chosen | None:
    """What the user chose; `None`: there is no such user."""
    return _chosen(connection.run(_SQL["preferences_of_user"], id=user_id))


def of_users(connection: Connection, user_ids: Iterable[int]) -> dict[int, Chosen]:
    """What each of these users chose."""
    wanted = [(id_,) for id_ in sorted(set(user_ids))]
    rows = connection.each(_SQL["preferences_by_user"], wanted)
    return {id_: Chosen(choices_of(text), zone, text) for id_, text, zone in rows}


def open_one(connection: Connection, user_id: int) -> Chosen | None:
    """The same; nobody else changes it until this transaction ends."""
    return _chosen(connection.run(_SQL["open_preferences"], id=user_id))


def save(connection: Connection, user_id: int, chosen: dict[str, object], now: datetime) -> None:
    """The user chose this, and nothing else, from now on."""
    text = msgspec.json.encode(chosen).decode() if chosen else None
    connection.run(_SQL["save_preferences"], id=user_id, preferences=text, now=to_ms(now))


def anybody_chose(connection: Connection) -> bool:
    """Whether there is any user who chose something. Looks through all of them."""
    return bool(connection.run(_SQL["anybody_chose"]))


@lru_cache(maxsize=4096)
def choices_of(text: str | None) -> Choices | None:
    """The choices that are kept as this text. What nobody can read (an import may have brought it)
    was not chosen: a user with an odd switch is told, rather than that nobody is."""
    if text is None:
        return None
    try:
        return _choices.decode(text)
    except msgspec.DecodeError:
        return None


def _chosen(rows: list[Row]) -> Chosen | None:
    if not rows:
        return None
    text, time_zone = rows[0]
    return Chosen(choices_of(text), time_zone, text)
