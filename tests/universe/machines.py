"""The processes of a universe: they die and come back, and tell each other of work."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol, TypeVar

from calbell.config import Settings
from calbell.flows.call_back import Post
from calbell.store.connection import StoreUnavailable
from tests.universe.expo import Handed
from tests.universe.lookup import Lookup
from tests.universe.lookup import Network as WayToCalcom
from tests.universe.nature import Nature
from tests.universe.process import Duties, Process, Surroundings
from tests.universe.wire import Network, Pace, Wire

T = TypeVar("T")

NET = timedelta(hours=12)
"""How late a wake-up that was lost is noticed. Seconds in the real service, and for the machine
that computes this the same with fewer turns."""


class Unanswered(Exception):
    """Whoever asked does not know what came of it."""


class Hearing(Protocol):
    """Who hears what came to nothing."""

    def way_to(self, address: str) -> Post:
        """How a process reaches it."""


class Ground(Surroundings, Network, WayToCalcom, Protocol):
    """What the machines stand on."""

    settings: Settings
    nature: Nature

    @property
    def receiver(self) -> Hearing:
        """Who hears what came to nothing."""

    def now(self) -> datetime:
        """The time."""

    def machine_time(self) -> datetime:
        """What the clocks of the machines show."""

    def given(self, process: Process, taken: list[Handed]) -> None:
        """The tickets for this came back whole to the process."""

    def check_at_death(self) -> None:
        """What must hold when somebody has just died."""


class Machines:
    """Keeps the processes of a universe running."""

    def __init__(self, ground: Ground, seed: int, *, alone: bool) -> None:
        self._ground = ground
        self._chance = Random(f"{seed} machines")
        self._seed = seed
        self._lives = 0
        self._pace = Pace(ground.expo, ground.settings.expo_rate_limit)
        self._running: dict[str, Process] = {}
        self._began_at: dict[str, datetime] = {}
        self._keepers = list[asyncio.Task[None]]()
        self._duties = self._chosen(alone)
        self.deaths = 0
        self.starts = 0

    def _chosen(self, alone: bool) -> tuple[Duties, ...]:
        if alone:
            return (Duties("the process", serves=True, delivers=True, alone=True),)
        numbers = self._chance.choice(((1, 1), (1, 2), (2, 1), (2, 2), (2, 3)))
        does_all = self._chance.random() < 0.3
        return (
            *(
                Duties(f"server {n + 1}", serves=True, delivers=does_all, alone=False)
                for n in range(numbers[0])
            ),
            *(
                Duties(f"worker {n + 1}", serves=False, delivers=True, alone=False)
                for n in range(numbers[1])
            ),
        )

    def start(self) -> None:
        """All are there, and are started again whenever they end."""
        self._keepers = [
            self._ground.loop.create_task(self._keep(duties)) for duties in self._duties
        ]

    def end(self) -> None:
        """Nobody is there any more."""
        for keeper in self._keepers:
            keeper.cancel()
        for process in tuple(self._running.values()):
            process.kill("with the universe")

    async def ask(self, work: Callable[[Process], Coroutine[Any, Any, T]]) -> tuple[T, Process]:
        """What one of those that serve answered, and which; else `Unanswered`."""
        serving = [p for p in self._running.values() if p.duties.serves and not p.is_stopping]
        if not serving:
            raise Unanswered
        process = self._chance.choice(serving)
        task = process.spawn(work(process))
        await asyncio.wait((task,))
        try:
            return task.result(), process
        except (asyncio.CancelledError, StoreUnavailable):
            raise Unanswered from None

    async def deploy(self) -> None:
        """Each is stopped and started again, with the settings of now."""
        for process in tuple(self._running.values()):
            await process.stop()

    def burn_anew(self) -> None:
        """The weather has changed, and how long processes live with it."""
        for process in self._running.values():
            process.steps_left = self._ground.weather.steps_to_live()

    def clock_was_set(self) -> None:
        """Within a second that is noticed."""
        for process in self._running.values():
            delay = self._chance.uniform(0.0, 1.0)
            self._ground.loop.call_later(delay, process.look_at_the_clock)

    def wake(self) -> None:
        """One process told the others of work. Listeners hear it a moment later, or miss it."""
        for process in self._running.values():
            if process.duties.delivers and not self._ground.weather.loses_wake_up():
                delay = self._chance.uniform(0.0, 0.05)
                self._ground.loop.call_later(delay, process.parts.wake)

    @property
    def delivering_since(self) -> datetime | None:
        """Since when one of those that deliver lives."""
        lives = (p.duties.name for p in self._running.values() if p.duties.delivers)
        return min((self._began_at[name] for name in lives), default=None)

    async def _keep(self, duties: Duties) -> None:
        while True:
            process = self._running[duties.name] = self._new(duties)
            self._began_at[duties.name] = self._ground.now()
            process.start()
            await process.ended.wait()
            del self._running[duties.name]
            longest = 30.0 if self._chance.random() < 0.97 else 2 * 3600.0
            await asyncio.sleep(self._chance.uniform(0.1, longest))

    def _new(self, duties: Duties) -> Process:
        self._lives += 1
        self.starts += 1
        chance = Random(self._seed << 32 | self._lives)
        ground = self._ground
        return Process(
            ground,
            duties,
            ground.settings,
            lambda process: Wire(
                ground,
                self._pace,
                Random(chance.getrandbits(64)),
                lambda taken: ground.given(process, taken),
                most_at_once=ground.settings.expo_max_concurrency,
            ),
            lambda process: Lookup(ground, Random(chance.getrandbits(64)), process.has_left),
            ground.receiver.way_to,
            ground.machine_time,
            chance,
            steady=ground.now if ground.nature.clock_jumps else None,
            net=NET,
            ended=self._ended,
        )

    def _ended(self, process: Process, how: str) -> None:
        process.died_at = self._ground.now()
        self.deaths += how != "in order"
        self._ground.tell(f"{process.duties.name} ends {how}")
        self._ground.check_at_death()
