"""Phones that several people use: whatever is asked at the same time, some order explains it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from calbell.domain.subscription import Platform, Registration
from calbell.flows.register import Register
from calbell.store import subscriptions
from calbell.store.connection import Connection, Engine
from calbell.store.database import ThreadedDatabase, run_once
from tests.contract.world import NOW, World, token

USERS = (7, 8, 9)
EXAMPLES = count()


class Wish(Struct, frozen=True):
    """A user registers the phone, or removes it."""

    user_id: int
    removes: bool


class Phone(Struct, frozen=True):
    """Who has a row for it, and whom of them it rings for."""

    rows: frozenset[int] = frozenset()
    owner: int | None = None


def one_by_one(phone: Phone, wishes: Iterable[Wish]) -> tuple[Phone, dict[Wish, list[bool]]]:
    """What the wishes come to, one after the other."""
    found: dict[Wish, list[bool]] = {}
    for wish in wishes:
        found.setdefault(wish, []).append(not wish.removes or wish.user_id in phone.rows)
        if not wish.removes:
            phone = Phone(phone.rows | {wish.user_id}, wish.user_id)
        elif wish.user_id in phone.rows:
            owner = None if phone.owner == wish.user_id else phone.owner
            phone = Phone(phone.rows - {wish.user_id}, owner)
    return phone, found


def explanations(before: Phone, wishes: Sequence[Wish]) -> list[tuple[Phone, dict[Wish, int]]]:
    """All that the wishes may come to: the phone, and how many of equal wishes found something."""
    return [
        (after, {wish: sum(hits) for wish, hits in found.items()})
        for after, found in (one_by_one(before, order) for order in permutations(wishes))
    ]


def seen(connection: Connection, name: str) -> Phone:
    """The phone as the database has it."""
    devices = {
        user: [d for d in run_once(connection, subscriptions.devices_of, user) if d.token == name]
        for user in USERS
    }
    owners = {device.owner_user_id for own in devices.values() for device in own}
    assert len(owners) <= 1
    return Phone(frozenset(user for user, own in devices.items() if own), next(iter(owners), None))


@pytest.fixture
def database(engine: Engine, connection: Connection) -> Iterator[ThreadedDatabase]:
    world = World(connection)
    for user_id in USERS:
        world.user(user_id)
    threaded = ThreadedDatabase(engine)
    yield threaded
    threaded.close()


wishes = st.builds(Wish, st.sampled_from(USERS), st.booleans())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(wishes, max_size=4), together=st.lists(wishes, min_size=2, max_size=5))
def test_what_is_wished_at_the_same_time_is_explained_by_some_order(
    database: ThreadedDatabase,
    connection: Connection,
    engine: Engine,
    before: list[Wish],
    together: list[Wish],
) -> None:
    name = token(f"shared-{next(EXAMPLES)}")

    async def story() -> tuple[Phone, list[bool]]:
        # Two processes: their lists know nothing of each other.
        registers = [Register(database, lambda: NOW, lanes=engine.lanes) for _ in range(2)]

        async def do(at: int, wish: Wish) -> bool:
            register = registers[at % 2]
            if wish.removes:
                return await register.remove(wish.user_id, name)
            kept = await register.register(
                Registration(wish.user_id, name, Platform.IOS, f"device-{at}")
            )
            return kept.user_id == wish.user_id

        for at, wish in enumerate(before):
            await do(at, wish)
        began = seen(connection, name)
        return began, await asyncio.gather(*(do(at, wish) for at, wish in enumerate(together)))

    began, answers = asyncio.run(story())
    hits: dict[Wish, int] = {}
    for wish, hit in zip(together, answers, strict=True):
        hits[wish] = hits.get(wish, 0) + hit
    assert (seen(connection, name), hits) in explanations(began, together)


def test_a_row_keeps_its_id_whoever_takes_the_phone_over(connection: Connection) -> None:
    world = World(connection)
    for user_id in USERS:
        world.user(user_id)
    ids: dict[int, int] = {}
    for user_id in (7, 8, 7, 9, 8, 7):
        kept = world.register(user_id, "a")
        assert ids.setdefault(user_id, kept.id) == kept.id
        assert seen(connection, token("a")).owner == user_id
    assert len(set(ids.values())) == 3
