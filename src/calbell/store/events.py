"""Events as they came in, and what makes the same one known again."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from calbell.store.connection import Connection
from calbell.store.statements import load
from calbell.store.times import from_ms, to_ms

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
    source_id: int | None
    trigger: str
    kind: str | None
    booking_id: int | None
    state: EventState
    reason: str | None
    recipients: int
    sent_at: datetime
    received_at: datetime
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
                    event.source_id,
                    event.trigger,
                    event.kind,
                    event.booking_id,
                    event.state,
                    event.reason,
                    event.recipients,
                    to_ms(event.sent_at),
                    to_ms(event.received_at),
                    event.actor,
                    event.body_hash,
                    event.raw,
                )
                for event in listed
            ],
        )
    )
    connection.each(
        _SQL["insert_event_keys"],
        sorted((event.key, ids[event.public_id], event.body_hash) for event in listed),
        now=to_ms(now),
    )
    return ids


class ListedEvent(Struct, frozen=True, kw_only=True):
    """An event as it is listed: nothing of what its body says of people."""

    public_id: str
    trigger: str
    state: EventState
    reason: str | None
    received_at: datetime
    size: int


def newest(
    connection: Connection, since: datetime, number: int, *, unreadable: bool
) -> list[ListedEvent]:
    """At most `number` events that came in since then, or only those that nobody could read; the
    newest first."""
    name = "newest_unreadable" if unreadable else "newest_events"
    return [
        ListedEvent(
            public_id=public_id,
            trigger=trigger,
            state=EventState(state),
            reason=reason,
            received_at=from_ms(received_at),
            size=size,
        )
        for public_id, trigger, state, reason, received_at, size in connection.run(
            _SQL[name], since=to_ms(since), number=number
        )
    ]


class StoredEvent(Struct, frozen=True):
    """An event with its body as it came."""

    public_id: str
    state: EventState
    received_at: datetime
    raw: bytes


def ids_since(
    connection: Connection,
    since: datetime,
    until: datetime,
    after: int,
    number: int,
    *,
    unreadable: bool,
) -> list[int]:
    """The next ids, above `after`, of events that came in then, or only of those that nobody could
    read."""
    name = "unreadable_ids" if unreadable else "event_ids"
    rows = connection.run(
        _SQL[name], since=to_ms(since), until=to_ms(until), after=after, number=number
    )
    return [id_ for (id_,) in rows]


def count_since(
    connection: Connection, since: datetime, until: datetime, *, unreadable: bool
) -> int:
    """How many ids there are in all."""
    name = "count_unreadable_ids" if unreadable else "count_event_ids"
    ((number,),) = connection.run(_SQL[name], since=to_ms(since), until=to_ms(until))
    total: int = number
    return total


def stored(connection: Connection, ids: Iterable[int]) -> list[StoredEvent]:
    """The events with these ids in the order in which they came; nobody else changes them until
    this transaction ends."""
    rows = connection.each(_SQL["stored_events"], [(id_,) for id_ in sorted(set(ids))])
    return [
        StoredEvent(public_id, EventState(state), from_ms(received_at), raw)
        for _, public_id, state, received_at, raw in sorted(rows)
    ]


def update_many(
    connection: Connection, events: Iterable[NewEvent], now: datetime
) -> dict[str, int]:
    """The events are what was made of them now; those whom they told before are counted on. Their
    ids by public id."""
    return dict(
        connection.each(
            _SQL["update_events"],
            sorted(
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
                )
                for event in events
            ),
            now=to_ms(now),
        )
    )


def count_of(connection: Connection, trigger: str, since: datetime) -> int:
    """How many events of this name were taken in since then. Looks through all of them: nobody
    waits for it."""
    ((number,),) = connection.run(_SQL["count_trigger"], trigger=trigger, since=to_ms(since))
    total: int = number
    return total


class Refusal(Struct, frozen=True):
    """Why something was refused and how many bytes it had: nothing else is kept of it."""

    reason: str
    size: int


class NotedRefusal(Struct, frozen=True):
    """A refusal, and when it was."""

    at: datetime
    reason: str
    size: int


def last_refusals(connection: Connection, number: int) -> list[NotedRefusal]:
    """The last refusals, newest first."""
    rows = connection.run(_SQL["last_refusals"], number=number)
    return [NotedRefusal(from_ms(at), reason, size) for at, reason, size in rows]


def note_refusals(connection: Connection, refusals: Iterable[Refusal], now: datetime) -> list[None]:
    """The refusals are remembered, with the time. The last thousand are kept."""
    listed = [(refusal.reason, refusal.size) for refusal in refusals]
    connection.each(_SQL["insert_refusals"], listed, now=to_ms(now))
    connection.run(_SQL["trim_refusals"])
    return [None] * len(listed)
