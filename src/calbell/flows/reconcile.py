"""Reconcile: bookings are compared with Cal.com's, and what no webhook brought is taken in.

A sweep goes through the bookings in the order of their last change, a page a turn, within Cal.com's
request limit. What differs becomes an event and goes the way of all events, so that nothing is told
twice, and nothing old is news. Times are Cal.com's own: its clock and ours are not compared.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

import structlog
from msgspec import json, structs

from calbell.calcom.listing import PAGE, Page, Place, Seen, Sight, may_see, page
from calbell.calcom.me import CalcomUser, CannotTell, NotGood, TokenExpired
from calbell.calcom.registered import Api, Refusal
from calbell.domain.booking import Booking
from calbell.domain.differences import differences
from calbell.domain.events import BookingEvent
from calbell.domain.veil import Veil, people_of
from calbell.flows.identify import CalcomUsers
from calbell.flows.surroundings import Clock
from calbell.flows.take_in import Incoming, TakeIn
from calbell.store import bookings, removals, sweeps
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.events import EventState
from calbell.store.sweeps import Claimed
from calbell.telemetry import Metrics

log = structlog.get_logger()

LOOKED_UP = "reconcile:"
"""How keys of events begin that were looked up."""

TRIGGER = "RECONCILED"
"""Under this name such events are kept, beside Cal.com's triggers."""

SETTLING = timedelta(minutes=1)
"""A webhook that is on its way says more, such as who did it: it goes first."""

OVERLAP = timedelta(minutes=2)
"""Changes that were committed later than others with a later time are looked for again."""

LEASE = timedelta(seconds=30)
"""How long the others wait for a process that died in the middle."""

LOOKS_EVERY = timedelta(minutes=1)
AGAIN_AFTER = timedelta(minutes=1)
SIGHT_KEPT = timedelta(hours=1)
"""How long it is believed what the key can see."""

SMALLEST = timedelta(milliseconds=1)


class CalcomBookings(Api, CalcomUsers, Protocol):
    """Where bookings are looked up, and who the key's owner is."""


