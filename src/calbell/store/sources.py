"""Sources: webhooks that were made at Cal.com, each with a path and a secret of its own."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from typing_extensions import override

from calbell.store.connection import Connection, Row
from calbell.store.statements import load
from calbell.store.times import maybe_from_ms, span_ms, to_ms

_SQL = load("sources")

NOTED_EVERY = timedelta(seconds=10)
"""How exactly it is known when a source was last heard: a busy one's row is not written, and
fought for, with every event."""


class Source(Struct, frozen=True, kw_only=True):
    """A webhook at Cal.com. While its secret is rotated, the old one is good too, before
    `old_until`. `remote_id` is the webhook's at Cal.com. Its repr shows no secret."""

    id: int
    path: str
    secret: str
    old_secret: str | None
    old_until: datetime | None
    scope: str
    user_id: int | None
    remote_id: str | None
    last_event_at: datetime | None

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """What its webhooks may be signed with."""
        if self.old_secret is None or self.old_until is None or now >= self.old_until:
            return (self.secret,)
        return (self.secret, self.old_secret)

    @override
    def __repr__(self) -> str:
        return f"Source(id={self.id}, scope={self.scope!r})"


def create(
    connection: Connection,
    *,
    path: str,
    secret: str,
    scope: str,
    user_id: int | None = None,
    remote_id: str | None = None,
) -> int:
    """The source exists; its id. No other one may have its path."""
    rows = connection.run(
        _SQL["create_source"],
        path=path,
        secret=secret,
        scope=scope,
        user_id=user_id,
        remote_id=remote_id,
    )
    id_: int = rows[0][0]
    return id_


def rotate(connection: Connection, source_id: int, secret: str, old_until: datetime) -> bool:
    """The source has a new secret, and the one it had is good before `old_until`; one that was
    older is not good any more. Whether there is such a source."""
    changed = connection.count(
        _SQL["rotate_source"], id=source_id, secret=secret, old_until=to_ms(old_until)
    )
    return changed > 0


def tie(connection: Connection, source_id: int, remote_id: str) -> None:
    """The source is this webhook of Cal.com's."""
    connection.run(_SQL["tie_source"], id=source_id, remote_id=remote_id)


def drop(connection: Connection, source_id: int) -> None:
    """The source is gone; what it told stays."""
    connection.run(_SQL["drop_source"], id=source_id)


def of_scope(connection: Connection, scope: str, user_id: int | None) -> list[Source]:
    """The sources of a scope, oldest first; of a user's, his own."""
    rows = connection.run(_SQL["sources_of_scope"], scope=scope, user_id=user_id)
    return [_source(row) for row in rows]


def find(connection: Connection, path: str) -> Source | None:
    """The source with this path."""
    rows = connection.run(_SQL["find_source"], path=path)
    return _source(rows[0]) if rows else None


def listed(connection: Connection) -> list[Source]:
    """All sources, oldest first."""
    return [_source(row) for row in connection.run(_SQL["listed_sources"])]


def heard(connection: Connection, events: Iterable[tuple[int, datetime]]) -> None:
    """Sources, by their ids, sent something at these times. Of each the last one is known, to ten
    seconds."""
    newest: dict[int, int] = {}
    for id_, at in events:
        newest[id_] = max(to_ms(at), newest.get(id_, 0))
    if newest:
        connection.each(_SQL["hear_sources"], sorted(newest.items()), exact=span_ms(NOTED_EVERY))


def _source(row: Row) -> Source:
    id_, path, secret, old_secret, old_until, scope, user_id, remote_id, last_event_at = row
    return Source(
        id=id_,
        path=path,
        secret=secret,
        old_secret=old_secret,
        old_until=maybe_from_ms(old_until),
        scope=scope,
        user_id=user_id,
        remote_id=remote_id,
        last_event_at=maybe_from_ms(last_event_at),
    )
