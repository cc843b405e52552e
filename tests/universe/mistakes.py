"""What operators and phone owners do that makes trouble, one after the other and mended in time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Protocol, assert_never

from msgspec import structs

from calbell.config import Secret, Settings
from calbell.simulator import faults
from calbell.simulator.phones import Platform
from calbell.simulator.projects import Credentials, KeyState
from calbell.store import sources
from calbell.store.connection import Connection
from tests.universe.bookings import Bookings
from tests.universe.expo import Expo
from tests.universe.machines import Machines
from tests.universe.nature import Nature
from tests.universe.people import PROJECTS, ZONES, People, PhoneInHand, Resident
from tests.universe.virtual_time import VirtualLoop
from tests.universe.weather import Sky, Weather

GOOD_TOKEN = "the access token of the owner"
SECRET = "the secret of the universe"


class Happening(StrEnum):
    """What happens to phones."""

    NEW = "new"
    SOLD = "sold"
    WIPED = "wiped"
    FOUND_AGAIN = "found again"
    LOGGED_OUT = "logged out"
    OPENED = "opened"
    REINSTALLED = "reinstalled"
    TRAVELS = "travels"


class Site(Protocol):
    """What can be done wrong."""

    loop: VirtualLoop
    settings: Settings
    nature: Nature
    weather: Weather
    expo: Expo
    machines: Machines
    people: People
    bookings: Bookings
    signing: str
    path: str | None
    happened: Counter[str]

    def machine_time(self) -> datetime:
        """What the clocks of the machines show."""

    def tell(self, what: str) -> None:
        """It is part of the story."""

    def set_clock(self, skew: timedelta) -> None:
        """The machine's clock is wrong by so much from now on."""

    def sync(self, work: Callable[[Connection], object]) -> None:
        """The work is done at once, whatever the weather."""