class Reconcile:
    """Sweeps when it is time and no other process does. The first turn of a process does not wait
    for the time: it may have missed webhooks while it was away."""

    def __init__(
        self,
        api: CalcomBookings,
        authorization: str,
        database: Database,
        take_in: TakeIn,
        clock: Clock,
        metrics: Metrics,
        *,
        every: timedelta,
        worker: str,
    ) -> None:
        self._api = api
        self._authorization = authorization
        self._database = database
        self._take_in = take_in
        self._clock = clock
        self._metrics = metrics
        self._every = every
        self._worker = worker
        self._is_new = True
        self._sight: tuple[Sight, datetime] | None = None
        self._place: Place | None = None
        self._until: datetime | None = None
        self._not_yet: datetime | None = None
        self._seen = self._repaired = 0
        self._failure = ""

    async def turn(self) -> datetime | None:
        """One page further, if it is this process's turn; when to look again."""
        now = self._clock()
        claimed = await self._database.run(
            sweeps.claim, self._worker, now + LEASE, now, anyway=self._is_new
        )
        if claimed is None:
            self._begin_anew()
            state = await self._database.read(sweeps.state)
            return max(min(state.due_at, now + LOOKS_EVERY), now + timedelta(seconds=1))
        self._is_new = False
        sight = await self._find_sight(now)
        if isinstance(sight, Refusal):
            return await self._fail(sight)
        if self._place is None:
            self._place = _beginning(await self._find_watermark(claimed, sight), now)
        listed = await page(self._api, sight, self._authorization, self._place)
        if isinstance(listed, Refusal):
            return await self._fail(listed)
        return await self._take(listed, self._place, now)

    async def _find_watermark(self, claimed: Claimed, sight: Sight) -> datetime | None:
        """Each sight has its own: what a narrower one looked at says nothing of the rest."""
        if claimed.sees == sight.said:
            return claimed.watermark
        return await self._database.run(sweeps.change_sight, self._worker, sight.said)

    async def _take(self, listed: Page, place: Place, now: datetime) -> datetime:
        settled_by = (listed.said_at or now) - min(SETTLING, self._every)
        settled = [one for one in listed.seen if one.event.sent_at <= settled_by]
        fresh = [one.event.sent_at for one in listed.seen if one.event.sent_at > settled_by]
        self._repaired += await self._repair(settled, now)
        self._seen += len(settled)
        self._failure = ""
        self._until = _latest(self._until, listed.until)
        if fresh:
            self._not_yet = min((*fresh, self._not_yet or fresh[0]))
        is_ordered = listed.is_ordered and not place.is_unordered
        if listed.is_last or listed.until is None or (fresh and is_ordered):
            # What is too fresh now, and all that follows it, comes with the next sweep.
            until = self._not_yet - SMALLEST if self._not_yet else self._until
            return await self._finish(until, listed.rest)
        due_at = self._clock() + (listed.rest or timedelta())
        until = listed.until if is_ordered else None
        await self._database.run(sweeps.advance, self._worker, until, due_at)
        self._place = _next(place, until)
        return due_at

    async def _finish(self, watermark: datetime | None, rest: timedelta | None) -> datetime:
        now = self._clock()
        due_at = now + max(self._every, rest or timedelta())
        await self._database.run(sweeps.finish, self._worker, watermark, due_at, now)
        if self._repaired:
            log.warning("reconciled", looked_at=self._seen, repaired=self._repaired)
        else:
            log.debug("reconciled", looked_at=self._seen, repaired=0)
        self._seen = self._repaired = 0
        self._begin_anew()
        return due_at

    def _begin_anew(self) -> None:
        """The next page is the first of a sweep."""
        self._place = self._until = self._not_yet = None

    async def _fail(self, refused: Refusal) -> datetime:
        """It is tried again when the instance wants it, or soon; one that refuses for good is not
        asked more often than usual."""
        now = self._clock()
        soon = self._every if refused.is_final else min(AGAIN_AFTER, self._every)
        due_at = now + (refused.wait or soon)
        await self._database.run(sweeps.fail, self._worker, refused.reason, due_at, now)
        if self._failure != refused.reason:
            log.warning("reconcile_failed", reason=refused.reason)
        self._failure = refused.reason
        self._begin_anew()
        if refused.is_final:
            # The key may see something else by now.
            self._sight = None
        return due_at

    async def _find_sight(self, now: datetime) -> Sight | Refusal:
        """Which bookings the key can see: all of its organisation's, or its owner's alone."""
        if self._sight is not None and now < self._sight[1]:
            return self._sight[0]
        asked = await self._api.me(self._authorization)
        match asked:
            case CalcomUser():
                sight = Sight("/bookings", f"bookings of user {asked.id}")
                if asked.organization_id is not None:
                    whole = Sight(
                        f"/organizations/{asked.organization_id}/bookings",
                        f"bookings of organisation {asked.organization_id}",
                    )
                    answer = await may_see(self._api, whole, self._authorization)
                    if isinstance(answer, Refusal):
                        return answer
                    sight = whole if answer else sight
            case NotGood() | TokenExpired():
                return Refusal("401: Cal.com does not take CALBELL_CALCOM_API_KEY", is_final=True)
            case CannotTell(reason):
                return Refusal(reason, is_final=False)
        if self._sight is None or self._sight[0] != sight:
            log.info("reconciling", sees=sight.said)
            self._begin_anew()
        self._sight = sight, now + SIGHT_KEPT
        return sight

    async def _repair(self, seen: Sequence[Seen], now: datetime) -> int:
        """What was not known of these is taken in; how many events that were.

        Those that took another's place come first: that one counts as cancelled at Cal.com.
        """
        moved = [one for one in seen if one.event.replaces is not None]
        others = [one for one in seen if one.event.replaces is None]
        return sum([await self._compare(part, now) for part in (moved, others) if part])

    async def _compare(self, seen: Sequence[Seen], now: datetime) -> int:
        known, veil = await self._database.read(_known, seen)
        lacking = []
        for one in (_veiled(one, veil) for one in seen):
            booking = known.get(one.event.uid) or Booking(uid=one.event.uid)
            replaced = known.get(one.event.replaces or "")
            event = _as_heard(one.event, replaced, now)
            found = differences(booking, replaced, event, one.moved_to, now)
            if found:
                lacking.append((one, found))
        taken = await asyncio.gather(*(self._take_in_all(one, found) for one, found in lacking))
        return sum(taken)

    async def _take_in_all(self, seen: Seen, found: Iterable[BookingEvent]) -> int:
        """The events of one booking are taken in, one after the other; how many were new."""
        number = 0
        for nth, event in enumerate(found):
            incoming = _incoming(seen, event, nth)
            taken = await self._take_in.take_in(incoming)
            state = EventState.COPY if taken.duplicate else EventState.TAKEN
            self._metrics.events.labels(TRIGGER, state).inc()
            if not taken.duplicate:
                number += 1
                self._metrics.repaired.inc()
                log.info("gap_repaired", event_id=taken.event_id, recipients=taken.recipients)
        return number


