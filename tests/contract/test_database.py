"""Units of work on threads, and lists of them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import pytest

from calbell.store import database as database_room
from calbell.store import users
from calbell.store.connection import Connection, Engine, StoreUnavailable
from calbell.store.database import InlineDatabase, ThreadedDatabase
from calbell.store.lists import Lists
from tests.contract.world import NOW, profile

T = TypeVar("T")


@pytest.fixture
def threaded(engine: Engine) -> Iterator[ThreadedDatabase]:
    made = ThreadedDatabase(engine)
    yield made
    made.close()


def within(work: Callable[[], Awaitable[T]]) -> T:
    async def limited() -> T:
        async with asyncio.timeout(20):
            return await work()

    return asyncio.run(limited())


def save_many(connection: Connection, ids: Sequence[int]) -> list[int]:
    for id_ in ids:
        if id_ < 0:
            raise ValueError(f"no {id_}")
        users.save(connection, profile(id_), NOW)
    return [id_ * 2 for id_ in ids]


def ids_of(connection: Connection) -> list[int]:
    return [one.id for one in users.listed(connection)]


def test_a_unit_is_committed_before_its_caller_goes_on(threaded: ThreadedDatabase) -> None:
    async def work() -> list[int]:
        await threaded.run(users.save, profile(1), NOW)
        return await threaded.read(ids_of)

    assert within(work) == [1]


def test_a_unit_that_raises_leaves_nothing_and_its_caller_knows(threaded: ThreadedDatabase) -> None:
    async def work() -> list[int]:
        with pytest.raises(ValueError, match="no -1"):
            await threaded.run(save_many, [1, -1])
        return await threaded.read(ids_of)

    assert within(work) == []


def test_a_full_queue_is_said_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_room, "LONGEST_QUEUE", 1)
    threaded = ThreadedDatabase(engine)
    running, goon = threading.Semaphore(0), threading.Event()

    def block(_: Connection) -> None:
        running.release()
        goon.wait(20)

    async def work() -> None:
        blocked = []
        for _ in range(engine.writers):
            blocked.append(asyncio.create_task(threaded.run(block)))
            await asyncio.to_thread(running.acquire, timeout=20)
        queued = asyncio.create_task(threaded.run(ids_of))
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="queue"):
            await threaded.run(ids_of)
        goon.set()
        await asyncio.gather(*blocked, queued)

    try:
        within(work)
    finally:
        threaded.close()


def test_lists_take_whatever_waits(threaded: ThreadedDatabase) -> None:
    sizes: list[int] = []

    def unit(connection: Connection, ids: Sequence[int]) -> list[int]:
        sizes.append(len(ids))
        return save_many(connection, ids)

    async def work() -> list[int]:
        lists = Lists[int, int](threaded, unit, keys=lambda id_: (id_,), size=50)
        return await asyncio.gather(*(lists(id_) for id_ in range(1, 101)))

    assert within(work) == [id_ * 2 for id_ in range(1, 101)]
    assert max(sizes) == 50
    assert len(sizes) <= 4


def test_nobody_suffers_for_a_neighbour(threaded: ThreadedDatabase) -> None:
    async def work() -> tuple[list[int | BaseException], list[int]]:
        lists = Lists[int, int](threaded, save_many, keys=lambda id_: (id_,), size=50)
        answers = await asyncio.gather(*(lists(id_) for id_ in (1, -2, 3)), return_exceptions=True)
        return answers, await threaded.read(ids_of)

    answers, kept = within(work)
    assert answers[0] == 2
    assert isinstance(answers[1], ValueError)
    assert answers[2] == 6
    assert kept == [1, 3]


def test_no_key_stands_twice_in_a_list(connection: Connection) -> None:
    lists_seen: list[list[int]] = []

    def unit(_: Connection, ids: Sequence[int]) -> list[int]:
        lists_seen.append(list(ids))
        return list(ids)

    async def work() -> list[int]:
        lists = Lists[int, int](
            InlineDatabase(connection), unit, keys=lambda id_: (id_ % 3,), size=50
        )
        return await asyncio.gather(*(lists(id_) for id_ in range(9)))

    assert within(work) == list(range(9))
    assert all(len({id_ % 3 for id_ in ids}) == len(ids) for ids in lists_seen)
    assert [id_ for ids in lists_seen for id_ in ids if id_ % 3 == 0] == [0, 3, 6]


def test_too_many_callers_are_told_at_once(connection: Connection) -> None:
    async def work() -> list[int | BaseException]:
        lists = Lists[int, int](
            InlineDatabase(connection), save_many, keys=lambda _: (), size=1, capacity=2
        )
        return await asyncio.gather(*(lists(id_) for id_ in range(1, 6)), return_exceptions=True)

    answers = within(work)
    assert any(isinstance(answer, StoreUnavailable) for answer in answers)
    assert answers[0] == 2
