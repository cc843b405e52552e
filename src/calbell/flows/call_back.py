"""Call back: notices are sent to the program that waits for them, until it has them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

import structlog

from calbell.domain.notices import FEWEST_TRIES, GIVEN_UP_AFTER, PAUSES, headers_of
from calbell.flows.breaker import Breaker
from calbell.flows.surroundings import Clock
from calbell.store import notices
from calbell.store.database import Database
from calbell.store.notices import DueNotice, InVain
from calbell.telemetry import Metrics

log = structlog.get_logger()

AT_ONCE = 8
LEASE = timedelta(minutes=1)
"""How long an attempt may take, the database's part included; a single request takes ten seconds
at the longest."""

Post = Callable[[bytes, Mapping[str, str]], Awaitable[str | None]]
"""Sends a body with these headers; why nobody took it, in a word. It ends within seconds."""


class CallBack:
    """Sends what is due, some at once; after failures in a row one from time to time, so that a
    program that is down is not stormed. Each change is logged once."""

    def __init__(
        self,
        database: Database,
        post: Post,
        secret: str,
        clock: Clock,
        chance: Random,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._post = post
        self._secret = secret
        self._clock = clock
        self._chance = chance
        self._metrics = metrics
        self._breaker = Breaker()
        self._failure: str | None = None

    async def turn(self) -> datetime | None:
        """Every notice that is due was sent, or is put off; when the next one is due."""
        while True:
            now, number = self._clock(), AT_ONCE
            if self._breaker.is_open:
                if not self._breaker.lets_pass(now):
                    return self._breaker.next_try_at(now)
                number = 1
            due = await self._database.run(notices.claim, now, now + LEASE, number)
            if not due:
                return await self._database.read(notices.next_due_at)
            answers = await asyncio.gather(*(self._send(one) for one in due))
            await self._keep(list(zip(due, answers, strict=True)))

    async def _send(self, notice: DueNotice) -> str | None:
        headers = headers_of(notice.id, notice.body, self._secret, self._clock())
        failure = await self._post(notice.body, headers)
        if failure is None:
            self._breaker.succeeded()
        else:
            self._breaker.failed()
        if failure != self._failure:
            if failure is None:
                log.info("callback_goes_on")
            else:
                log.warning("callback_fails", reason=failure)
            self._failure = failure
        return failure

    async def _keep(self, answered: Sequence[tuple[DueNotice, str | None]]) -> None:
        now = self._clock()
        taken = [one.id for one, failure in answered if failure is None]
        in_vain = [
            InVain(one.id, one.attempt, failure, self._next_at(one, now))
            for one, failure in answered
            if failure is not None
        ]
        await self._database.run(notices.settle, taken, in_vain, now)
        given_up = {one.id for one in in_vain if one.due_at is None}
        outcomes = Counter(
            (one.kind, _outcome(failure, is_end=one.id in given_up)) for one, failure in answered
        )
        for (kind, outcome), number in outcomes.items():
            self._metrics.notices.labels(kind, outcome).inc(number)
        if given_up:
            log.error("notices_given_up", notices=len(given_up), reason=self._failure)

    def _next_at(self, notice: DueNotice, now: datetime) -> datetime | None:
        if now - notice.created_at >= GIVEN_UP_AFTER and notice.attempt >= FEWEST_TRIES:
            return None
        return now + PAUSES.pause(notice.attempt, self._chance.random())


def _outcome(failure: str | None, *, is_end: bool) -> str:
    if failure is None:
        return "taken"
    return "given_up" if is_end else "failed"
