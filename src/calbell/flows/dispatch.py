"""Dispatch: due deliveries are claimed, put into words, and moved to Expo, a hundred a request."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import assert_never

import structlog
from msgspec import Struct

from calbell import telemetry
from calbell.domain.backoff import Backoff, receipt_look
from calbell.domain.delivery import DeliveryFact, DeliveryState, next_state, objection
from calbell.domain.outcomes import (
    Accepted,
    AllLater,
    AllUnclear,
    Answer,
    Gone,
    Later,
    MixedProjects,
    Refused,
    Ticket,
    Tickets,
    Unclear,
    WholeRefused,
)
from calbell.expo.client import ExpoClient
from calbell.expo.messages import MOST_RECIPIENTS
from calbell.flows.compose import App, compose
from calbell.flows.loop import Loop
from calbell.flows.surroundings import Clock, Policy
from calbell.store import deliveries, projects, subscriptions
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.deliveries import Completion, DueDelivery
from calbell.store.lists import Lists
from calbell.telemetry import Metrics

log = structlog.get_logger()

PACE = 0.95
"""Of Expo's rate. Paced without bursts, Expo's sliding second refuses nothing at this share."""


class Pace(Struct, frozen=True, kw_only=True):
    """How much is sent at once and how often. `rate` is notifications a second and project
    (0: as fast as it goes); `requests` is how many may be under way; `lease` how long a claim
    lasts; `receipt_delay` when to look for receipts first."""

    rate: int
    requests: int
    lease: timedelta
    backoff: Backoff
    receipt_delay: timedelta


class Claim(Struct, frozen=True):
    """What one claim took from one project; `withheld` of it was found not to be sent at all."""

    project_id: int
    deliveries: tuple[DueDelivery, ...]
    withheld: int


class Dispatch:
    """Moves what is due to Expo, `pace.requests` requests at a time."""

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
        loop: Loop,
        collect: Loop,
        worker: str,
    ) -> None:
        self._database = database
        self._expo = expo
        self._app = app
        self._policy = policy
        self._pace = pace
        self._clock = clock
        self._chance = chance
        self._metrics = metrics
        self._loop = loop
        self._collect = collect
        self._worker = worker
        self._under_way = set[asyncio.Task[None]]()
        self._complete = Lists[tuple[Completion, ...], None](
            database,
            lambda connection, reports: complete_all(connection, reports, clock()),
            keys=lambda _: (),
            size=pace.requests * 2,
        )

    async def turn(self) -> datetime | None:
        """Requests are under way for all that is due, as far as there is room and pace; when to
        look again. A request that ends wakes the loop."""
        while (room := self._pace.requests - len(self._under_way)) > 0:
            if not self._pace.rate and room * 2 < self._pace.requests:
                # A claim for many requests costs little more than one for a single request.
                return None
            claimed = await self._database.run(
                claim, self._policy, self._pace, self._worker, room, self._clock()
            )
            if claimed is None:
                return await self._database.read(deliveries.next_due_at)
            self._metrics.withheld.inc(claimed.withheld)
            for start in range(0, len(claimed.deliveries), MOST_RECIPIENTS):
                batch = claimed.deliveries[start : start + MOST_RECIPIENTS]
                task = asyncio.create_task(self._send(claimed.project_id, batch))
                self._under_way.add(task)
                task.add_done_callback(self._ended)
        return None

    async def stop(self, grace: timedelta) -> None:
        """Nothing is under way any more: what Expo did not answer within `grace` is recorded as
        possibly sent."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=grace.total_seconds())
        left = tuple(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The leases run out and the deliveries are taken up again.
            log.error("dispatch_failed", **telemetry.described(error))
        self._loop.wake()

    async def _send(self, project_id: int, batch: Sequence[DueDelivery]) -> None:
        """One request, and what it came to is kept. A request that Expo refuses whole is split
        until what makes it refuse is alone."""
        messages = [compose(delivery, self._app) for delivery in batch]
        started_at = self._clock()
        answer: Answer = AllUnclear("STOPPED")
        try:
            answer = await self._expo.send(messages)
        finally:
            self._metrics.sent(answer, len(batch), (self._clock() - started_at).total_seconds())
            if not isinstance(answer, MixedProjects | WholeRefused) or len(batch) == 1:
                await self._report(project_id, batch, answer)
        match answer:
            case MixedProjects(tokens) if _teaches(tokens, batch):
                await self._database.run(learn, tokens, batch, self._worker)
            case MixedProjects() | WholeRefused() if len(batch) > 1:
                log.warning("request_split", size=len(batch))
                middle = len(batch) // 2
                await self._send(project_id, batch[:middle])
                await self._send(project_id, batch[middle:])

    async def _report(self, project_id: int, batch: Sequence[DueDelivery], answer: Answer) -> None:
        now = self._clock()
        pause = self._pace.backoff.pause(
            max(delivery.attempt for delivery in batch), self._chance.random()
        )
        if isinstance(answer, AllLater):
            until = now + max(pause, answer.wait or timedelta())
            log.warning("project_paused", project=project_id, code=answer.code)
            await self._database.run(deliveries.pause, project_id, until)
        tickets = tickets_of(answer, len(batch))
        self._metrics.answered(tickets)
        await self._complete(
            tuple(
                completion(delivery, ticket, self._worker, self._pace, pause, now)
                for delivery, ticket in zip(batch, tickets, strict=True)
            )
        )
        self._collect.wake()


def claim(
    connection: Connection,
    policy: Policy,
    pace: Pace,
    worker: str,
    room: int,
    now: datetime,
) -> Claim | None:
    """One unit of work: up to `room` requests' worth of one project's due deliveries are leased to
    the worker, and what is not to be sent any more is ended. `None` when nothing can be sent now.
    """
    project_id = deliveries.pick_project(connection, now)
    if project_id is None:
        return None
    number = MOST_RECIPIENTS if pace.rate else room * MOST_RECIPIENTS
    sendable, ended = list[DueDelivery](), list[tuple[int, DeliveryState, str]]()
    for delivery in deliveries.due(connection, project_id, now, number):
        against = objection(delivery.standing, exclusive=policy.exclusive, now=now)
        if against is None:
            sendable.append(delivery)
            continue
        fact, reason = against
        state = next_state(DeliveryState.QUEUED, fact, possibly_sent=delivery.possibly_sent)
        assert state is not None
        ended.append((delivery.id, state, reason))
    deliveries.end(connection, ended, now)
    deliveries.lease(connection, (delivery.id for delivery in sendable), worker, now + pace.lease)
    if pace.rate and sendable:
        deliveries.pace(
            connection,
            project_id,
            now + timedelta(seconds=len(sendable) / (PACE * pace.rate)),
        )
    return Claim(project_id, tuple(sendable), len(ended))


def learn(
    connection: Connection,
    tokens: dict[str, tuple[str, ...]],
    batch: Sequence[DueDelivery],
    worker: str,
) -> None:
    """One unit of work: Expo told which project each token belongs to, and sent nothing. The
    deliveries are queued again, each in the line of its own project."""
    deliveries.release_leases(
        connection, ((delivery.id, delivery.attempt) for delivery in batch), worker
    )
    ids = projects.know(connection, tokens)
    subscriptions.learn_projects(
        connection, {token: ids[name] for name, named in tokens.items() for token in named}
    )


def _teaches(tokens: dict[str, tuple[str, ...]], batch: Sequence[DueDelivery]) -> bool:
    """Whether knowing these projects will part the batch: else it would come again as it is."""
    sent = {delivery.token for delivery in batch}
    return sum(not sent.isdisjoint(named) for named in tokens.values()) > 1


def tickets_of(answer: Answer, number: int) -> tuple[Ticket, ...]:
    """What the answer to a request says of each of its messages."""
    match answer:
        case Tickets(tickets):
            return tickets
        case AllLater(code, wait):
            return (Later(code, wait),) * number
        case AllUnclear(code):
            return (Unclear(code),) * number
        case WholeRefused(code):
            return (Refused(code),) * number
        case MixedProjects():
            return (Refused("PUSH_TOO_MANY_EXPERIENCE_IDS"),) * number
        case _:
            assert_never(answer)


_FACTS = {
    Gone: DeliveryFact.PHONE_GONE,
    Refused: DeliveryFact.REFUSED,
    Later: DeliveryFact.POSTPONED,
    Unclear: DeliveryFact.ANSWER_LOST,
}


def completion(
    delivery: DueDelivery,
    ticket: Ticket,
    worker: str,
    pace: Pace,
    pause: timedelta,
    now: datetime,
) -> Completion:
    """What to keep of one delivery after one attempt."""
    if isinstance(ticket, Accepted):
        look = receipt_look(pace.receipt_delay, 0)
        return Completion(
            delivery_id=delivery.id,
            worker=worker,
            attempt=delivery.attempt,
            outcome="accepted",
            ticket_id=ticket.ticket_id,
            receipt_due_at=now + look if look is not None else None,
            phone_id=delivery.phone_id,
        )
    fact = _FACTS[type(ticket)]
    state = next_state(DeliveryState.SENDING, fact, possibly_sent=delivery.possibly_sent)
    assert state is not None
    wait = ticket.wait if isinstance(ticket, Later) and ticket.wait else timedelta()
    return Completion(
        delivery_id=delivery.id,
        worker=worker,
        attempt=delivery.attempt,
        outcome=fact,
        code=ticket.code,
        state=state,
        due_at=now + max(pause, wait),
        possibly_sent=delivery.possibly_sent or isinstance(ticket, Unclear),
        phone_id=delivery.phone_id,
        gone=isinstance(ticket, Gone),
    )


def complete_all(
    connection: Connection, reports: Sequence[tuple[Completion, ...]], now: datetime
) -> list[None]:
    """One unit of work: the reports of several requests are kept."""
    deliveries.complete_many(connection, [one for report in reports for one in report], now)
    return [None] * len(reports)
