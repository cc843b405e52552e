"""Units of work: plain functions of a connection, each run in one transaction.

The event loop hands units to the database's threads and is answered after the commit. The same
units are run inline, without threads, by tests and by the command line.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from calbell.store.condition import Condition
from calbell.store.connection import Connection, Engine, StoreLocked, StoreUnavailable, TryAgain
from calbell.store.proof import prove, prove_readable
from calbell.store.statements import Dialect

P = ParamSpec("P")
T = TypeVar("T")
Unit = Callable[Concatenate[Connection, P], T]

LONGEST_QUEUE = 10_000
READERS = 2
MOST_TRIES = 3

LOCK_SECONDS = 5.0
"""How long a unit waits for another program that holds the database, counted from when it was
asked for: whoever waits for it, waits no longer."""

LOCKED_SECONDS = 0.1
"""The same while the unit before it has waited in vain."""

HANDS_ON_SECONDS = 0.5
"""So long a thread that gets no connection leaves the work to those that have one."""

STUCK_SECONDS = 10.0
"""A unit that takes longer does not come back: the disk or the server hangs."""


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

    def trouble(self) -> str | None:
        """Why units fail now, in words for everybody; `None` while they do not."""


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

    def trouble(self) -> str | None:
        return None


_Task = tuple[Callable[[Connection], Any], "Future[Any]", float]


class ThreadedDatabase:
    """Runs units on threads with a connection each: as many as the engine lets write, and a few
    for reads. The queues to them are bounded; when one is full, `StoreUnavailable`."""

    def __init__(self, engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._condition = Condition(monotonic)
        self._writes = _Threads(engine, engine.writers, self._condition, monotonic, writes=True)
        self._reads = _Threads(engine, READERS, self._condition, monotonic, writes=False)

    @property
    def dialect(self) -> Dialect:
        return self._engine.dialect

    async def run(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._writes.ask(lambda connection: unit(connection, *args, **kwargs))

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._reads.ask(lambda connection: unit(connection, *args, **kwargs))

    def trouble(self) -> str | None:
        """Why units fail, or do not come back; until `prove` has shown that they do again."""
        since = [began for began in self._writes.began_at() if began is not None]
        if since and self._monotonic() - min(since) > STUCK_SECONDS:
            return "the database does not answer"
        return self._condition.reason

    async def prove(self) -> bool:
        """Something was written durably and read; whether that ends a trouble. Raises as a unit
        does."""
        began_at = self._monotonic()
        in_trouble = self._condition.reason is not None
        await self.run(prove, in_trouble)
        await self.read(prove_readable)
        return self._condition.proven(began_at)

    def close(self) -> None:
        """What was queued is done, and the threads and their connections are gone."""
        self._writes.close()
        self._reads.close()


class _Threads:
    def __init__(
        self,
        engine: Engine,
        number: int,
        condition: Condition,
        monotonic: Callable[[], float],
        *,
        writes: bool,
    ) -> None:
        self._condition = condition
        self._monotonic = monotonic
        self._queue = queue.Queue[_Task | None](LONGEST_QUEUE)
        self._closing = threading.Event()
        self._handing_on = threading.Lock()
        self._workers = [_Worker(engine, monotonic, for_writes=writes) for _ in range(number)]
        self._threads = [
            threading.Thread(
                target=self._work, args=(worker,), name=f"store-{'w' if writes else 'r'}{n}"
            )
            for n, worker in enumerate(self._workers)
        ]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    async def ask(self, work: Callable[[Connection], T]) -> T:
        answer: Future[T] = Future()
        try:
            self._queue.put_nowait((work, answer, self._monotonic()))
        except queue.Full:
            raise StoreUnavailable("the queue to the database is full") from None
        return await asyncio.wrap_future(answer)

    def began_at(self) -> list[float | None]:
        """Since when each thread has been at its unit; `None` if it has none."""
        return [worker.began_at for worker in self._workers]

    def close(self) -> None:
        with self._handing_on:
            self._closing.set()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, worker: "_Worker") -> None:
        while (task := self._queue.get()) is not None:
            work, answer, asked_at = task
            # What another thread handed on is running already.
            if answer.running() or answer.set_running_or_notify_cancel():
                try:
                    result = worker.do(work, asked_at)
                except BaseException as error:
                    if isinstance(error, _NoConnection) and self._hand_on(task, worker):
                        continue
                    self._condition.failed(error)
                    answer.set_exception(error)
                else:
                    answer.set_result(result)
            del task, work, answer
        worker.close()

    def _hand_on(self, task: _Task, worker: "_Worker") -> bool:
        """Where a server has no connection left for this thread, others may have theirs: whether
        one of them does this."""
        with self._handing_on:
            others = any(one.is_connected for one in self._workers if one is not worker)
            if not others or self._closing.is_set():
                return False
            try:
                self._queue.put_nowait(task)
            except queue.Full:
                return False
        self._closing.wait(HANDS_ON_SECONDS)
        return True


class _NoConnection(StoreUnavailable):
    """There is no connection to be had; the unit was not begun."""


class _Worker:
    """What one thread does: units, on a connection that is made anew when it was lost."""

    def __init__(self, engine: Engine, monotonic: Callable[[], float], *, for_writes: bool) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._for_writes = for_writes
        self._connection: Connection | None = None
        self._was_locked = False
        self.began_at: float | None = None

    def do(self, work: Callable[[Connection], T], asked_at: float) -> T:
        """The unit's result, tried again where nothing was changed and it may succeed now: the
        webhook that waits for it does not come again."""
        self.began_at = self._monotonic()
        try:
            for tries_left in reversed(range(MOST_TRIES)):
                try:
                    return self._once(work, asked_at)
                except TryAgain:
                    if not tries_left:
                        raise
        finally:
            self.began_at = None
        raise AssertionError("a unit was tried no time at all")

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection, as far as it knows."""
        return self._connection is not None

    def close(self) -> None:
        """The connection is gone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, work: Callable[[Connection], T], asked_at: float) -> T:
        if self._connection is not None and not self._connection.is_usable():
            self.close()
        if self._connection is None:
            try:
                self._connection = self._engine.connect()
            except StoreUnavailable as error:
                raise _NoConnection(str(error), error.reason) from error
        if self._was_locked:
            left = LOCK_SECONDS - (self._monotonic() - asked_at)
            self._connection.wait_for_locks(max(0.0, min(left, LOCKED_SECONDS)))
        try:
            with self._connection.transaction(writes=self._for_writes):
                result = work(self._connection)
        except StoreLocked:
            self._was_locked = True
            raise
        if self._was_locked:
            self._was_locked = False
            self._connection.wait_for_locks(LOCK_SECONDS)
        return result
