"""Comparing bookings with Cal.com's: what people and keys do meanwhile makes no news, and hides
none."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest

from calbell.calcom.http import API_VERSION, Answer, Answered, asked
from calbell.calcom.me import Asked
from calbell.domain.plan import Rules
from calbell.flows.erase import remove_user
from calbell.flows.reconcile import Reconcile
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import TakeIn
from calbell.flows.welcome import keep_user
from calbell.store import migrate, removals, users
from calbell.store.connection import Row
from calbell.store.database import InlineDatabase, run_once
from calbell.store.sqlite import SqliteConnection, SqliteEngine
from calbell.store.statements import Statement
from calbell.telemetry import Metrics
from tests.booked import Booked
from tests.contract.world import NOW, profile
from tests.universe.instance import KEY, OWNER, Instance, Mood

HOUR = timedelta(hours=1)
GUEST = 2


class Comparing:
    """A service that asks an instance every hour. Its owner and a guest are users here."""

    def __init__(self, connection: SqliteConnection) -> None:
        self.connection = connection
        self.now = NOW
        self.instance = Instance(lambda: self.now, is_admins=True)
        for user_id in (OWNER, GUEST):
            run_once(connection, users.save, person(user_id), NOW)
        self.number = 0
        self._database = InlineDatabase(connection)
        self._take_in = TakeIn(
            self._database, Policy(), lambda: self.now, Random(1), lanes=1, wake=()
        )
        self._reconcile = self.new_process()

    def new_process(self) -> Reconcile:
        return Reconcile(
            self,
            f"Bearer {KEY}",
            self._database,
            self._take_in,
            lambda: self.now,
            Metrics(),
            every=HOUR,
            worker="worker",
        )

    async def me(self, authorization: str) -> Asked:
        return asked(await self.ask("GET", "/me", authorization))

    async def ask(
        self,
        method: str,
        path: str,
        authorization: str,
        body: bytes | None = None,
        *,
        longest: int = 0,
    ) -> Answer:
        said = self.instance.answer(path, authorization, API_VERSION)
        return Answered(said.status, said.headers, said.body)

    def book(self, host: int = OWNER, guest: int = GUEST) -> Booked:
        self.number += 1
        booked = Booked(
            f"b{self.number}",
            {"id": host, "name": "Ada Host", "email": f"user{host}@example.com"},
            [{"name": "Grace Guest", "email": f"user{guest}@example.com"}],
            self.now,
            start=self.now + timedelta(days=3),
        )
        self.instance.bookings[booked.uid] = booked
        return booked

    def relocate(self, booked: Booked) -> None:
        self.number += 1
        booked.place = f"https://meet.example.com/{self.number}"
        booked.touch(self.now)

    def sweep(self) -> None:
        """An hour passes, and all that there is to see is seen."""
        self.now += HOUR
        due_at: datetime | None = self.now

        async def turns() -> None:
            nonlocal due_at
            while due_at is not None and due_at <= self.now:
                due_at = await self._reconcile.turn()

        asyncio.run(turns())

    def told(self, user_id: int) -> list[str]:
        """What there was to tell the user, oldest first."""
        rows = self._ask(f"select kind from notifications where user_id = {user_id} order by id")
        return [str(kind) for (kind,) in rows]

    def bodies(self) -> str:
        return str([bytes(raw) for (raw,) in self._ask("select raw from events")])

    def remove(self, user_id: int) -> None:
        assert run_once(self.connection, remove_user, user_id, self.now)
        while run_once(self.connection, removals.step, 1000):
            pass

    def _ask(self, sql: str) -> list[Row]:
        statement = Statement("ask", "", (), (), (), sql, sql, returns_rows=True)
        return run_once(self.connection, lambda connection: connection.run(statement))


def person(user_id: int) -> users.Profile:
    return profile(user_id, f"user{user_id}@example.com")


@pytest.fixture
def world() -> Iterator[Comparing]:
    connection = SqliteEngine(":memory:").connect()
    migrate.migrate(connection, NOW)
    yield Comparing(connection)
    connection.close()


def test_a_guest_who_was_removed_here_is_not_told_of_as_one_who_came(world: Comparing) -> None:
    booked = world.book()
    world.sweep()
    world.remove(GUEST)
    world.relocate(booked)
    world.sweep()
    assert world.told(OWNER) == ["BOOKING_CONFIRMED", "BOOKING_LOCATION_CHANGED"]
    assert "user2@" not in world.bodies()


def test_nor_when_the_guest_is_back(world: Comparing) -> None:
    booked = world.book()
    world.sweep()
    world.remove(GUEST)
    run_once(world.connection, keep_user, person(GUEST), Rules(), world.now)
    world.relocate(booked)
    world.sweep()
    booked.attendees = [*booked.attendees, {"name": "Gus", "email": "gus@example.com"}]
    booked.touch(world.now)
    world.sweep()
    assert world.told(OWNER) == [
        "BOOKING_CONFIRMED",
        "BOOKING_LOCATION_CHANGED",
        "BOOKING_GUESTS_ADDED",
    ]


def test_a_booking_that_goes_to_who_was_removed_here_is_told_of_once(world: Comparing) -> None:
    booked = world.book(host=7, guest=GUEST)
    world.sweep()
    world.remove(OWNER)
    booked.host = {"id": OWNER, "name": "User One", "email": "user1@example.com"}
    booked.touch(world.now)
    world.sweep()
    booked.touch(world.now)
    world.sweep()
    assert world.told(GUEST) == ["BOOKING_CONFIRMED", "BOOKING_REASSIGNED"]


def test_what_a_key_could_not_see_for_a_while_is_made_up_for(world: Comparing) -> None:
    world.book()
    world.sweep()
    world.instance.becomes(Mood.DEMOTING)
    unseen = world.book(host=7)
    world.now += HOUR
    world.book()
    world.sweep()
    assert world.told(GUEST) == ["BOOKING_CONFIRMED"] * 2
    world.instance.becomes()
    world.sweep()
    world.sweep()
    assert world.told(GUEST) == ["BOOKING_CONFIRMED"] * 3
    assert unseen.uid in world.bodies()
