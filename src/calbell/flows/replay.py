"""Replay: stored events are taken in again, as this version reads them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from random import Random

import structlog
from msgspec import Struct

from calbell import telemetry
from calbell.flows.receive import incoming_webhook
from calbell.flows.surroundings import Clock, Policy
from calbell.flows.take_in import Incoming, concerns, follow
from calbell.store import events
from calbell.store.connection import Connection, StoreUnavailable
from calbell.store.database import Database
from calbell.store.events import EventState, NewEvent, StoredEvent

log = structlog.get_logger()

LONGEST_PAGE = 64


class Replayed(Struct, frozen=True, kw_only=True):
    """What came of it. `mended` events told nothing before and do now; `recipients` counts users
    who are told, or would be if the news were not stale."""

    total: int = 0
    mended: int = 0
    changed: int = 0
    unchanged: int = 0
    unreadable: int = 0
    failed: int = 0
    recipients: int = 0

    def __add__(self, other: "Replayed") -> "Replayed":
        return Replayed(
            total=self.total + other.total,
            mended=self.mended + other.mended,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            unreadable=self.unreadable + other.unreadable,
            failed=self.failed + other.failed,
            recipients=self.recipients + other.recipients,
        )


class Replay:
    """Takes stored events in again, oldest first, a page of them in one transaction.

    The fold knows what it has seen, so that what was taken in well changes nothing: it can be done
    twice, be broken off, and be done while others take events in.
    """

    def __init__(self, database: Database, policy: Policy, clock: Clock, chance: Random) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock
        self._chance = chance

    async def replay(
        self, since: datetime, *, unreadable: bool, progress: Callable[[Replayed, int], None]
    ) -> Replayed:
        """Every event that came in since then, or only what nobody could read, is as if it had just
        come, at the time at which it came. `progress` hears after each page how far it is, of how
        many."""
        until, after, done = self._clock(), 0, Replayed()
        number = await self._database.read(events.count_since, since, until, unreadable=unreadable)
        while ids := await self._database.read(
            events.ids_since, since, until, after, LONGEST_PAGE, unreadable=unreadable
        ):
            done += await self._page(ids)
            after = ids[-1]
            progress(done, number)
        return done

    async def _page(self, ids: Sequence[int]) -> Replayed:
        """One that cannot be taken in does not keep the others of its page from it."""
        try:
            return await self._again(ids)
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(ids) == 1:
                log.error("event_not_replayed", row=ids[0], **telemetry.described(error))
                return Replayed(total=1, failed=1)
        done = Replayed()
        for id_ in ids:
            done += await self._page([id_])
        return done

    async def _again(self, ids: Sequence[int]) -> Replayed:
        return await self._database.run(
            take_in_again, ids, self._policy, self._clock(), self._chance
        )


def take_in_again(
    connection: Connection, ids: Iterable[int], policy: Policy, now: datetime, chance: Random
) -> Replayed:
    """One unit of work: each event is read again, and what it tells now follows.

    An event that told nothing keeps its id and becomes what it is now; one that was taken in stays
    as it is, unless there is more in it for this version.
    """
    done, telling = Replayed(), list[tuple[StoredEvent, Incoming]]()
    for event in events.stored(connection, ids):
        incoming = incoming_webhook(event.raw, event.received_at)
        if incoming.event is not None or _is_less_obscure(event.state, incoming.state):
            telling.append((event, incoming))
        elif event.state is EventState.UNREADABLE:
            done += Replayed(total=1, unreadable=1)
        else:
            done += Replayed(total=1, unchanged=1)
    for part in _parts(telling):
        done += _follow_again(connection, part, policy, now, chance)
    return done


def _is_less_obscure(before: EventState, now: EventState) -> bool:
    return before is EventState.UNREADABLE and now is not EventState.UNREADABLE


def _parts(
    telling: Iterable[tuple[StoredEvent, Incoming]],
) -> Iterator[list[tuple[StoredEvent, Incoming]]]:
    """The list in its order, cut where a booking would be concerned twice."""
    part, busy = list[tuple[StoredEvent, Incoming]](), set[str]()
    for event, incoming in telling:
        keys = set(concerns(incoming))
        if not busy.isdisjoint(keys):
            yield part
            part, busy = [], set()
        part.append((event, incoming))
        busy |= keys
    if part:
        yield part


def _follow_again(
    connection: Connection,
    part: Sequence[tuple[StoredEvent, Incoming]],
    policy: Policy,
    now: datetime,
    chance: Random,
) -> Replayed:
    before = {event.public_id: event.state for event, _ in part}

    def keep(connection: Connection, kept: Sequence[NewEvent], at: datetime) -> Mapping[str, int]:
        return events.update_many(connection, (e for e in kept if _is_news(before, e)), at)

    incoming = {event.public_id: item for event, item in part}
    kept = follow(connection, incoming, policy, now, chance, keep)
    mended = sum(_told_nothing(before[event.public_id]) for event in kept)
    news = sum(_is_news(before, event) for event in kept)
    return Replayed(
        total=len(kept),
        mended=mended,
        changed=news - mended,
        unchanged=len(kept) - news,
        recipients=sum(event.recipients for event in kept),
    )


def _told_nothing(state: EventState) -> bool:
    return state in (EventState.UNREADABLE, EventState.IGNORED)


def _is_news(before: Mapping[str, EventState], event: NewEvent) -> bool:
    return _told_nothing(before[event.public_id]) or event.state is not EventState.COPY
