"""Deliveries: the line of what is to be sent, its leases and its pace."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil

from msgspec import Struct

from calbell.domain import turns
from calbell.domain.delivery import DeliveryState
from calbell.domain.push_tokens import token_hash
from calbell.domain.sightings import Sighting
from calbell.domain.subscription import Platform, SubscribedPhone
from calbell.domain.turns import Line
from calbell.store import subscriptions
from calbell.store.connection import Connection, Row
from calbell.store.due import DueDelivery, read
from calbell.store.projects import UNKNOWN
from calbell.store.statements import Dialect, load
from calbell.store.subscriptions import Seen
from calbell.store.times import from_ms, to_ms

_SQL = load("deliveries")

MOST_TOGETHER = 100
"""A delivery may at first be in a request of this many: Expo's limit (expo-push.md section 4)."""


class NewDelivery(Struct, frozen=True):
    """A notification on its way to a phone. `key` is what its repetitions replace each other by
    on the phone: random, and never used for anything else."""

    notification_id: int
    phone: SubscribedPhone
    key: str
    expires_at: datetime
    line: Line = Line.SINGLE


class Completion(Struct, frozen=True, kw_only=True):
    """What a worker reports about one delivery that it had claimed.

    `attempt` is the number of the attempt, `asked_at` when its request began, `due_at` when to try
    again. With `ticket_id` the delivery is accepted and everything about a state is ignored.
    `sighting` says of its phone what was not known before; `words_hash` is that of what it said.
    """

    delivery_id: int
    worker: str
    attempt: int
    asked_at: datetime
    outcome: str
    code: str | None = None
    ticket_id: str | None = None
    receipt_due_at: datetime | None = None
    state: DeliveryState = DeliveryState.ACCEPTED
    due_at: datetime | None = None
    possibly_sent: bool = False
    phone_id: int
    token: str
    sighting: Sighting | None = None
    most_together: int
    words_hash: str | None = None


def insert_many(connection: Connection, deliveries: Iterable[NewDelivery], now: datetime) -> None:
    """The deliveries are queued, due now."""
    connection.each(
        _SQL["insert_deliveries"],
        [
            (
                new.notification_id,
                new.phone.user_id,
                new.phone.subscription_id,
                new.phone.phone_id,
                new.phone.platform,
                new.phone.project_id,
                new.key,
                to_ms(new.expires_at),
                new.line,
            )
            for new in deliveries
        ],
        most_together=MOST_TOGETHER,
        now=to_ms(now),
    )


def pick_project(
    connection: Connection, now: datetime, lead: timedelta = timedelta()
) -> int | None:
    """A project whose turn comes within `lead` and that has something due. Until this transaction
    ends nobody else takes from it, and from none if it is that of the phones of unknown project."""
    rows = connection.run(_SQL["pick_project"], now=to_ms(now), soon=to_ms(now + lead))
    if rows == [(UNKNOWN,)] and _next_turn(connection, UNKNOWN) > now + lead:
        return None
    return rows[0][0] if rows else None


def _next_turn(connection: Connection, project_id: int) -> datetime:
    ((ms,),) = connection.run(_SQL["next_turn"], id=project_id)
    return from_ms(ms)


def due(connection: Connection, project_id: int, now: datetime, number: int) -> list[DueDelivery]:
    """At most `number` that are due in the project, in their turn (domain/turns.py)."""
    scope = {"project_id": project_id, "number": number}
    connection.run(_SQL["line_up"], **scope, now=to_ms(now))
    first = connection.run(_SQL["first_in_lines"], **scope)
    by_deadline = [id_ for _, id_ in sorted(first)]
    newest = list[Row]()
    if len(by_deadline) >= number:
        newest = connection.run(
            _SQL["newest_singles"], project_id=project_id, number=turns.looked_at(number)
        )
    ids = turns.chosen(by_deadline, newest, number)
    # They are chosen before anything is joined to them: a backlog is not read to its end.
    found = connection.each(_SQL["queued_by_id"], [(id_,) for id_ in ids])
    known = {one.id: one for one in read(found)}
    return [known[id_] for id_ in ids if id_ in known]


def held(
    connection: Connection, project_id: int, platform: Platform | None, number: int
) -> list[DueDelivery]:
    """At most `number` that wait in the project, of this platform or both, those first that can
    wait longest."""
    found = list[DueDelivery]()
    for line in (Line.NONE, Line.BULK, Line.SINGLE):
        if len(found) < number:
            rows = connection.run(
                _SQL["held_deliveries"],
                project_id=project_id,
                platform=platform or "",
                line=line,
                number=number - len(found),
            )
            found += read(rows)
    return found


def hold(connection: Connection, kept_back: Iterable[tuple[int, str]]) -> None:
    """These queued ones (id, code of the hold) wait until they are stale or are resumed."""
    connection.each(_SQL["hold_deliveries"], sorted(kept_back))


def postpone(connection: Connection, postponed: Iterable[tuple[int, datetime]]) -> None:
    """These queued ones (id, until) wait for the end of quiet hours."""
    rows = [(id_, to_ms(until)) for id_, until in sorted(postponed)]
    connection.each(_SQL["postpone_deliveries"], rows)


def judge_again(connection: Connection, user_id: int, now: datetime) -> None:
    """What waits for the end of the user's quiet hours is due, to be judged by those of now."""
    connection.run(_SQL["judge_deliveries_again"], user_id=user_id, now=to_ms(now))


