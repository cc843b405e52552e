"""A database that is watched: how long steps of pruning take, and how long intake waits."""

import time
from typing import ParamSpec, TypeVar

from msgspec import Struct

from calbell.flows.take_in import take_in_many
from calbell.store.connection import Connection
from calbell.store.database import Database, Unit
from calbell.store.statements import Dialect

P = ParamSpec("P")
T = TypeVar("T")


class Longest(Struct):
    """The longest since they were last told, in milliseconds."""

    step: float = 0.0
    step_cpu: float = 0.0
    stall: float = 0.0
    log: int = 0


class Watched:
    """A database that notes how long steps of pruning take and how long intake waits for its
    turn."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.pruning: object = None
        self.longest = Longest()
        self.last_step = 0.0

    @property
    def dialect(self) -> Dialect:
        return self._database.dialect

    def trouble(self) -> str | None:
        return self._database.trouble()

    async def run(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        asked = begun = time.perf_counter()
        cpu = 0.0

        def noted(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> T:
            nonlocal begun, cpu
            begun, spent = time.perf_counter(), time.thread_time()
            result = unit(connection, *args, **kwargs)
            cpu = time.thread_time() - spent
            return result

        result = await self._database.run(noted, *args, **kwargs)
        if unit == self.pruning:
            self.last_step = time.perf_counter() - begun
            self.longest.step = max(self.longest.step, 1000 * self.last_step)
            self.longest.step_cpu = max(self.longest.step_cpu, 1000 * cpu)
        elif unit is take_in_many:
            self.longest.stall = max(self.longest.stall, 1000 * (begun - asked))
        return result

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._database.read(unit, *args, **kwargs)
