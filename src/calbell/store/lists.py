"""Lists of work: callers one by one, the store many at a time.

What waits while the store is busy goes into the next list. So at rest a caller waits for nobody,
and under load one commit serves a hundred.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from calbell.store.connection import Connection, StoreUnavailable
from calbell.store.database import Database

Item = TypeVar("Item")
Result = TypeVar("Result")

ListUnit = Callable[[Connection, Sequence[Item]], Sequence[Result]]
_Entry = tuple[Item, frozenset[Hashable], asyncio.Future[Result]]


class Lists(Generic[Item, Result]):
    """Calls `unit` with lists of at most `size` items, at most `lanes` lists at a time.

    No key stands twice in a list, nor in two lists at a time; items go in the order of their
    keys, so that two lists never lock each other out. When a list fails, its members are tried
    one by one, so that nobody suffers for a neighbour. When `capacity` items wait, the next
    caller gets `StoreUnavailable`.
    """

    def __init__(
        self,
        database: Database,
        unit: ListUnit[Item, Result],
        *,
        keys: Callable[[Item], Iterable[Hashable]],
        size: int,
        lanes: int = 1,
        capacity: int = 5_000,
    ) -> None:
        self._database = database
        self._unit = unit
        self._keys = keys
        self._size = size
        self._lanes = lanes
        self._capacity = capacity
        self._waiting = deque[_Entry[Item, Result]]()
        self._busy_keys = set[Hashable]()
        self._tasks = set[asyncio.Task[None]]()

    async def __call__(self, item: Item) -> Result:
        """The item's own result, after the list that it was in was committed."""
        if len(self._waiting) >= self._capacity:
            raise StoreUnavailable("too many requests wait for the database")
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((item, frozenset(self._keys(item)), answer))
        self._start_lanes()
        result: Result = await answer
        return result

    def _start_lanes(self) -> None:
        while len(self._tasks) < self._lanes and (chosen := self._next_list()):
            task = asyncio.get_running_loop().create_task(self._run(chosen))
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._start_lanes()

    def _next_list(self) -> list[_Entry[Item, Result]]:
        chosen = list[_Entry[Item, Result]]()
        left = deque[_Entry[Item, Result]]()
        while self._waiting and len(chosen) < self._size:
            entry = self._waiting.popleft()
            if entry[2].cancelled():
                continue
            if self._busy_keys.isdisjoint(entry[1]):
                self._busy_keys |= entry[1]
                chosen.append(entry)
            else:
                left.append(entry)
        self._waiting.extendleft(reversed(left))
        return chosen

    async def _run(self, chosen: list[_Entry[Item, Result]]) -> None:
        try:
            chosen.sort(key=lambda entry: sorted(map(str, entry[1])))
            try:
                results = await self._database.run(self._unit, [item for item, _, _ in chosen])
            except Exception as error:
                if len(chosen) == 1 or isinstance(error, StoreUnavailable):
                    for _, _, answer in chosen:
                        _fail(answer, error)
                else:
                    await self._one_by_one(chosen)
            else:
                for (_, _, answer), result in zip(chosen, results, strict=True):
                    if not answer.done():
                        answer.set_result(result)
        finally:
            for _, keys, answer in chosen:
                self._busy_keys -= keys
                answer.cancel()

    async def _one_by_one(self, chosen: list[_Entry[Item, Result]]) -> None:
        for item, _, answer in chosen:
            try:
                (result,) = await self._database.run(self._unit, [item])
            except Exception as error:
                _fail(answer, error)
            else:
                if not answer.done():
                    answer.set_result(result)


def _fail(answer: asyncio.Future[Result], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
