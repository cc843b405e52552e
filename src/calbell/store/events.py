"""Events as they came in, and what makes the same one known again."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import to_ms

_SQL = load("events")


class EventState(StrEnum):
    """What was made of an event."""

    TAKEN = "taken"
    COPY = "copy"
    IGNORED = "ignored"
    UNREADABLE = "unreadable"


class KnownKey(Struct, frozen=True):
    """The event that came in first under a key."""

    body_hash: str
    public_id: str
    recipients: int


class NewEvent(Struct, frozen=True, kw_only=True):
    """An event to keep. `raw` is the body as it came; `key` makes a repetition known."""

    public_id: str
    trigger: str
    kind: str | None
    booking_id: int | None
    state: EventState
    reason: str | None
    recipients: int
    sent_at: datetime
    actor: str | None
    key: str
    body_hash: str
    raw: bytes


def known(connection: Connection, keys: Iterable[str]) -> dict[str, KnownKey]:
    """Which of these keys came in before."""
    rows = connection.each(_SQL["known_keys"], [(key,) for key in sorted(set(keys))])
    return {key: KnownKey(*rest) for key, *rest in rows}


def insert_many(
    connection: Connection, events: Iterable[NewEvent], now: datetime
) -> dict[str, int]:
    """The events are kept and their keys known; ids by public id."""
    listed = list(events)
    ids: dict[str, int] = dict(
        connection.each(
            _SQL["insert_events"],
            [
                (
                    event.public_id,
                    event.trigger,
                    event.kind,
                    event.booking_id,
                    event.state,
                    event.reason,
                    event.recipients,
                    to_ms(event.sent_at),
                    event.actor,
                    event.body_hash,
                    event.raw,
                )
                for event in listed
            ],
            now=to_ms(now),
        )
    )
    connection.each(
        _SQL["insert_event_keys"],
        sorted((event.key, ids[event.public_id], event.body_hash) for event in listed),
        now=to_ms(now),
    )
    return ids


class Refusal(Struct, frozen=True):
    """Why something was refused and how many bytes it had: nothing else is kept of it."""

    reason: str
    size: int


def note_refusals(connection: Connection, refusals: Iterable[Refusal], now: datetime) -> list[None]:
    """The refusals are remembered, with the time. The last thousand are kept."""
    listed = [(refusal.reason, refusal.size) for refusal in refusals]
    connection.each(_SQL["insert_refusals"], listed, now=to_ms(now))
    connection.run(_SQL["trim_refusals"])
    return [None] * len(listed)
