"""The bookings of a universe, and how Cal.com tells of them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

from calbell.calcom.signature import sign
from calbell.config import Settings
from calbell.flows.take_in import TakenIn
from tests import payloads
from tests.booked import LENGTH
from tests.universe.happenings import QUIET, Happenings, Known, Said
from tests.universe.instance import Instance
from tests.universe.losses import Fate, Losses
from tests.universe.machines import Machines, Unanswered
from tests.universe.nature import Nature
from tests.universe.people import People
from tests.universe.process import Process
from tests.universe.virtual_time import VirtualLoop

REMEMBERED_FOR = timedelta(days=20)
"""How long after its end the universe knows of a booking."""

WITHOUT_A_SWEEP = timedelta(seconds=30)
"""How long after a change nobody but its webhook can have told of it."""


class Calcom(Protocol):
    """Where Cal.com tells."""

    loop: VirtualLoop
    settings: Settings
    nature: Nature
    machines: Machines
    people: People
    instance: Instance
    losses: Losses
    signing: str
    path: str | None
    happened: Counter[str]

    def now(self) -> datetime:
        """The time."""

    def tell(self, what: str) -> None:
        """It is part of the story."""

    def accepted(self, said: Said, taken: TakenIn, *, is_first: bool) -> None:
        """A webhook was answered with 2xx; `is_first`: nothing was sent of its uid before."""

    def refused_webhook(self, process: Process, secret: str) -> None:
        """A webhook was answered with 401."""


class Bookings:
    """Books, moves and cancels, in bursts and with quiet days between them."""

    def __init__(self, calcom: Calcom, seed: int) -> None:
        self._calcom = calcom
        self._chance = Random(f"{seed} bookings")
        self._happenings = Happenings(calcom, self._chance)
        self._number = 0
        self.known: dict[str, Known] = {}
        self._lives = set[asyncio.Task[None]]()
        self.told = 0

    async def go_on(self) -> None:
        """People book, for ever."""
        hours = 30 * self._calcom.nature.sleepy
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / (hours * 3600)))
            for _ in range(self._chance.choice((1, 1, 1, 2, 2, 5))):
                self.begin()
                await asyncio.sleep(self._chance.choice((0.01, 1.0, 60.0)))
            self._forget()

    def begin(self, *, of_all: bool = False) -> None:
        """One more booking lives its life; `of_all`: everybody has a part in it."""
        self._take_up(self._calcom.loop.create_task(self._live(of_all=of_all)))

    async def all_told(self) -> None:
        """Whatever there is to tell of those that began was told."""
        while self._lives:
            await asyncio.wait(self._lives)

    def end(self) -> None:
        """Nobody hears of any booking any more."""
        for life in sorted(self._lives, key=hash):
            life.cancel()

    async def one_for_sure(self, host: int, guest: int) -> Known:
        """A booking that is told of once, and no more."""
        body, said = self._one(host, guest)
        await self._send(body, said, is_first=True)
        return said.known

    def one_that_is_late(
        self, host: int, guest: int
    ) -> tuple[Known, Callable[[], Awaitable[None]]]:
        """A booking, and what sends its webhook."""
        body, said = self._one(host, guest)
        return said.known, lambda: self._send(body, said, is_first=False)

    def _one(self, host: int, guest: int) -> tuple[bytes, Said]:
        self._number += 1
        known = self._know(f"b{self._number}", host, (guest,), timedelta(days=2))
        said = Said("created", known, None, self._happenings.made("created", known))
        self._happenings.happens(said)
        return payloads.body(said.made(self._calcom.now())), said

    async def _live(self, *, of_all: bool) -> None:
        chance = self._chance
        self._number += 1
        residents = tuple(self._calcom.people.residents)
        host, guest = chance.sample(residents, 2)
        guests: tuple[int, ...] = (guest,)
        if of_all or (self._calcom.nature.crowd and chance.random() < 0.1):
            guests = tuple(one for one in residents if one != host)
        longest = chance.choice((60, 60 * 24, 60 * 24 * 5))
        ahead = timedelta(minutes=chance.randrange(5, longest))
        known = self._know(f"b{self._number}", host, guests, ahead)
        held: tuple[bytes, Said] | None = None
        for said in self._story(known):
            self._happenings.happens(said)
            if said.trigger in QUIET:
                await asyncio.sleep(self._pause(said.known))
                continue
            await asyncio.sleep(chance.choice((0.0, 0.002, 0.2)))
            body = payloads.body(said.made(self._calcom.now()))
            if held is None and chance.random() < 0.08:
                held = body, said
                await asyncio.sleep(0.02)
                continue
            await self._goes_out(body, said)
            if held is not None:
                # It was overtaken.
                await self._goes_out(*held)
                held = None
            await asyncio.sleep(self._pause(said.known))
        if held is not None:
            await self._goes_out(*held)

    async def _goes_out(self, body: bytes, said: Said) -> None:
        """The webhook is sent, as far as it is not lost, now or later."""
        losses = self._calcom.losses
        fate = losses.fate()
        what = f"{said.trigger} {said.known.uid}"
        match fate:
            case Fate.LOST:
                self._calcom.tell(f"{what} is lost")
            case Fate.LATE:
                self._calcom.tell(f"{what} will be late")
                self._later(body, said)
            case Fate.AGAIN | Fate.ONCE:
                is_first = not said.known.is_told and self._is_new(said)
                await self._send(body, said, is_first=is_first)
                if fate is Fate.AGAIN:
                    self._later(body, said)

    def _is_new(self, said: Said) -> bool:
        """Whether nobody can have looked it up yet, nor would see anything else."""
        if self._calcom.settings.calcom_api_key is None:
            return True
        first, last = said.known.changes[0], said.known.changes[-1]
        is_last = last.trigger == said.trigger
        return is_last and self._calcom.now() - first.at < WITHOUT_A_SWEEP

    def _later(self, body: bytes, said: Said) -> None:
        async def send() -> None:
            await asyncio.sleep(self._calcom.losses.delay())
            await self._send(body, said, is_first=False)

        self._take_up(self._calcom.loop.create_task(send()))

    def _take_up(self, life: asyncio.Task[None]) -> None:
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)

    def _pause(self, known: Known) -> float:
        left = (known.start_at - self._calcom.now()).total_seconds()
        pause = self._chance.choice((0.02, 1.0, 60.0, max(left, 1.0) * self._chance.random()))
        return min(pause, max(left - 120.0, 0.02))

    def _story(self, known: Known) -> list[Said]:
        chance = self._chance
        said = list[Said]()

        def tell(trigger: str, about: Known, ends: Known | None = None, **more: Any) -> None:
            said.append(Said(trigger, about, ends, self._happenings.made(trigger, about, **more)))

        def tell_quietly(about: Known) -> None:
            if self._calcom.settings.calcom_api_key is not None and chance.random() < 0.25:
                tell(chance.choice(sorted(QUIET)), about)

        doer = chance.choice((None, *sorted(known.parts)[:3]))
        by = "bob@example.com" if doer is None else self._calcom.people.residents[doer].address
        if chance.random() < 0.3:
            tell("requested", known)
            if chance.random() < 0.3:
                tell("rejected", known, known)
                return said
        tell("created", known)
        tell_quietly(known)
        for move in range(chance.choice((0, 0, 0, 1, 2))):
            old = known
            known = Known(
                f"{old.uid}m{move}",
                old.host,
                old.guests,
                old.parts,
                old.start_at + timedelta(minutes=chance.randrange(30, 60 * 30)),
                old_start_at=old.start_at,
                doer=doer,
            )
            self.known[known.uid] = known
            old_times = {"old_start": old.start_at, "old_end": old.start_at + LENGTH}
            tell("rescheduled", known, old, old_uid=old.uid, rescheduledBy=by, **old_times)
            tell_quietly(known)
        match chance.randrange(10):
            case 0 | 1:
                known.doer = doer
                tell("cancelled", known, known, cancelledBy=by)
            case 2:
                known.doer = doer
                tell("cancelled", known, known, requestReschedule=True, cancelledBy=by)
            case 3:
                tell("paid", known, paymentId=self._number)
            case 4:
                tell("recording_ready", known)
                tell("transcript_ready", known)
            case _:
                pass
        return said

    def _know(self, uid: str, host: int, guests: tuple[int, ...], ahead: timedelta) -> Known:
        start_at = (self._calcom.now() + ahead).replace(second=0, microsecond=0)
        parts = frozenset((host, *guests))
        known = self.known[uid] = Known(uid, host, guests, parts, start_at)
        return known

    async def _send(self, body: bytes, said: Said, *, is_first: bool) -> None:
        """As Cal.com does: once, and never again, whatever is answered; but at times from two
        webhooks at once."""
        said.known.is_told = True
        if said.ends is not None:
            said.ends.is_told = True
        posts = [self._post(body, said, is_first=is_first)]
        if self._chance.random() < 0.1:
            posts.append(self._post(body, said, is_first=False))
        await asyncio.gather(*posts)

    async def _post(self, body: bytes, said: Said, *, is_first: bool) -> None:
        secret, path = self._calcom.signing, self._calcom.path
        self.told += 1
        try:
            taken, process = await self._calcom.machines.ask(
                lambda process: process.parts.receive.receive(body, sign(body, secret), path)
            )
        except Unanswered:
            self._calcom.tell(f"nobody takes {said.trigger} {said.known.uid}")
            return
        if taken is None:
            self._calcom.refused_webhook(process, secret)
        else:
            self._calcom.accepted(said, taken, is_first=is_first)

    def _forget(self) -> None:
        before = self._calcom.now() - REMEMBERED_FOR
        for uid, known in tuple(self.known.items()):
            if known.start_at < before:
                del self.known[uid]
        self._calcom.instance.forget(before)