def resume(
    connection: Connection,
    project_id: int,
    platform: Platform | None,
    code: str,
    number: int,
    now: datetime,
) -> bool:
    """Some of what was held for this is due again, at most `number`. Whether more waits."""
    scope = {"project_id": project_id, "platform": platform or "", "code": code, "now": to_ms(now)}
    connection.run(_SQL["resume_deliveries"], **scope, number=number)
    return bool(connection.run(_SQL["any_held"], **scope))


def lease(connection: Connection, ids: Iterable[int], worker: str, lease_until: datetime) -> None:
    """The worker sends these; each has had one attempt more."""
    connection.each(
        _SQL["lease_deliveries"],
        [(id_,) for id_ in ids],
        worker=worker,
        lease_until=to_ms(lease_until),
    )


def end(
    connection: Connection, ended: Iterable[tuple[int, DeliveryState, str]], now: datetime
) -> None:
    """These queued ones (id, state, reason) are not sent."""
    connection.each(_SQL["end_queued"], list(ended), now=to_ms(now))


def opens_at(connection: Connection, project_id: int) -> datetime:
    """When the project may be sent to again."""
    ((ms,),) = connection.run(_SQL["opens_at"], id=project_id)
    return from_ms(ms)


def pace(
    connection: Connection,
    project_id: int,
    now: datetime,
    span: timedelta,
    late: timedelta = timedelta(),
) -> datetime:
    """The next turn of the project is taken, and when it comes: now, where nothing was sent for a
    while. The one after it comes that much later; `late` is added where this one was not foreseen,
    and may be late."""
    turn_at = max(_next_turn(connection, project_id), now)
    if turn_at == now:
        span += late
    free_at = to_ms(turn_at) + ceil(span / timedelta(milliseconds=1))
    connection.run(_SQL["pace_project"], id=project_id, now=to_ms(now), free_at=free_at)
    return turn_at


def put_off(connection: Connection, project_id: int, by: timedelta) -> None:
    """The project's next turn comes so much later than it was to."""
    connection.run(_SQL["put_off_project"], id=project_id, by=by // timedelta(milliseconds=1))


def pause(connection: Connection, project_id: int, until: datetime) -> None:
    """Nothing is sent to the project before `until`."""
    connection.run(_SQL["pause_project"], id=project_id, until=to_ms(until))


def complete_many(
    connection: Connection, completions: Sequence[Completion], now: datetime
) -> list[None]:
    """What the workers report is kept.

    A ticket counts whoever held the lease meanwhile; anything else only while the reporting
    worker's lease stood.
    """
    at = to_ms(now)
    connection.each(
        _SQL["accept_deliveries"], sorted((c.delivery_id,) for c in completions if c.ticket_id)
    )
    connection.each(
        _SQL["settle_sending"],
        [
            (
                c.delivery_id,
                c.worker,
                c.attempt,
                c.state,
                c.code,
                to_ms(c.due_at) if c.due_at else at,
                int(c.possibly_sent),
                c.most_together,
                None if c.state is DeliveryState.QUEUED else at,
            )
            for c in completions
            if not c.ticket_id
        ],
    )
    connection.each(
        _SQL["save_attempts"],
        [
            (
                c.delivery_id,
                c.attempt,
                to_ms(c.asked_at),
                c.outcome,
                c.code,
                c.ticket_id,
                to_ms(c.receipt_due_at) if c.receipt_due_at else None,
                c.words_hash,
            )
            for c in completions
        ],
    )
    sightings = [
        Seen(token_hash(c.token), c.phone_id, c.sighting, c.code or "", c.asked_at)
        for c in completions
        if c.sighting is not None
    ]
    if sightings:
        subscriptions.note_sightings(connection, sightings, now)
    return [None] * len(completions)


def rescue(connection: Connection, now: datetime, number: int) -> int:
    """What somebody claimed and did not report on before the lease ran out is queued again,
    marked as possibly sent. How many there were, at most `number`."""
    at = to_ms(now)
    lost = connection.run(_SQL["lost_leases"], now=at, number=number)
    connection.each(
        _SQL["save_attempts"],
        [(id_, attempt, at, "lost", None, None, None, None) for id_, attempt in lost],
    )
    connection.each(_SQL["requeue_lost"], [(id_,) for id_, _ in lost], now=at)
    return len(lost)


def end_all_leases(connection: Connection, now: datetime) -> int:
    """Every lease has run out: the caller knows that no other process serves this database."""
    return connection.count(_SQL["end_all_leases"], now=to_ms(now))


def next_due_at(connection: Connection, lead: timedelta = timedelta()) -> datetime | None:
    """When there is something to claim again: due, not paused, and `lead` before its turn."""
    ((ms,),) = connection.run(_SQL["next_due_delivery"], lead=lead // timedelta(milliseconds=1))
    return None if ms is None else from_ms(ms)


def next_lost_at(connection: Connection) -> datetime | None:
    """When the next lease runs out."""
    ((ms,),) = connection.run(_SQL["next_lost_lease"])
    return None if ms is None else from_ms(ms)


def announce(connection: Connection) -> None:
    """When this transaction commits, workers in other processes look for work."""
    if connection.dialect is Dialect.POSTGRESQL:
        connection.run(_SQL["notify"])
