"""A Calbell process that can die at any commit, on a database that outlives it."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from datetime import datetime, timedelta
from random import Random
from typing import Any, NoReturn, ParamSpec, TypeVar

from calbell.config import Settings
from calbell.expo.transport import Transport
from calbell.store import deliveries
from calbell.store.connection import Connection, StoreUnavailable
from calbell.store.database import Unit, run_once
from calbell.store.statements import Dialect
from calbell.telemetry import Metrics
from calbell.wiring import assemble

NET = timedelta(days=1)
"""No net: a wake-up that is missed is seen."""

P = ParamSpec("P")
T = TypeVar("T")


class ProcessDied(BaseException):
    """The process is not there any more; nobody in it can do anything about that."""


class MortalDatabase:
    """Runs units inline, as long as its process lives; `fate` says at which commit that ends, and
    which commits fail without it."""

    def __init__(self, connection: Connection, fate: Callable[[], str | None]) -> None:
        self._connection = connection
        self._fate = fate
        self.on_death: Callable[[], None] = lambda: None
        self.is_dead = False

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def run(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._do(True, unit, *args, **kwargs)

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._do(False, unit, *args, **kwargs)

    def trouble(self) -> str | None:
        return None

    async def _do(self, writes: bool, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        # Others get their turn, as while a thread works.
        await asyncio.sleep(0)
        if self.is_dead:
            raise ProcessDied
        fate = self._fate() if writes else None
        if fate == "dies before":
            self._die()
        if fate == "fails before":
            raise StoreUnavailable("not now")
        result = run_once(self._connection, unit, *args, **kwargs)
        if fate == "dies after":
            self._die()
        if fate == "fails after":
            raise StoreUnavailable("the commit was not confirmed")
        return result

    def _die(self) -> NoReturn:
        self.is_dead = True
        self.on_death()
        raise ProcessDied


_LIVING = ContextVar["Process | None"]("living", default=None)


def task_factory(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T] | Generator[Any, None, T]
) -> asyncio.Task[T]:
    """Every task belongs to the process in which it was made."""
    task = asyncio.Task(work, loop=loop)
    if (process := _LIVING.get()) is not None:
        process.tasks.add(task)
        task.add_done_callback(process.tasks.discard)
    return task


async def _refused() -> Any:
    raise ProcessDied


class Process:
    """One life of a process, from its start to `kill` or its fate."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        transport: Transport,
        clock: Callable[[], datetime],
        chance: Random,
        fate: Callable[[], str | None],
    ) -> None:
        self.tasks = set[asyncio.Task[Any]]()
        self.died = asyncio.Event()
        self.database = MortalDatabase(connection, fate)
        self.database.on_death = self._end
        self._clock = clock
        self.parts = assemble(
            settings, self.database, transport, clock, chance, Metrics(), lanes=1, net=NET
        )

    def start(self) -> None:
        """It alone serves this database: what was leased is nobody's."""
        self.spawn(self._live())

    async def _live(self) -> None:
        try:
            await self.database.run(deliveries.end_all_leases, self._clock())
        except StoreUnavailable:
            # A service that cannot start exits, and is started again.
            self.kill()
            return
        await asyncio.gather(*(loop.run(turn) for loop, turn in self.parts.loops))

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work of this process; it ends with it. A process that is dead takes no work."""
        if self.database.is_dead:
            work.close()
            work = _refused()
        before = _LIVING.set(self)
        try:
            return asyncio.get_running_loop().create_task(work)
        finally:
            _LIVING.reset(before)

    def kill(self) -> None:
        """As `kill -9`: nothing more is done."""
        self.database.is_dead = True
        self._end()

    def _end(self) -> None:
        self.died.set()
        for task in tuple(self.tasks):
            if task is not asyncio.current_task():
                task.cancel()
