"""Dispatch: what is claimed is put into words and moved to Expo, a hundred a request."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import assert_never

import structlog
from msgspec import structs

from calbell import telemetry
from calbell.domain.holds import Scope
from calbell.domain.outcomes import (
    AllBarred,
    AllLater,
    AllUnclear,
    Answer,
    Gone,
    MixedProjects,
    Tickets,
    WholeRefused,
)
from calbell.expo.client import NOT_TRANSMITTED, ExpoClient
from calbell.expo.messages import MOST_RECIPIENTS, PushMessage
from calbell.flows.brake import Brake
from calbell.flows.breaker import PAUSE, Breaker
from calbell.flows.claim import LATE, Claim, Pace, claim_and_look
from calbell.flows.complete import Sending
from calbell.flows.compose import App, Composed, compose_each
from calbell.flows.grace import Grace
from calbell.flows.report import Report, keep_reports, report, unworded
from calbell.flows.surroundings import Clock, Policy
from calbell.store import deliveries
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Database
from calbell.store.due import DueDelivery
from calbell.store.lists import Lists
from calbell.telemetry import Metrics

log = structlog.get_logger()

KEEPS_EVERY = timedelta(seconds=2)
"""So often at least it is tried to keep what Expo said, where the database fails: within the moment
for which nobody calls it lost (`rescue.KEEPS_WITHIN`)."""

LAST_MOMENT = timedelta(seconds=1)
"""How long an end waits for the database to keep what is known."""


class Dispatch:
    """Moves what is due to Expo, `pace.requests` requests at a time; while Expo is out of order one
    delivery from time to time, for all projects together.

    `wake` is called when there is room for more, or something else may be sent now; `collect_by`
    with the time at which the receipts of new tickets are to be looked for.
    """

    def __init__(
        self,
        database: Database,
        expo: ExpoClient,
        app: App,
        policy: Policy,
        pace: Pace,
        clock: Clock,
        chance: Random,
        metrics: Metrics,
        *,
        worker: str,
        wake: Callable[[], None],
        collect_by: Callable[[datetime], None],
    ) -> None:
        self._database = database
        self._expo = expo
        self._app = app
        self._policy = policy
        self._pace = pace
        self._clock = clock
        self._chance = chance
        self._metrics = metrics
        self._brake = Brake()
        self._outage = Breaker(min(PAUSE, pace.backoff.longest))
        self._worker = worker
        self._wake = wake
        self._collect_by = collect_by
        self._seldom = telemetry.Seldom()
        self._wants_room = False
        self._unanswered = set[asyncio.Task[None]]()
        self._under_way = set[asyncio.Task[None]]()
        self._putting_off = set[asyncio.Task[None]]()
        self._asking = set[asyncio.Task[Answer]]()
        self._reports = Lists[Report, tuple[Scope, ...]](
            database,
            lambda connection, reports: keep_reports(connection, reports, policy, clock()),
            keys=lambda _: (),
            size=pace.requests * 2,
        )

    async def turn(self) -> datetime | None:
        """Requests are under way for all that is due, as far as there is room and pace; when to
        look again. An answer that makes room wakes the loop where it waits for that."""
        self._wants_room = False
        while (room := self._room()) > 0:
            if not self._pace.rate and room * 2 < self._pace.requests:
                # A claim for many requests costs little more than one for a single request.
                break
            most = MOST_RECIPIENTS
            if self._outage.is_open:
                now = self._clock()
                if not self._outage.lets_pass(now):
                    return self._outage.next_try_at(now)
                room = most = 1
            claimed, next_at = await self._database.run(
                claim_and_look,
                self._policy,
                self._pace,
                self._worker,
                room,
                self._clock(),
                most=most,
            )
            if claimed is None:
                return next_at
            self._metrics.withhold(claimed.withheld)
            for request in claimed.requests:
                task = asyncio.create_task(self._send(claimed, request))
                self._unanswered.add(task)
                self._under_way.add(task)
                task.add_done_callback(self._ended)
            if next_at is None or next_at > self._clock():
                return next_at
        self._wants_room = True
        return None

    def _room(self) -> int:
        """For how many requests: what is answered makes room before it is kept, as long as keeping
        keeps up."""
        most = self._pace.requests
        return min(most - len(self._unanswered), 2 * most - len(self._under_way))

    async def stop(self, grace: Grace) -> None:
        """Nothing is under way any more: what Expo did not answer within `grace` is recorded as
        possibly sent."""
        await grace.wait(self._under_way)
        # Only the asking ends at once: what was answered meanwhile may be on its way to be kept.
        for asking in self._asking:
            asking.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=LAST_MOMENT.total_seconds())
        left = tuple(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, *self._putting_off, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The leases run out and the deliveries are taken up again.
            log.error("dispatch_failed", **telemetry.described(error))
        self._make_room(task)

    async def _send(self, claimed: Claim, request: tuple[DueDelivery, ...]) -> None:
        """One request, and what it came to is kept."""
        attempt = max(delivery.attempt for delivery in request)
        pause = self._pace.backoff.pause(attempt, self._chance.random())
        starts_at = max(self._clock(), claimed.turn_at)
        sending = Sending(
            claimed.project_id, request, self._worker, starts_at, pause, claimed.holds_known
        )
        sending, messages, wordless = self._worded(sending)
        if not messages:
            await self._keep(wordless)
            return
        if not await self._takes_turn(claimed):
            # By the time of the answer they are another worker's.
            log.warning("request_dropped", deliveries=len(request))
            return
        answer: Answer = AllUnclear("STOPPED")
        try:
            asking = asyncio.create_task(self._expo.send(messages))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
            answer = await asking
        finally:
            self._make_room(asyncio.current_task())
            now = self._clock()
            self._metrics.sent(answer, len(messages), (now - sending.started_at).total_seconds())
            had_failures = self._outage.has_failures
            kept = self._reported(sending, answer, now).with_those_of(wordless)
            await self._keep(kept)
            if had_failures or kept.shown or not kept.all_accepted:
                self._wake()
            looks = (one.receipt_due_at for one in kept.completions if one.receipt_due_at)
            if (first := min(looks, default=None)) is not None:
                self._collect_by(first)

    def _worded(self, sending: Sending) -> tuple[Sending, list[PushMessage], Report]:
        """What can be put into words, its messages, and the report of what cannot."""
        worded, wordless = list[tuple[DueDelivery, Composed]](), list[DueDelivery]()
        for one, composed in compose_each(sending.request, self._app, sending.started_at):
            if isinstance(composed, Composed):
                worded.append((one, composed))
                continue
            wordless.append(one)
            log.error("wording_failed", delivery=one.id, **telemetry.described(composed))
        hashes = {one.id: composed.words_hash for one, composed in worded}
        request = tuple(one for one, _ in worded)
        return (
            structs.replace(sending, request=request, words_hashes=hashes),
            [composed.message for _, composed in worded],
            unworded(sending, wordless, self._pace, self._clock()),
        )

    def _make_room(self, task: asyncio.Task[None] | None) -> None:
        """The request of this task is answered, or kept; another one may leave."""
        if task is not None:
            self._unanswered.discard(task)
        if self._wants_room:
            self._wake()

    async def _takes_turn(self, claimed: Claim) -> bool:
        """It is this request's turn; where that is over, the next one is put off. `False` where its
        lease does not last for it: this process stood still, or the clock was set back and its turn
        is not for long."""
        most = self._pace.lease / 2
        wait = claimed.turn_at - self._clock()
        if wait > most:
            return False
        if wait > timedelta():
            await asyncio.sleep(wait.total_seconds())
        elif self._pace.rate and -wait > LATE:
            putting_off = asyncio.create_task(self._put_off(claimed, -wait - LATE))
            self._putting_off.add(putting_off)
            putting_off.add_done_callback(self._putting_off.discard)
        return abs(self._clock() - claimed.turn_at) <= most

    async def _put_off(self, claimed: Claim, by: timedelta) -> None:
        # The request does not wait for it: it would be later still.
        with suppress(StoreUnavailable):
            await self._database.run(deliveries.put_off, claimed.project_id, by)

    def _reported(self, sending: Sending, answer: Answer, now: datetime) -> Report:
        """What the answer comes to, in view of what was heard before."""
        alone = not self._outage.has_failures
        in_wave = False
        match answer:
            case Tickets(tickets):
                gone = (isinstance(ticket, Gone) for ticket in tickets)
                in_wave = self._brake.hear(sending.project_id, gone, now)
                self._outage.succeeded()
            case AllUnclear():
                self._outage.failed()
            case AllLater(code, _, unexplained) if unexplained or code == NOT_TRANSMITTED:
                self._outage.failed()
            case WholeRefused() | MixedProjects() | AllLater() | AllBarred():
                self._outage.succeeded()
            case _:
                assert_never(answer)
        return report(sending, answer, self._pace, now, in_wave=in_wave, alone=alone)

    async def _keep(self, kept: Report) -> None:
        """What Expo said is known here alone until it is kept: it waits for a failing database."""
        if kept.paused_until is not None:
            log.warning(
                "project_paused",
                project=kept.project_id,
                until=kept.paused_until.isoformat(timespec="seconds"),
                code=kept.completions[0].code,
            )
        while True:
            try:
                held = await self._reports(kept)
            except StoreUnavailable as error:
                if self._seldom.says(error.reason):
                    log.error("report_waits", **telemetry.described(error))
                pause = self._pace.backoff.pause(1, self._chance.random())
                await asyncio.sleep(min(pause, KEEPS_EVERY).total_seconds())
            else:
                break
        for scope in held:
            log.error("project_held", **telemetry.of_scope(scope))
        self._metrics.attempted(one.outcome for one in kept.completions)
        self._metrics.possibly_doubled.inc(
            sum(1 for one in kept.completions if one.ticket_id and one.possibly_sent)
        )
