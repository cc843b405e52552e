"""A stage: the parts of a service on one database in memory, with Expo's simulator as its only
world, in virtual time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, ParamSpec, TypeVar

import msgspec
from typing_extensions import override

from calbell.config import Secret, Settings
from calbell.domain.notification import BookingFacts, NotificationState, Planned
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform, Registration
from calbell.expo.transport import AnswerLost, NotTransmitted, Reply
from calbell.flows.grace import Grace
from calbell.flows.surroundings import new_key
from calbell.simulator import phones as simulated
from calbell.simulator.service import PushService
from calbell.simulator.wire import Request, Response, unpacked
from calbell.store import deliveries, migrate, notifications, subscriptions, users
from calbell.store.connection import Row
from calbell.store.database import InlineDatabase, Unit, run_once
from calbell.store.deliveries import NewDelivery
from calbell.store.notifications import NewNotification
from calbell.store.sqlite import SqliteConnection
from calbell.store.statements import Statement
from calbell.store.users import Profile
from calbell.telemetry import Metrics
from calbell.wiring import assemble
from tests.universe.virtual_time import VirtualLoop

P = ParamSpec("P")
T = TypeVar("T")

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANSWERS_AFTER = 0.1
"""Seconds."""


class CountingDatabase(InlineDatabase):
    """Knows how many units of work there were: whoever polls hot is seen."""

    units = 0

    @override
    async def run(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.units += 1
        return await super().run(unit, *args, **kwargs)


class Line:
    """The way to Expo. `broken` makes of an honest answer what comes back; it may raise."""

    def __init__(self, service: PushService) -> None:
        self.service = service
        self.broken: Callable[[Request, Response], Response] = lambda _, response: response
        self.is_cut = False
        self.sent = list[tuple[float, int]]()
        """When each send request came, and with how many messages."""

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        if self.is_cut:
            raise NotTransmitted
        request = Request("POST", path, "", dict(headers), body)
        if path.endswith("/send"):
            self.sent.append((self.service.now, len(messages_of(request))))
        response = self.broken(request, self.service.answer(request))
        await asyncio.sleep(ANSWERS_AFTER)
        return Reply(response.status, response.headers, response.body)


def messages_of(request: Request) -> list[dict[str, Any]]:
    """The messages of a send request."""
    found: list[dict[str, Any]] = msgspec.json.decode(unpacked(request))
    return found


def lost(_request: Request, _response: Response) -> Response:
    """The answer never comes."""
    raise AnswerLost


class Stage:
    """The service and its world. With `sets_clock` the service has a clock that can be set:
    `set_back_by` says how far behind the world's it is."""

    def __init__(self, *, sets_clock: bool = False, **settings: Any) -> None:
        self._loop = VirtualLoop()
        self.set_back_by = timedelta()
        self.connection = SqliteConnection(":memory:")
        run_once(self.connection, migrate.migrate, START)
        self.service = PushService(
            lambda: self._true_now().timestamp(), Random("expo"), 2.0, keep_requests=0
        )
        self.line = Line(self.service)
        self.database = CountingDatabase(self.connection)
        self.chance = Random("stage")
        self.metrics = Metrics()
        self.parts = assemble(
            Settings(webhook_secrets=(Secret("secret"),), **settings),
            self.database,
            self.line,
            self.now,
            self.chance,
            self.metrics,
            lanes=1,
            net=timedelta(days=1),
            steady=self._true_now if sets_clock else None,
        )

    def now(self) -> datetime:
        """The time on this stage, by the service's clock."""
        return self._true_now() - self.set_back_by

    def _true_now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time())

    def plays(self, story: Coroutine[Any, Any, None]) -> None:
        """The story is played while the service runs, and then everything stops."""

        async def play() -> None:
            tasks = [asyncio.create_task(loop.run(turn)) for loop, turn in self.parts.loops]
            try:
                await story
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self.parts.dispatch.stop(Grace(timedelta()))

        try:
            self._loop.run_until_complete(play())
        finally:
            self._loop.close()

    def phone(
        self, user_id: int, platform: Platform = Platform.IOS, project: str = "@a/app"
    ) -> str:
        """The token of a new phone of the user."""
        profile = Profile(
            id=user_id,
            name=f"User {user_id}",
            username=None,
            time_zone="Europe/London",
            locale="en",
            time_format=24,
            source="operator",
            addresses=(f"user{user_id}@example.com",),
            created_at=START,
        )
        run_once(self.connection, users.save, profile, START)
        token = self.service.add_device(simulated.Platform(platform), project).token
        registration = Registration(user_id, token, platform, "device")
        run_once(self.connection, subscriptions.register_many, [registration], self.now())
        return token

    def tell(self, *user_ids: int, lives: timedelta = timedelta(days=1)) -> None:
        """Something is on its way to each phone of these users, at once."""
        now = self.now()
        planned = [
            Planned(
                user_id=user_id,
                role=Role.ORGANIZER,
                kind=PushEvent.BOOKING_CONFIRMED,
                due_at=now,
                expires_at=now + lives,
                facts=BookingFacts(uid="uid", title="Call"),
            )
            for user_id in user_ids
        ]
        new = [NewNotification(None, None, 1, one, NotificationState.RELEASED) for one in planned]
        ids = run_once(self.connection, notifications.insert_many, new, now)
        phones = run_once(self.connection, subscriptions.phones_of, user_ids)
        queued = [
            NewDelivery(id_, phone, new_key(self.chance), now + lives)
            for id_, user_id in zip(ids, user_ids, strict=True)
            for phone in phones[user_id]
        ]
        run_once(self.connection, deliveries.insert_many, queued, now)
        self.parts.wake()

    def ask(self, sql: str) -> list[Row]:
        """The rows of a query."""
        statement = Statement("ask", "", (), (), (), sql, sql, returns_rows=True)
        return run_once(self.connection, lambda c: c.run(statement))

    def script(self, sql: str) -> None:
        """Something that no flow does is done to the database."""
        self.connection.script(sql)

    def states(self) -> dict[tuple[str, str | None], int]:
        """How many deliveries are in each state, for each reason."""
        rows = self.ask("select state, reason from deliveries")
        return dict(Counter((state, reason) for state, reason in rows))

    def shown(self, token: str) -> int:
        """How many notifications the phone shows."""
        return len(self.service.displayed(token))
