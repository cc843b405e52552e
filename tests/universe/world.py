"""A small world in which Calbell lives: people, phones, bookings, and trouble, all by one seed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from msgspec import Struct

from calbell.calcom.signature import sign
from calbell.config import Secret, Settings
from calbell.domain.subscription import Platform, Registration
from calbell.flows.take_in import TakenIn
from calbell.simulator import phones as simulated
from calbell.simulator.service import PushService
from calbell.store import migrate, users
from calbell.store.connection import StoreUnavailable
from calbell.store.database import run_once
from calbell.store.sqlite import SqliteConnection
from calbell.store.users import Profile
from tests import payloads
from tests.universe.expo import FaultyExpo, Handed
from tests.universe.process import Process, ProcessDied
from tests.universe.virtual_time import VirtualLoop

GENESIS = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "the secret of the universe"
USERS = range(1, 6)
PROJECTS = ("@owner/one", "@owner/two")
REMINDER = timedelta(minutes=30)
QUIET_AFTER = timedelta(days=5)
"""How long after the last event everything must have ended."""

SETTINGS = Settings(
    webhook_secrets=(Secret(SECRET),),
    default_reminder_minutes=(30,),
    expo_rate_limit=600,
    # Shorter than the slowest answer: tickets come after their lease ran out.
    lease=timedelta(seconds=12),
)


class Accepted(Struct, frozen=True):
    """A webhook that was answered with 2xx, when, and what with."""

    at: datetime
    uid: str
    trigger: str
    taken: TakenIn


class Universe:
    """Everything in it follows from the seed."""

    def __init__(
        self,
        seed: int,
        loop: VirtualLoop,
        connection: SqliteConnection,
        witness: Callable[["Universe", Handed], None],
    ) -> None:
        self.chance = Random(seed)
        self._loop = loop
        self.connection = connection
        self._process_chance = Random(f"{seed} process")
        self._in_trouble = True
        self._outage_until = GENESIS
        self.service = PushService(
            lambda: self.now().timestamp(), Random(f"{seed} expo"), 2.0, keep_requests=0
        )
        self.expo = FaultyExpo(
            self.service,
            Random(f"{seed} network"),
            self._trouble,
            lambda handed: witness(self, handed),
        )
        self.accepted = list[Accepted]()
        self.deaths = 0
        self.tokens = dict[str, str]()
        self.process = self._new_process()

    def now(self) -> datetime:
        """The time in this universe."""
        return GENESIS + timedelta(seconds=self._loop.time())

    async def live(self, bookings: int) -> None:
        """Bookings come and go; then trouble ends, and time passes until all must be over."""
        run_once(self.connection, migrate.migrate, self.now())
        for user_id in USERS:
            run_once(self.connection, users.save, _profile(user_id), self.now())
        self.process.start()
        keeper = asyncio.create_task(self._restart())
        for user_id in USERS:
            await self._register(user_id)
        for number in range(bookings):
            await self._booking_lives(f"b{number}")
            if self.chance.random() < 0.3:
                await self._phones_change()
            if self.chance.random() < 0.2:
                self._outage_until = self.now() + timedelta(minutes=self.chance.randrange(1, 300))
            await asyncio.sleep(self.chance.expovariate(1 / 600))
        self._in_trouble = False
        await asyncio.sleep(QUIET_AFTER.total_seconds())
        keeper.cancel()
        self.process.kill()
        await asyncio.sleep(0)

    def _new_process(self) -> Process:
        return Process(
            SETTINGS, self.connection, self.expo, self.now, self._process_chance, self._fate
        )

    def _trouble(self) -> float:
        """The share of requests to Expo that go wrong now: some, and in an outage nearly all."""
        if not self._in_trouble:
            return 0.0
        return 0.99 if self.now() < self._outage_until else 0.15

    def _fate(self) -> str | None:
        if not self._in_trouble or self.chance.random() > 0.02:
            return None
        return self.chance.choice(("dies before", "dies after", "fails before", "fails after"))

    async def _restart(self) -> None:
        while True:
            await self.process.died.wait()
            self.deaths += 1
            await asyncio.sleep(self.chance.uniform(0.1, 30))
            self.process = self._new_process()
            self.process.start()

    async def _booking_lives(self, uid: str) -> None:
        """One booking from its start to some end, its webhooks repeated and out of order."""
        longest = self.chance.choice((30, 60 * 30))
        start = self.now() + timedelta(minutes=self.chance.randrange(5, longest))
        host, guest = self.chance.sample(list(USERS), 2)
        for body, trigger, of in self._story(uid, start, host, guest):
            for _ in range(1 + (self.chance.random() < 0.2)):
                await self._send(body, trigger, of)
            await asyncio.sleep(self.chance.choice((0.05, 1, self.chance.expovariate(1 / 60))))

    def _story(
        self, uid: str, start: datetime, host: int, guest: int
    ) -> list[tuple[bytes, str, str]]:
        told = list[tuple[bytes, str, str]]()
        sent_at = self.now()

        def tell(trigger: str, at: datetime, of: str, **more: object) -> None:
            nonlocal sent_at
            sent_at += timedelta(seconds=1)
            envelope = getattr(payloads, trigger)(
                uid=of,
                organizer=payloads.organizer(id=host, email=_address(host)),
                attendees=[payloads.attendee(email=_address(guest))],
                start=at,
                end=at + timedelta(minutes=30),
                sent_at=sent_at,
                **more,
            )
            told.append((payloads.body(envelope), trigger, of))

        if self.chance.random() < 0.4:
            tell("requested", start, uid)
            if self.chance.random() < 0.3:
                tell("rejected", start, uid)
                return self._shuffled(told)
        tell("created", start, uid)
        for move in range(self.chance.choice((0, 0, 1, 2))):
            old, old_start = uid, start
            uid, start = f"{uid}m{move}", start + timedelta(hours=self.chance.randrange(1, 30))
            tell(
                "rescheduled",
                start,
                uid,
                old_uid=old,
                old_start=old_start,
                old_end=old_start + timedelta(minutes=30),
            )
        if self.chance.random() < 0.4:
            tell("cancelled", start, uid)
        return self._shuffled(told)

    def _shuffled(self, told: list[tuple[bytes, str, str]]) -> list[tuple[bytes, str, str]]:
        """Sometimes two neighbours change places."""
        if len(told) > 1 and self.chance.random() < 0.25:
            at = self.chance.randrange(len(told) - 1)
            told[at], told[at + 1] = told[at + 1], told[at]
        return told

    async def _send(self, body: bytes, trigger: str, uid: str) -> None:
        """As Cal.com does: once, and never again, whatever is answered."""
        process = self.process
        receiving = process.spawn(process.parts.receive.receive(body, sign(body, SECRET)))
        try:
            taken = await receiving
        except (ProcessDied, asyncio.CancelledError, StoreUnavailable):
            return
        assert taken is not None
        self.accepted.append(Accepted(self.now(), uid, trigger, taken))

    async def _register(self, user_id: int, token: str | None = None) -> None:
        platform = self.chance.choice(list(Platform))
        if token is None:
            device = self.service.add_device(
                simulated.Platform(platform), self.chance.choice(PROJECTS)
            )
            token = device.token
            self.tokens[token] = platform
        registration = Registration(
            user_id, token, Platform(self.tokens[token]), f"device of {user_id}"
        )
        process = self.process
        working = process.spawn(process.parts.register.register(registration))
        await asyncio.wait((working,))

    async def _phones_change(self) -> None:
        """A phone is bought, sold, wiped, found again, or its owner logs out."""
        user_id, token = self.chance.choice(list(USERS)), self.chance.choice(list(self.tokens))
        match self.chance.choice(("new", "sold", "wiped", "again", "logout")):
            case "new":
                await self._register(user_id)
            case "sold":
                await self._register(user_id, token)
            case "wiped":
                self.service.change_device(token, registered=False)
            case "again":
                self.service.change_device(token, registered=True)
                await self._register(user_id, token)
            case "logout":
                process = self.process
                await asyncio.wait((process.spawn(process.parts.register.remove(user_id, token)),))


def _address(user_id: int) -> str:
    return f"user{user_id}@example.com"


def _profile(user_id: int) -> Profile:
    return Profile(
        id=user_id,
        name=f"User {user_id}",
        username=None,
        time_zone="Europe/London",
        locale="en",
        time_format=12,
        source="operator",
        addresses=(_address(user_id),),
        created_at=GENESIS,
    )