def _known(
    connection: Connection, seen: Sequence[Seen]
) -> tuple[Mapping[str, Booking], Veil | None]:
    """What is known of these, and who of those whom they name was removed here."""
    uids = [uid for one in seen for uid in (one.event.uid, one.event.replaces) if uid]
    named = {person.email for one in seen for person in people_of(one.event)}
    return bookings.by_uids(connection, uids), removals.veil_for(connection, named)


def _veiled(seen: Seen, veil: Veil | None) -> Seen:
    """What was seen, without users who were removed: so it is known here. What names one is not
    kept as it came."""
    if veil is None or not any(one.email in veil.addresses for one in people_of(seen.event)):
        return seen
    return structs.replace(seen, event=veil.over_event(seen.event), raw=b"")


def _beginning(watermark: datetime | None, now: datetime) -> Place:
    """The first sweep of all looks at what is to come; later ones at what changed since."""
    return Place(starting_after=now) if watermark is None else Place(after=watermark - OVERLAP)


def _next(place: Place, until: datetime | None) -> Place:
    """Where the next page begins: at the last change of this one; `None`: they have no order.

    Bookings that change meanwhile go to the end: what is skipped by number would let others slip
    through, so that is done only where many changed at once, or there is no order."""
    after = None if until is None else until - SMALLEST
    if after is None or (place.after is not None and after <= place.after):
        unordered = place.is_unordered or until is None
        return Place(place.after, place.starting_after, place.skip + PAGE, unordered)
    return Place(after, place.starting_after)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _as_heard(event: BookingEvent, replaced: Booking | None, now: datetime) -> BookingEvent:
    """With the times that the booking had before, where these are known. As with webhooks, a clock
    that runs ahead does not outdate what follows."""
    old_times = event.old_times if replaced is None else replaced.times
    return structs.replace(event, sent_at=min(event.sent_at, now), old_times=old_times)


def _incoming(seen: Seen, event: BookingEvent, nth: int) -> Incoming:
    # What is not kept as it came is known by what was read of it.
    body_hash = sha256(seen.raw or json.encode(event)).hexdigest()
    at = int(event.sent_at.timestamp() * 1000)
    return Incoming(
        trigger=TRIGGER,
        state=EventState.TAKEN,
        event=event,
        reason=None,
        key=f"{LOOKED_UP}{seen.event.uid}:{at}:{nth}:{body_hash[:16]}",
        body_hash=body_hash,
        raw=seen.raw,
        sent_at=event.sent_at,
    )
