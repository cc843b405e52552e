"""Collect: receipts are fetched, and say what became of what Expo accepted."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import assert_never

import structlog
from msgspec import Struct

from calbell import telemetry
from calbell.domain.backoff import Backoff, next_look
from calbell.domain.delivery import DeliveryFact, DeliveryState, next_state
from calbell.domain.holds import Hold, Scope, ShownBy, evidence, holding, silent
from calbell.domain.outcomes import (
    Delivered,
    Gone,
    Later,
    Missing,
    NoReceipts,
    Receipt,
    Receipts,
    ReceiptsRefused,
)
from calbell.domain.receipts import code_of, fact_of
from calbell.domain.sightings import ASKED_AGAIN, Sighting, sighting
from calbell.expo.client import ExpoClient
from calbell.expo.messages import MOST_RECEIPTS
from calbell.flows import notice
from calbell.flows.brake import Brake
from calbell.flows.complete import SOON
from calbell.flows.give_up import weighed
from calbell.flows.surroundings import Clock, Policy
from calbell.store import holds, receipts, subscriptions
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.receipts import AttemptKey, DueReceipt, SettledReceipt
from calbell.store.subscriptions import BAD_TOKEN, Seen
from calbell.telemetry import Metrics

log = structlog.get_logger()


KEPT_AT_EXPO = timedelta(hours=24)
"""Receipts, counted from the ticket (expo-push.md section 6)."""

FEWEST_LOOKS = 3
"""Before a receipt is given up, however long ago its ticket came."""


class Patience(Struct, frozen=True):
    """When to look for receipts: first after `delay`; a question that failed is asked again with
    growing pauses, and one that a process died over when its `lease` has run out."""

    delay: timedelta
    lease: timedelta
    backoff: Backoff


class Collect:
    """Asks for the receipts that are due, a thousand at a time; for fewer where that is refused,
    until what makes Expo refuse it is found."""

    def __init__(
        self,
        database: Database,
        expo: ExpoClient,
        patience: Patience,
        policy: Policy,
        clock: Clock,
        chance: Random,
        metrics: Metrics,
        *,
        wake_dispatch: Callable[[], None],
    ) -> None:
        self._database = database
        self._expo = expo
        self._patience = patience
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._metrics = metrics
        self._brake = Brake()
        self._wake_dispatch = wake_dispatch
        self._most = MOST_RECEIPTS
        self._failures = 0

    async def turn(self) -> datetime | None:
        """Every receipt that is due was asked for; when the next one is."""
        while True:
            now = self._clock()
            most = self._most
            due = await self._database.run(receipts.claim, now, now + self._patience.lease, most)
            paused_until = await self._ask(due) if due else None
            if paused_until is not None:
                return paused_until
            if len(due) < most:
                return await self._database.read(receipts.next_due_at)

    async def _ask(self, due: Sequence[DueReceipt]) -> datetime | None:
        """What the receipts said was kept, or they are asked for again. How long to ask for none:
        `None` where there was an answer."""
        answer = await self._expo.receipts([receipt.ticket_id for receipt in due])
        match answer:
            case Receipts(by_ticket):
                self._failures = 0
                self._most = min(2 * self._most, MOST_RECEIPTS)
                await self._settle([(one, by_ticket.get(one.ticket_id, Missing())) for one in due])
                return None
            case ReceiptsRefused(code):
                log.warning("receipts_refused", code=code, number=len(due))
                self._most = max(len(due) // 2, 1)
                if len(due) == 1:
                    # The next look is by the plan, as if there were no receipt.
                    await self._settle([(due[0], Missing())])
                else:
                    await self._put_off(due, self._clock())
                return None
            case NoReceipts(code, wait):
                log.warning("receipts_not_answered", code=code, number=len(due))
                self._failures += 1
                # What makes Expo fail may be among them.
                self._most = max(self._most // 2, 1)
                pause = self._patience.backoff.pause(self._failures, self._chance.random())
                now = self._clock()
                until = now + max(pause, wait or timedelta())
                oldest = now - KEPT_AT_EXPO
                await self._put_off([one for one in due if one.sent_at >= oldest], until)
                if forgotten := [one for one in due if one.sent_at < oldest]:
                    # Whatever Expo answers some day: of these it knows nothing any more.
                    await self._settle([(one, Missing()) for one in forgotten])
                return until
            case _:
                assert_never(answer)

    async def _put_off(self, due: Sequence[DueReceipt], until: datetime) -> None:
        await self._database.run(receipts.put_off, [one.attempt for one in due], until)

    async def _settle(self, found: Sequence[tuple[DueReceipt, Receipt]]) -> None:
        self._metrics.received(receipt for _, receipt in found)
        now = self._clock()
        held = await self._database.run(
            settle,
            found,
            self._in_wave(found, now),
            self._patience,
            self._policy,
            now,
            self._chance.random(),
        )
        for scope in held:
            log.error("project_held", **telemetry.of_scope(scope))
        self._wake_dispatch()

    def _in_wave(
        self, found: Sequence[tuple[DueReceipt, Receipt]], now: datetime
    ) -> frozenset[int]:
        """The projects in which suddenly far too many phones are called gone."""
        by_project: dict[int, list[bool]] = {}
        for one, receipt in found:
            if not isinstance(receipt, Missing):
                by_project.setdefault(one.project_id, []).append(isinstance(receipt, Gone))
        return frozenset(
            id_ for id_, gone in by_project.items() if self._brake.hear(id_, gone, now)
        )


def settle(
    connection: Connection,
    found: Sequence[tuple[DueReceipt, Receipt]],
    in_wave: Collection[int],
    patience: Patience,
    policy: Policy,
    now: datetime,
    chance: float,
) -> list[Scope]:
    """One unit of work: what the receipts said of their deliveries, phones and credentials is kept;
    for those that are missing the next look is planned, or they are given up. What is held from now
    on."""
    told = [(one, receipt) for one, receipt in found if not isinstance(receipt, Missing)]
    came = weighed(connection, told)
    doubted = {
        one.attempt: sighting(
            in_wave=one.project_id in in_wave,
            suspected_at=one.suspected_at,
            asked_at=one.sent_at,
        )
        for one, receipt in came
        if isinstance(receipt, Gone)
    }
    settled = [
        _settled(one, receipt, doubted.get(one.attempt), patience, now, chance)
        for one, receipt in came
    ]
    receipts.settle(connection, settled, now)
    subscriptions.note_receipts(
        connection, {one.token_hash: (one.phone_id, code_of(receipt)) for one, receipt in came}, now
    )
    subscriptions.note_sightings(
        connection,
        [
            Seen(one.token_hash, one.phone_id, seen, code_of(receipt), one.sent_at)
            for one, receipt in came
            if (seen := doubted.get(one.attempt)) is not None
        ],
        now,
    )
    notice.of_phones(connection, _maybe_gone(came, doubted), policy, now)
    known = holds.unsettled(connection)
    _plan(
        connection,
        [one for one, receipt in found if isinstance(receipt, Missing)],
        known,
        patience,
        now,
    )
    if known:
        said = ((one.project_id, one.platform, receipt) for one, receipt in came)
        holds.try_again(connection, silent(said), now)
    shown = [
        one
        for one in evidence(
            ((one.project_id, one.platform, one.sent_at, receipt) for one, receipt in came),
            ShownBy.RECEIPT,
        )
        if known or one.code is not None
    ]
    held = list[Scope]()
    if shown:
        with notice.of_holds(connection, policy, now):
            held = holds.note(connection, shown, now + patience.backoff.ceiling(1), now)
    ended = ((one.attempt.delivery_id, one.state) for one in settled)
    notice.of_deliveries(connection, ended, policy, now)
    return held


def _maybe_gone(
    came: Iterable[tuple[DueReceipt, Receipt]], sightings: Mapping[AttemptKey, Sighting]
) -> Iterator[int]:
    """The phones of which these receipts may have shown that they are gone."""
    return (
        one.phone_id
        for one, receipt in came
        if sightings.get(one.attempt) is Sighting.GONE or code_of(receipt) == BAD_TOKEN
    )


def _plan(
    connection: Connection,
    missing: Sequence[DueReceipt],
    known: Sequence[Hold],
    patience: Patience,
    now: datetime,
) -> None:
    """The next look for receipts that are not there; soon where they tell about credentials."""
    looks = {one: _next_look_at(one, known, patience, now) for one in missing}
    receipts.plan_looks(connection, ((one.attempt, at) for one, at in looks.items()))
    receipts.give_up(
        connection,
        (
            (one.attempt, DeliveryState.UNKNOWN)
            for one, at in looks.items()
            if at is None and one.is_last_out
        ),
        now,
    )


def _next_look_at(
    one: DueReceipt, known: Sequence[Hold], patience: Patience, now: datetime
) -> datetime | None:
    look = next_look(_first_look(one, known, patience), now - one.sent_at)
    if look is not None:
        return one.sent_at + look
    # A clock that was set forward, or a long stop, is no reason to give up at the first look.
    return now + patience.delay if one.look + 1 < FEWEST_LOOKS else None


def _first_look(one: DueReceipt, known: Sequence[Hold], patience: Patience) -> timedelta:
    held = holding(known, one.project_id, one.platform)
    return min(patience.delay, SOON) if held else patience.delay


def _settled(
    one: DueReceipt,
    receipt: Receipt,
    seen: Sighting | None,
    patience: Patience,
    now: datetime,
    chance: float,
) -> SettledReceipt:
    """Where a receipt leads. That one attempt failed says nothing while a later one is out."""
    wait = patience.backoff.pause(one.attempt.number, chance)
    fact = fact_of(receipt)
    if seen is Sighting.DOUBTED:
        fact, wait = DeliveryFact.RECEIPT_POSTPONED, ASKED_AGAIN.ceiling(one.attempt.number)
    state = next_state(one.state, fact, possibly_sent=one.possibly_sent)
    if not isinstance(receipt, Delivered) and not one.is_last_out:
        state = None
    if isinstance(receipt, Later) and receipt.wait:
        wait = max(wait, receipt.wait)
    return SettledReceipt(
        one.attempt,
        code_of(receipt),
        state,
        now + wait,
        in_doubt=seen is Sighting.DOUBTED,
    )
