"""Units of work: plain functions of a connection, each run in one transaction.

The event loop hands units to the database's threads and is answered after the commit. The same
units are run inline, without threads, by tests and by the command line.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from calbell.store.connection import Connection, Engine, StoreUnavailable, TryAgain
from calbell.store.statements import Dialect

P = ParamSpec("P")
T = TypeVar("T")
Unit = Callable[Concatenate[Connection, P], T]

LONGEST_QUEUE = 10_000
READERS = 2
MOST_TRIES = 3


class Database(Protocol):
    """Where units of work are run."""

    @property
    def dialect(self) -> Dialect:
        """Which engine is behind it."""

    async def run(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The unit's result, after its transaction was committed.

        Raises what the unit raised, after a rollback; `StoreUnavailable` if it could not be run.
        """

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for a unit that changes nothing; it never waits for those that do."""


def run_once(connection: Connection, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run one unit of work in one transaction."""
    with connection.transaction(writes=True):
        return unit(connection, *args, **kwargs)


class InlineDatabase:
    """Runs every unit at once, on the one connection that it is given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def run(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return run_once(self._connection, unit, *args, **kwargs)

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return run_once(self._connection, unit, *args, **kwargs)


_Task = tuple[Callable[[Connection], Any], "Future[Any]"]


class ThreadedDatabase:
    """Runs units on threads with a connection each: as many as the engine lets write, and a few
    for reads. The queues to them are bounded; when one is full, `StoreUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writes = _Threads(engine, engine.writers, writes=True)
        self._reads = _Threads(engine, READERS, writes=False)

    @property
    def dialect(self) -> Dialect:
        return self._engine.dialect

    async def run(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._writes.ask(lambda connection: unit(connection, *args, **kwargs))

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._reads.ask(lambda connection: unit(connection, *args, **kwargs))

    def close(self) -> None:
        """What was queued is done, and the threads and their connections are gone."""
        self._writes.close()
        self._reads.close()


class _Threads:
    def __init__(self, engine: Engine, number: int, *, writes: bool) -> None:
        self._engine = engine
        self._for_writes = writes
        self._queue = queue.Queue[_Task | None](LONGEST_QUEUE)
        self._threads = [
            threading.Thread(target=self._work, name=f"store-{'w' if writes else 'r'}{n}")
            for n in range(number)
        ]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    async def ask(self, work: Callable[[Connection], T]) -> T:
        answer: Future[T] = Future()
        try:
            self._queue.put_nowait((work, answer))
        except queue.Full:
            raise StoreUnavailable("the queue to the database is full") from None
        return await asyncio.wrap_future(answer)

    def close(self) -> None:
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        worker = _Worker(self._engine, self._for_writes)
        while (task := self._queue.get()) is not None:
            work, answer = task
            if answer.set_running_or_notify_cancel():
                try:
                    result = worker.do(work)
                except BaseException as error:
                    answer.set_exception(error)
                else:
                    answer.set_result(result)
            del task, work, answer
        worker.close()


class _Worker:
    """What one thread does: units, on a connection that is made anew when it was lost."""

    def __init__(self, engine: Engine, for_writes: bool) -> None:
        self._engine = engine
        self._for_writes = for_writes
        self._connection: Connection | None = None

    def do(self, work: Callable[[Connection], T]) -> T:
        """The unit's result, tried again where nothing was changed and it may succeed now: the
        webhook that waits for it does not come again."""
        for tries_left in reversed(range(MOST_TRIES)):
            try:
                return self._once(work)
            except TryAgain:
                if not tries_left:
                    raise
        raise AssertionError("a unit was tried no time at all")

    def close(self) -> None:
        """The connection is gone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, work: Callable[[Connection], T]) -> T:
        if self._connection is not None and not self._connection.is_usable():
            self.close()
        if self._connection is None:
            self._connection = self._engine.connect()
        with self._connection.transaction(writes=self._for_writes):
            return work(self._connection)
