"""A Calbell process that can die at any step, on a database that outlives it."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from random import Random
from typing import Any, NoReturn, ParamSpec, Protocol, TypeVar

from msgspec import Struct
from typing_extensions import override

from calbell.choices import app_of
from calbell.config import Settings
from calbell.expo.transport import Transport
from calbell.flows.call_back import Post
from calbell.flows.grace import Grace
from calbell.flows.loop import Loop
from calbell.flows.reconcile import CalcomBookings
from calbell.store import deliveries
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Unit, run_once
from calbell.store.statements import Dialect
from calbell.store.times import from_ms
from calbell.telemetry import Metrics
from calbell.wiring import GRACE, Parts, Turn, assemble, beside
from tests.universe.database import SharedConnection
from tests.universe.virtual_time import VirtualLoop, Work
from tests.universe.weather import Weather

P = ParamSpec("P")
T = TypeVar("T")

HANGS_SECONDS = 20.0
SELDOM = timedelta(hours=12)
SOON = timedelta(hours=2)
A_PASS = timedelta(minutes=1)
MANY_STEPS = 20_000
"""Of the event loop, that no process has cause to take within ten minutes."""

_SWEEP = """
select due_at, case when worker is null then null else lease_until end from sweeps
where name = 'bookings'
"""

METRICS = Metrics()
"""Nobody looks at them here, and making them takes long."""

APP = app_of(Settings())
"""No universe has another one, and it reads all languages."""


class ProcessDied(BaseException):
    """The process is not there any more; nobody in it can do anything about that."""


class Surroundings(Protocol):
    """What is there while processes come and go."""

    loop: VirtualLoop
    connection: SharedConnection
    weather: Weather

    def committed(self) -> None:
        """A unit of work was committed; what it did is seen by all."""

    def broken(self, promise: str) -> None:
        """Something is not as it was promised."""


class MortalDatabase:
    """Runs units inline, as long as its process lives and the weather lets it."""

    def __init__(self, world: Surroundings, process: "Process") -> None:
        self._world = world
        self._process = process

    @property
    def dialect(self) -> Dialect:
        return self._world.connection.dialect

    async def run(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._do(True, unit, *args, **kwargs)

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._do(False, unit, *args, **kwargs)

    def trouble(self) -> str | None:
        return None

    async def _do(self, writes: bool, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._process.is_dead:
            raise ProcessDied
        # Others get their turn, as while a thread works.
        await asyncio.sleep(0)
        weather = self._world.weather
        if weather.has_no_database:
            raise StoreUnavailable("it is away")
        fate = weather.fate_of_commit() if writes else None
        match fate:
            case "dies before":
                await self._process.dies("at a commit that was not made")
            case "fails before":
                raise StoreUnavailable("not now")
            case "hangs":
                # What a thread has begun it ends, whoever still waits for it.
                slow = self._process.spawn(self._slowly(unit, *args, **kwargs))
                return await asyncio.shield(slow)
            case _:
                pass
        result = self._done(unit, *args, **kwargs)
        match fate:
            case "dies after":
                await self._process.dies("at a commit that was made")
            case "fails after":
                raise StoreUnavailable("the commit was not confirmed")
            case _:
                pass
        return result

    def _done(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result = run_once(self._world.connection, unit, *args, **kwargs)
        self._world.committed()
        return result

    async def _slowly(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(HANGS_SECONDS)
        return self._done(unit, *args, **kwargs)


class _Mortal(Coroutine[Any, Any, T]):
    """Work of a process. Each of its steps may be the process's last; after that it is neither
    continued nor given a chance to clean up."""

    __slots__ = ("_process", "_work")

    def __init__(self, work: Work[T], process: "Process") -> None:
        self._work = work
        self._process = process

    @override
    def send(self, value: Any) -> Any:
        if self._process.may_live_on():
            return self._work.send(value)
        raise self._gone()

    @override
    def throw(self, *error: Any) -> Any:
        if self._process.is_dead:
            raise self._gone()
        return self._work.throw(*error)

    @override
    def close(self) -> None:
        # What cleans up needs the database, or waits: neither is there any more.
        for _ in range(3):
            with suppress(BaseException):
                self._work.close()
                return

    @override
    def __await__(self) -> Generator[Any, Any, T]:
        raise NotImplementedError

    def _gone(self) -> asyncio.CancelledError:
        self.close()
        return asyncio.CancelledError()


_LIVING = ContextVar["Process | None"]("living", default=None)


def adopt_tasks(loop: VirtualLoop) -> None:
    """Every task belongs to the process in which it is made."""

    def made(_: asyncio.AbstractEventLoop, work: Work[T]) -> asyncio.Task[T]:
        process = _LIVING.get()
        if process is None:
            return loop.numbered(work)
        task = loop.numbered(_Mortal(work, process))
        if process.is_dead:
            task.cancel()
        else:
            process.tasks[task] = None
            task.add_done_callback(process.forget)
        return task

    loop.set_task_factory(made)


class Duties(Struct, frozen=True):
    """What a process does: it answers requests, makes deliveries, or both; `alone`: there is no
    other one."""

    name: str
    serves: bool
    delivers: bool
    alone: bool


class Process:
    """One life of a process, from its start to `stop`, `kill` or its fate."""

    def __init__(
        self,
        world: Surroundings,
        duties: Duties,
        settings: Settings,
        transport: Callable[["Process"], Transport],
        calcom: Callable[["Process"], CalcomBookings],
        post_to: Callable[[str], Post],
        clock: Callable[[], datetime],
        chance: Random,
        *,
        steady: Callable[[], datetime] | None,
        net: timedelta,
        ended: Callable[["Process", str], None],
    ) -> None:
        self.duties = duties
        self.settings = settings
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.is_dead = False
        self.is_stopping = False
        self.died_at: datetime | None = None
        self.ended = asyncio.Event()
        self.steps_left = world.weather.steps_to_live()
        self._world = world
        self._clock = clock
        self._note_end = ended
        self._running: asyncio.Task[Any] | None = None
        self._steps = 0
        self._many_since = world.loop.time()
        self.database = MortalDatabase(world, self)
        self.parts: Parts = assemble(
            settings,
            self.database,
            transport(self),
            clock,
            chance,
            METRICS,
            lanes=2,
            net=net,
            steady=steady,
            app=APP,
        )
        self._following: Loop | None = None
        self._loops = (
            *(map(self._often_enough, self.parts.loops) if duties.delivers else ()),
            *(self.parts.serving_loops if duties.serves else ()),
        )
        asks_others = beside(
            settings,
            self.database,
            calcom(self),
            post_to,
            self.parts.take_in,
            clock,
            chance,
            METRICS,
        )
        self._beside = tuple(map(self._when_due, asks_others)) if duties.delivers else ()
        self._not_waited_for = list[asyncio.Task[Any]]()

    def _often_enough(self, running: tuple[Loop, Turn]) -> tuple[Loop, Turn]:
        """Forgetting twice a day does as well, and so does looking at the clock when it was
        set, which takes up to a second. That leaves more time for what matters."""
        loop, turn = running
        if loop.name not in ("prune", "follow"):
            return running

        async def seldom() -> None:
            at = await turn()
            while loop.name == "prune" and at is not None and at - self._clock() < A_PASS:
                await asyncio.sleep(1.0)
                at = await turn()

        patient = Loop(loop.name, self._clock, longest=SELDOM)
        if loop.name == "follow":
            self._following = patient
        return patient, seldom

    def _when_due(self, running: tuple[Loop, Turn]) -> tuple[Loop, Turn]:
        """Looking all the time whether it is time, and nobody else is at it, comes to the same as
        knowing when."""
        loop, turn = running
        if loop.name == "callback":
            # Nobody minds when he hears of it, and to look more often takes long.
            return Loop(loop.name, self._clock, longest=SOON), turn

        async def when_due() -> datetime | None:
            ask = self._world.connection.ask
            ((_, lease_before),) = ask(_SWEEP)
            at = await turn()
            ((due_at, lease_until),) = ask(_SWEEP)
            is_anothers = lease_until is not None and lease_until == lease_before
            not_before = from_ms(max(due_at, lease_until) if is_anothers else due_at)
            return not_before if at is None else max(at, not_before)

        return Loop(loop.name, self._clock, longest=SELDOM), when_due

    def look_at_the_clock(self) -> None:
        """It is noticed that the clock was set."""
        if self._following is not None:
            self._following.wake()

    def start(self) -> None:
        """It does what it is there for."""
        self._running = self.spawn(self._live())

    async def _live(self) -> None:
        if self.duties.alone:
            try:
                await self.database.run(deliveries.end_all_leases, self._clock())
            except StoreUnavailable:
                # A service that cannot start exits, and is started again.
                await self.dies("because it could not start")
        self._not_waited_for = [self.spawn(loop.run(turn)) for loop, turn in self._beside]
        await asyncio.gather(*(loop.run(turn) for loop, turn in self._loops))

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work of this process; it ends with it. A process that is dead takes no work."""
        before = _LIVING.set(self)
        try:
            return self._world.loop.create_task(work)
        finally:
            _LIVING.reset(before)

    def has_left(self, steps: int) -> None:
        """It dies after so many steps."""
        self.steps_left = steps

    def may_live_on(self) -> bool:
        """One step more, if it is not dead and this one is not its last."""
        if self.is_dead:
            return False
        self._steps += 1
        if self._steps % MANY_STEPS == 0:
            self._check_idleness()
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self.kill("in the middle of something")
                return False
        return True

    def _check_idleness(self) -> None:
        now = self._world.loop.time()
        if now - self._many_since < 600.0:
            self._world.broken(f"{self.duties.name} polls hot")
            # Else this world would never get as far as its end.
            self.kill("as it does nothing else")
        self._many_since = now

    async def dies(self, how: str) -> NoReturn:
        """The process is killed, and who is part of it does not come back from here."""
        self.kill(how)
        await self._world.loop.create_future()
        raise AssertionError("a dead process went on")

    async def stop(self) -> None:
        """As on SIGTERM: what is under way gets its time, the rest is recorded as possibly sent."""
        if not self.is_dead:
            self.is_stopping = True
            await asyncio.wait((self.spawn(self._stop()),))
            self.kill("in order")

    async def _stop(self) -> None:
        grace = Grace(GRACE)
        for loop, _ in self._loops:
            loop.stop()
        for task in self._not_waited_for:
            task.cancel()
        if self._running is not None:
            await grace.wait((self._running,))
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.parts.dispatch.stop(grace)

    def kill(self, how: str) -> None:
        """As `kill -9`: nothing more is done."""
        if self.is_dead:
            return
        self.is_dead = True
        self.died_at = self._clock()
        self._note_end(self, how)
        self.ended.set()
        for task in tuple(self.tasks):
            task.cancel()

    def forget(self, task: asyncio.Task[Any]) -> None:
        """The task is over."""
        del self.tasks[task]
        if not task.cancelled():
            task.exception()
