"""The lives of a service's programs, one after the other, and what each of them died of."""

import asyncio
import signal
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from msgspec import Struct

from tests.crash.ledger import Death
from tests.crash.points import AT_RANDOM, DELIVERING, STARTING, TAKING_IN, WHILE_SERVING
from tests.crash.victim import STOPPED, UNHARMED, Doom, Victim

SHARE_AT_RANDOM = 0.3
LONGEST_LIFE_SECONDS = 1.0
"""Of a program that is killed at random, from when it was up."""

MOST_PASSES = 4
REACHED_WITHIN_SECONDS = 30.0
TOLD_EVERY = 100


class Slot(Struct, frozen=True):
    """A place for a program: how it is called, and how those end that take it, one after the
    other. Several slots may share the ends."""

    words: tuple[str, ...]
    dooms: Iterator[Doom]


def dooms(points: Sequence[str], kills: int, chance: Random) -> Iterator[Doom]:
    """So many ends: at each point once, as far as they go, and the rest by chance."""
    firsts = [Doom(point) for point in chance.sample(points, len(points))][:kills]
    return iter([*firsts, *(_by_chance(points, chance) for _ in range(kills - len(firsts)))])


def _by_chance(points: Sequence[str], chance: Random) -> Doom:
    if chance.random() < SHARE_AT_RANDOM:
        return Doom(seconds=chance.uniform(0.0, LONGEST_LIFE_SECONDS))
    point = chance.choice(points)
    # A program starts only once.
    return Doom(point, 1 if point in STARTING else chance.randint(1, MOST_PASSES))


def slots(url: str, kills: int, chance: Random) -> list[Slot]:
    """On SQLite one program for everything; on PostgreSQL one that answers, two that deliver."""
    if url.startswith("sqlite"):
        return [Slot(("serve", "--port=0"), dooms([*WHILE_SERVING], kills, chance))]
    while_delivering = round(kills * len(DELIVERING) / len({**TAKING_IN, **DELIVERING}))
    delivering = dooms([*DELIVERING], while_delivering, chance)
    return [
        Slot(
            ("serve", "--no-delivery", "--port=0"),
            dooms([*TAKING_IN], kills - while_delivering, chance),
        ),
        Slot(("worker",), delivering),
        Slot(("worker",), delivering),
    ]


class Service:
    """Programs that live and die around one database. `missed` are the points that were not
    reached in time: there the program was killed all the same."""

    def __init__(
        self, folder: Path, variables: Mapping[str, str], private: Collection[str]
    ) -> None:
        self.deaths: list[Death] = []
        self.missed: list[Doom] = []
        self._victims: list[Victim] = []
        self._folder = folder
        self._variables = variables
        self._private = private
        self._url: str | None = None
        self._news = asyncio.Condition()

    async def url(self) -> str:
        """Where it can be asked now: it waits for a program that serves."""
        async with self._news:
            await self._news.wait_for(lambda: self._url is not None)
        assert self._url is not None
        return self._url

    async def live(self, slots: Sequence[Slot]) -> list[Victim]:
        """All dooms have come true; the programs that live on, one in each slot."""
        async with asyncio.TaskGroup() as tasks:
            lives = [tasks.create_task(self._take(slot)) for slot in slots]
        return [life.result() for life in lives]

    async def stop(self, living: Sequence[Victim]) -> None:
        """These have exited with 0 in time, and nobody told secrets."""
        for victim in living:
            victim.ask_to_stop()
        for victim in living:
            await self._end_well(victim)

    async def leave_nothing(self) -> None:
        """No program is there any more, whatever happened."""
        for victim in self._victims:
            victim.kill()
            await victim.end()

    async def _take(self, slot: Slot) -> Victim:
        last: tuple[str, float] | None = None
        for doom in slot.dooms:
            victim = await self._start(slot, doom, last)
            point = await self._die(victim, doom)
            last = (point, time.time()) if doom.point != STOPPED else None
        victim = await self._start(slot, UNHARMED, last)
        assert victim.is_up, victim.said
        return victim

    async def _start(self, slot: Slot, doom: Doom, last: tuple[str, float] | None) -> Victim:
        """A program that is up, or gone already."""
        if last is not None:
            self.deaths.append(Death(*last, restarted_at=time.time()))
            if len(self.deaths) % TOLD_EVERY == 0:
                sys.stderr.write(f"{len(self.deaths)} kills\n")
        victim = await Victim.start(slot.words, doom, self._folder, self._variables)
        self._victims.append(victim)
        await victim.up()
        if victim.url is not None:
            await self._is_at(victim.url)
        return victim

    async def _die(self, victim: Victim, doom: Doom) -> str:
        """The program has ended; where."""
        if doom.point == STOPPED:
            assert not await victim.died_within(doom.seconds), victim.said
            victim.ask_to_stop()
            await self._end_well(victim)
            return STOPPED
        if doom.is_named:
            point = doom.point
            if not await victim.died_within(REACHED_WITHIN_SECONDS):
                self.missed.append(doom)
                point = AT_RANDOM
        else:
            point = AT_RANDOM
            assert not await victim.died_within(doom.seconds), victim.said
        victim.kill()
        code, said = await victim.end()
        if victim.url is not None:
            await self._is_at(None)
        assert code == -signal.SIGKILL, victim.said[-20:]
        assert said == ("" if point == AT_RANDOM else point)
        self._victims.remove(victim)
        victim.assert_kept_secrets(self._private)
        return point

    async def _end_well(self, victim: Victim) -> None:
        await victim.end_well()
        self._victims.remove(victim)
        if victim.url is not None:
            await self._is_at(None)
        victim.assert_kept_secrets(self._private)

    async def _is_at(self, url: str | None) -> None:
        async with self._news:
            self._url = url
            self._news.notify_all()