class Mistakes:
    """Things happen to phones and to the service."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site = site
        self._chance = Random(f"{seed} mistakes")
        self._secrets = 0
        self._under_way = set[asyncio.Task[None]]()

    async def go_on(self) -> None:
        """Operators make mistakes and mend them, until all trouble is over."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._user_removed,
            self._secret_changed,
            self._secret_rotated,
            self._source_rotated,
            self._credentials_break,
            self._credentials_break,
            self._wrong_access_token,
            self._push_security,
            self._bearer_refused,
            self._deploy,
            self._expo_away,
            self._database_away,
            self._database_away,
        ]
        if self._site.nature.crowd:
            kinds += [self._wave, self._wave, self._wave, self._rush]
        if self._site.nature.clock_jumps:
            kinds += [self._clock_jumps] * 4
        while not self._site.weather.is_over:
            await self._chance.choice(kinds)()
            await asyncio.sleep(
                self._chance.expovariate(1 / (36 * 3600 * self._site.nature.sleepy))
            )

    async def phones_change(self) -> None:
        """Phones are bought, sold, wiped, found again, until all trouble is over."""
        while not self._site.weather.is_over:
            await self.phone_changes()
            await asyncio.sleep(
                self._chance.expovariate(1 / (30 * 3600 * self._site.nature.sleepy))
            )

    async def minds_change(self) -> None:
        """Those who care choose what they are told, until all trouble is over."""
        choosy = self._site.people.choosy
        while choosy and not self._site.weather.is_over:
            await asyncio.sleep(
                self._chance.expovariate(1 / (40 * 3600 * self._site.nature.sleepy))
            )
            await self._chooses(self._site.people.residents[self._chance.choice(choosy)])

    def in_the_middle(self, token: str, share: float) -> None:
        """Something is sent to this phone: in a share of the cases, right then, the phone or its
        user is not what it was."""
        if self._site.weather.sky is Sky.CALM or self._chance.random() >= share:
            return
        phone = self._site.people.phones[token]
        fate = self._chance.random()
        if fate < 0.15:
            going_on = self._leaves(self._site.people.residents[phone.user])
        elif fate < 0.35 and self._site.people.choosy:
            going_on = self._chooses(self._site.people.residents[phone.user])
        else:
            going_on = self._happens(self._chance.choice(tuple(Happening)), phone)
        self._goes_on(going_on)

    def in_the_night(self, resident: Resident, share: float) -> None:
        """Something waits until he wakes: in a share of the cases he lives elsewhere then, or chose
        something else."""
        if self._site.weather.is_over or self._chance.random() >= share:
            return
        travels = self._chance.random() < 0.5
        self._note(f"{'travels' if travels else 'chooses'} in the night")
        self._goes_on(self._travels(resident) if travels else self._chooses(resident))

    def _goes_on(self, something: Coroutine[None, None, None]) -> None:
        # Who does it does not die with the process in whose step it began.
        task = Context().run(self._site.loop.create_task, something)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def all_mended(self) -> None:
        """Nothing that was begun in the middle of something else is still under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def phone_changes(self) -> None:
        """Something happens to somebody's phone."""
        people = self._site.people
        held = people.in_use()
        phone = self._chance.choice(held) if held else people.buy(1)
        await self._happens(self._chance.choice(tuple(Happening)), phone)

    async def _happens(self, happening: Happening, phone: PhoneInHand) -> None:
        people = self._site.people
        user_id = self._chance.choice(tuple(people.residents))
        self._note(f"phone {happening}")
        match happening:
            case Happening.NEW:
                if len(people.in_use()) < 2 * len(people.residents) + 2:
                    await people.register(user_id, people.buy(user_id))
            case Happening.SOLD:
                await people.register(user_id, phone)
            case Happening.WIPED:
                people.wipe(phone)
            case Happening.FOUND_AGAIN:
                await self._found_again(user_id)
            case Happening.LOGGED_OUT:
                await people.log_out(phone)
            case Happening.OPENED:
                await people.register(phone.user, phone)
            case Happening.REINSTALLED:
                await people.register(phone.user, people.reinstall(phone))
            case Happening.TRAVELS:
                await self._travels(people.residents[phone.user])
            case _:
                assert_never(happening)

    async def _found_again(self, user_id: int) -> None:
        people = self._site.people
        lost = [phone for phone in people.phones.values() if not phone.is_there][-5:]
        if lost:
            found = self._chance.choice(lost)
            people.find_again(found)
            await people.register(user_id, found)

    async def _travels(self, resident: Resident) -> None:
        if resident.is_here:
            resident.zone = self._chance.choice(ZONES)
            await self._site.people.add(resident)

    async def _chooses(self, resident: Resident) -> None:
        self._note(f"chooses {await self._site.people.chooses(resident)}")

    async def _user_removed(self) -> None:
        await self._leaves(self._chance.choice(tuple(self._site.people.residents.values())))

    async def _leaves(self, resident: Resident) -> None:
        """A user is removed by mistake, and added again."""
        if not resident.is_here:
            return
        people = self._site.people
        self._note("user removed")
        await people.remove(resident)
        await asyncio.sleep(self._chance.choice((0.5, 60.0, 3600.0)))
        await people.add(resident)
        for phone in people.in_use():
            if phone.user == resident.id:
                await people.register(resident.id, phone)

    async def _secret_changed(self) -> None:
        """The operator replaces the secret here, and at Cal.com only hours later, when somebody has
        booked."""
        self._note("secret changed")
        new = self._new_secret()
        await self._configure(webhook_secrets=(Secret(new),))
        self._site.bookings.begin()
        await asyncio.sleep(self._span(0.1, 4))
        self._site.signing, self._site.path = new, None

    async def _secret_rotated(self) -> None:
        """The operator does it as he should: both are good for a while."""
        self._note("secret rotated")
        old, new = self._site.settings.webhook_secrets[0], Secret(self._new_secret())
        await self._configure(webhook_secrets=(new, old))
        await asyncio.sleep(self._span(0.1, 4))
        self._site.signing, self._site.path = new.reveal(), None
        await self._configure(webhook_secrets=(new,))

    async def _source_rotated(self) -> None:
        """A webhook with a path of its own is made; its secret is rotated, Cal.com's later."""
        self._note("source rotated")
        first, second = self._new_secret(), self._new_secret()
        path = f"source{self._secrets}"
        ids = list[int]()
        self._site.sync(
            lambda connection: ids.append(
                sources.create(connection, path=path, secret=first, scope="all")
            )
        )
        self._site.signing, self._site.path = first, path
        await asyncio.sleep(self._span(0.1, 8))
        good_for = timedelta(hours=6)
        now = self._site.machine_time()
        self._site.sync(
            lambda connection: sources.rotate(connection, ids[0], second, now + good_for)
        )
        await asyncio.sleep(self._span(0.1, 3))
        self._site.signing = second

    async def _credentials_break(self) -> None:
        """F18, as it really is: the key at Expo is not good for hours."""
        site = self._site
        project = self._chance.choice(PROJECTS)
        state = self._chance.choice((KeyState.MISSING, KeyState.REVOKED, KeyState.MISMATCH))
        platform = self._chance.choice(tuple(Platform))
        self._note(f"credentials {state}")
        site.tell(f"the key of {project} for {platform} is {state}")
        broken = Credentials(ios=state) if platform is Platform.IOS else Credentials(android=state)
        site.expo.set_project(project, credentials=broken)
        await self._lasts(0.2, 30)
        site.expo.set_project(project, credentials=Credentials())
        site.tell(f"the key of {project} for {platform} is mended")

    async def _wrong_access_token(self) -> None:
        """F22 by the operator's own hand: 401 for everything."""
        self._note("wrong access token")
        before = self._site.settings.expo_access_token
        await self._configure(expo_access_token=Secret("mistyped"))
        await self._lasts(0.2, 10)
        await self._configure(expo_access_token=before)

    async def _push_security(self) -> None:
        """Push security is switched on before the service has the token: 403 for the project."""
        site = self._site
        self._note("push security")
        project = self._chance.choice(PROJECTS)
        site.expo.set_project(project, push_security=True, access_tokens=(GOOD_TOKEN,))
        site.tell(f"{project} takes only who has the access token")
        await self._lasts(0.1, 6)
        await self._configure(expo_access_token=Secret(GOOD_TOKEN))
        await self._lasts(1, 10)
        # Every token must be somebody's: it stays one of the project's.
        site.expo.set_project(project, push_security=False)

    async def _bearer_refused(self) -> None:
        """F22: Expo says for a while that the token is none."""
        self._note("bearer refused")
        self._site.weather.reigns(faults.BearerTurnsInvalid(), self._lasting(0.1, 5))

    async def _wave(self) -> None:
        """F19: many phones are said to be gone that are not."""
        wave = faults.Wave(
            self._chance.choice((0.6, 1.0)), "ticket" if self._chance.random() < 0.5 else "receipt"
        )
        self._note(f"wave at the {wave.at}")
        self._site.weather.reigns(wave, self._lasting(0.05, 0.4))
        self._site.tell(f"a wave of DeviceNotRegistered begins, in each {wave.at}")
        self._site.bookings.begin(of_all=True)

    async def _rush(self) -> None:
        """More is to be said at once than Expo takes in a second."""
        self._note("rush")
        for _ in range(8):
            self._site.bookings.begin(of_all=True)

    async def _deploy(self) -> None:
        self._note("deploy")
        await self._site.machines.deploy()

    async def _expo_away(self) -> None:
        self._note("Expo away")
        self._site.weather.expo_goes_away(self._lasting(0.02, 6))
        self._site.tell("Expo goes away")

    async def _database_away(self) -> None:
        self._note("database away")
        self._site.weather.database_goes_away(self._lasting(0.01, 1))
        self._site.tell("the database goes away")

    async def _clock_jumps(self) -> None:
        """The machine's clock goes an hour back or a day forward, and is set right later."""
        hours = self._chance.choice((-1.0, -0.1, 0.1, 3.0, 24.0))
        self._note(f"clock {'back' if hours < 0 else 'forward'}")
        self._site.set_clock(timedelta(hours=hours))
        await self._lasts(0.01, 8)
        self._site.set_clock(timedelta())

    async def _configure(self, **changes: object) -> None:
        """The service runs with other settings."""
        self._site.settings = structs.replace(self._site.settings, **changes)
        self._site.tell(f"the operator changes {', '.join(changes)}")
        await self._site.machines.deploy()

    async def _lasts(self, least_hours: float, most_hours: float) -> None:
        """So long, but never into calm weather for ever."""
        ends = self._span(least_hours, most_hours)
        while ends > 0 and not self._site.weather.is_over:
            await asyncio.sleep(min(ends, 600.0))
            ends -= 600.0

    def _lasting(self, least_hours: float, most_hours: float) -> timedelta:
        return timedelta(seconds=self._span(least_hours, most_hours))

    def _span(self, least_hours: float, most_hours: float) -> float:
        """Seconds; short ones are more frequent."""
        return 3600.0 * (least_hours + (most_hours - least_hours) * self._chance.random() ** 3)

    def _new_secret(self) -> str:
        self._secrets += 1
        return f"{SECRET}, number {self._secrets}"

    def _note(self, kind: str) -> None:
        self._site.happened[kind] += 1
