"""Overview: what is seen of the service as it runs, at a cost that does not grow with history."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from calbell.domain.holds import Held
from calbell.domain.push_events import PushEvent
from calbell.store import holds, notices, sweeps, tallies, upkeep
from calbell.store.connection import Connection
from calbell.store.notices import Callback
from calbell.store.statements import load
from calbell.store.sweeps import Sweep
from calbell.store.tallies import PHONES_NOW, Tallied
from calbell.store.times import from_ms, maybe_from_ms, to_ms
from calbell.store.upkeep import Depth, Failure, Storage

_SQL = load("overview")

LATEST = 2_000
"""Attempts that are looked at."""

LOOKED_FOR_RECEIPTS = 20_000
MOST_PROJECTS = 20
MOST_PHONES = 20_000

AT_ONCE = timedelta(seconds=5)
"""News that was due so soon after its event was kept back by nothing but its like."""


class Queue(Struct, frozen=True, kw_only=True):
    """One project at Expo (`None`: phones whose project nobody has told us): what is due, its next
    turn, and until when nothing may be sent. `sent` in the last minute, as far as was looked."""

    project: str | None
    due: int
    oldest_due_at: datetime | None
    free_at: datetime
    paused_until: datetime
    sent: int


class Refused(Struct, frozen=True):
    """Webhooks that were refused lately for one reason."""

    reason: str
    number: int
    last_at: datetime


class Seen(Struct, frozen=True, kw_only=True):
    """All of it. `to_expo` are the spans from events to their first attempts, `to_receipt` those
    from tickets to receipts, of the newest ones; both in order of length."""

    depth: Depth
    sending: int
    receipts_due: Depth
    to_expo: tuple[timedelta, ...]
    to_receipt: tuple[timedelta, ...]
    last_attempt_at: datetime | None
    queues: tuple[Queue, ...]
    held: tuple[Held, ...]
    refused: tuple[Refused, ...]
    unreadable: int
    last_event_at: datetime | None
    last_failures: tuple[Failure, ...]
    users: int
    phones: int
    phones_gone: int
    has_sources: bool
    sweep: Sweep
    callback: Callback
    storage: Storage
    tallied: Tallied


def quantile(spans: Sequence[timedelta], share: float) -> timedelta | None:
    """The span that this share of them, in order of length, does not exceed."""
    return spans[min(int(len(spans) * share), len(spans) - 1)] if spans else None


def see(connection: Connection, since: datetime, now: datetime) -> Seen:
    """How it stands now, and what was counted since then."""
    at = to_ms(now)
    attempts = connection.run(_SQL["latest_attempts"], number=LATEST)
    to_receipt = connection.run(_SQL["latest_receipts"], looked=LOOKED_FOR_RECEIPTS, number=LATEST)
    ((receipts_due, oldest_receipt),) = connection.run(_SQL["receipts_due"], now=at)
    ((sending,),) = connection.run(_SQL["count_sending"])
    minute_ago = to_ms(now - timedelta(minutes=1))
    sent: dict[int, int] = {}
    for attempted_at, _, _, project_id, *_ in attempts:
        if attempted_at >= minute_ago:
            sent[project_id] = sent.get(project_id, 0) + 1
    at_once = AT_ONCE // timedelta(milliseconds=1)
    to_expo = sorted(
        max(attempted_at - received, 0)
        for attempted_at, number, _, _, kind, due, received in attempts
        if received is not None
        and number == 1
        and kind != PushEvent.BOOKING_REMINDER
        and due - received <= at_once
    )
    day_ago = to_ms(now - timedelta(days=1))
    tallied = tallies.read(connection, since)
    phones, phones_gone = _phones(connection, tallied)
    return Seen(
        depth=upkeep.depth(connection, now),
        sending=sending,
        receipts_due=Depth(receipts_due, maybe_from_ms(oldest_receipt)),
        to_expo=tuple(timedelta(milliseconds=ms) for ms in to_expo),
        to_receipt=tuple(
            timedelta(milliseconds=ms) for ms in sorted(max(row[0], 0) for row in to_receipt)
        ),
        last_attempt_at=from_ms(attempts[0][0]) if attempts else None,
        queues=tuple(
            Queue(
                project=name,
                due=due,
                oldest_due_at=maybe_from_ms(oldest),
                free_at=from_ms(free_at),
                paused_until=from_ms(paused_until),
                sent=sent.get(id_, 0),
            )
            for id_, name, free_at, paused_until, due, oldest in connection.run(
                _SQL["project_queues"], now=at, number=MOST_PROJECTS
            )
        ),
        held=tuple(holds.standing(connection)),
        refused=tuple(
            Refused(reason, number, from_ms(last))
            for reason, number, last in connection.run(_SQL["recent_refusals"], since=day_ago)
        ),
        unreadable=upkeep.unreadable(connection),
        last_event_at=upkeep.last_event_at(connection),
        last_failures=upkeep.last_failures(connection),
        users=upkeep.users(connection),
        phones=phones,
        phones_gone=phones_gone,
        has_sources=bool(connection.run(_SQL["any_source"])),
        sweep=sweeps.state(connection),
        callback=notices.callback(connection, now),
        storage=upkeep.storage(connection),
        tallied=tallied,
    )


def _phones(connection: Connection, tallied: Tallied) -> tuple[int, int]:
    """Phones that can be rung, and those that are gone: as they are, or, where there are very many,
    as they were counted last."""
    ((all_, gone),) = connection.run(_SQL["few_phones"], number=MOST_PHONES)
    if all_ < MOST_PHONES:
        return all_ - gone, gone
    counted = tallied.newest(PHONES_NOW)
    return counted.get("alive", 0), counted.get("gone", 0)
