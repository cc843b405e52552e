"""The people of a universe, their phones and what they choose, as they themselves know it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from random import Random
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from calbell.choices import policy_of
from calbell.config import Settings
from calbell.domain.preferences import Preferences
from calbell.domain.subscription import Platform, Registration
from calbell.flows.choose import NoUser, choose
from calbell.flows.erase import remove_user
from calbell.flows.welcome import keep_user
from calbell.simulator import phones as simulated
from calbell.store.connection import MissingReference
from calbell.store.users import Profile
from tests.universe.choices import Choice, Wishes, after, drawn
from tests.universe.expo import Expo
from tests.universe.machines import Machines, Unanswered
from tests.universe.nature import FIRST_DAY, Nature
from tests.universe.process import Process

T = TypeVar("T")

PROJECTS = ("@owner/one", "@owner/two")
ZONES = (
    "Europe/London",
    "America/New_York",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Berlin",
)
LOCALES = ("en", "en", "en-GB", "de", "fr")


NOTHING_CHOSEN = Wishes()


class Resident(Struct):
    """Somebody who is or was a user. `is_here` is `None` while nobody can tell, and `is_choosing`
    says that nobody can tell whether `wishes`, which are so since `chose_at`, are still his.
    `ever_chose`: not all that was ever told him was as for everybody."""

    id: int
    zone: str
    locale: str
    time_format: int
    is_here: bool | None = None
    left_at: datetime | None = None
    changed_at: datetime = FIRST_DAY
    wishes: Wishes = NOTHING_CHOSEN
    chose_at: datetime = FIRST_DAY
    is_choosing: bool = False
    ever_chose: bool = False

    def is_settled_since(self, at: datetime) -> bool:
        """Whether it is known who he is, where he lives and what he chose, and was so then."""
        return (
            bool(self.is_here)
            and not self.is_choosing
            and max(self.changed_at, self.chose_at) < at
            and (self.left_at is None or self.left_at < at)
        )

    @property
    def address(self) -> str:
        """The e-mail address."""
        return f"user{self.id}@example.com"

    def profile(self) -> Profile:
        """As the operator writes it down."""
        return Profile(
            id=self.id,
            name=f"User {self.id}",
            username=None,
            time_zone=self.zone,
            locale=self.locale,
            time_format=self.time_format,
            source="operator",
            addresses=(self.address,),
            created_at=FIRST_DAY,
        )


class PhoneInHand(Struct):
    """A phone with the app. `owner` is whom it should ring for since `since`, as far as that
    `is_sure`: an answer that was lost, or two at once, leave it open."""

    token: str
    platform: Platform
    device_id: str
    project: str
    user: int
    owner: int | None = None
    since: datetime = FIRST_DAY
    is_sure: bool = True
    is_there: bool = True
    was_wiped: bool = False
    under_way: int = 0


class Land(Protocol):
    """Where people live."""

    settings: Settings
    nature: Nature
    expo: Expo
    machines: Machines

    def now(self) -> datetime:
        """The time."""

    def machine_time(self) -> datetime:
        """What the clocks of the machines show."""

    def tell(self, what: str) -> None:
        """It is part of the story."""


class People:
    """Everybody, and every phone that is or was in use."""

    def __init__(self, land: Land, seed: int) -> None:
        self._land = land
        self._chance = Random(f"{seed} people")
        number = 26 if land.nature.crowd else self._chance.randrange(3, 7)
        self.residents = {
            id_: Resident(
                id_,
                self._chance.choice(ZONES),
                self._chance.choice(LOCALES),
                self._chance.choice((12, 24)),
            )
            for id_ in range(1, number + 1)
        }
        self.phones: dict[str, PhoneInHand] = {}
        self._devices = 0
        self._tastes = Random(f"{seed} choices")
        share = self._tastes.choice((0.0, 0.3, 0.3, 0.6))
        self.choosy = [id_ for id_ in self.residents if self._tastes.random() < share]

    async def move_in(self) -> None:
        """Everybody is a user and has a phone or two."""
        for resident in self.residents.values():
            await self.add(resident)
            # In a crowd most have the same app: a wave of answers is about one project.
            project = PROJECTS[0] if self._land.nature.crowd else None
            for _ in range(1 if self._land.nature.crowd else self._chance.choice((1, 1, 2, 3))):
                await self.register(resident.id, self.buy(resident.id, project))
        for id_ in self.choosy:
            await self.chooses(self.residents[id_])
            await self.chooses(self.residents[id_])

    # What an operator does.

    async def add(self, resident: Resident) -> None:
        """The operator writes somebody down, as he is now, and tries again until that is done."""
        was_here = resident.is_here
        resident.is_here, resident.changed_at = None, self._land.now()
        rules = policy_of(self._land.settings).rules
        await self._insist(
            lambda process: process.database.run(
                keep_user, resident.profile(), rules, self._land.machine_time()
            )
        )
        resident.is_here, resident.changed_at = True, self._land.now()
        if not was_here:
            self._land.tell(f"user {resident.id} is added")

    async def remove(self, resident: Resident) -> None:
        """The operator removes somebody, with all that was his."""
        resident.is_here, resident.left_at = None, self._land.now()
        theirs = [
            phone
            for phone in self.phones.values()
            if phone.owner == resident.id and phone.is_sure and not phone.under_way
        ]
        for phone in theirs:
            phone.is_sure = False
        await self._insist(
            lambda process: process.database.run(remove_user, resident.id, self._land.now())
        )
        resident.is_here, resident.left_at = False, self._land.now()
        resident.wishes, resident.chose_at = NOTHING_CHOSEN, self._land.now()
        self._land.tell(f"user {resident.id} is removed")
        for phone in theirs:
            if phone.owner == resident.id and not phone.is_sure and not phone.under_way:
                self._is_for(phone, None)

    async def chooses(self, resident: Resident) -> str:
        """Somebody chooses something, as he likes; what it was."""
        choice = drawn(self._tastes, ZONES)
        await self.choose(resident, choice)
        return choice.name

    async def choose(self, resident: Resident, choice: Choice) -> None:
        """Somebody chooses what he is told, and tries again until he is answered."""
        if not resident.is_here or resident.is_choosing:
            return
        resident.is_choosing, resident.ever_chose = True, True
        rules = policy_of(self._land.settings).rules
        try:
            chosen = await self._insist(
                lambda process: process.database.run(
                    choose, resident.id, choice.patch, rules, self._land.machine_time()
                )
            )
            if isinstance(chosen, Preferences):
                resident.wishes = after(resident.wishes, choice.patch)
        finally:
            # Who is interrupted, as the trouble ends, chooses anew.
            resident.is_choosing, resident.chose_at = False, self._land.now()
        answer = "is not here" if isinstance(chosen, NoUser) else f"has {resident.wishes}"
        self._land.tell(f"user {resident.id} chooses {choice.name} and {answer}")

    async def _insist(self, work: Callable[[Process], Coroutine[Any, Any, T]]) -> T:
        while True:
            try:
                done, process = await self._land.machines.ask(work)
            except Unanswered:
                await asyncio.sleep(30.0)
            else:
                process.parts.wake()
                return done

    # What people do with their phones.

    def buy(self, user_id: int, project: str | None = None) -> PhoneInHand:
        """A phone with the app on it, which nobody has registered yet."""
        self._devices += 1
        return self._minted(
            self._chance.choice(tuple(Platform)),
            project or self._chance.choice(PROJECTS),
            f"device {self._devices}",
            user_id,
        )

    def reinstall(self, phone: PhoneInHand) -> PhoneInHand:
        """The app is removed and installed again: the same device with a token of its own."""
        self.wipe(phone)
        return self._minted(phone.platform, phone.project, phone.device_id, phone.user)

    def wipe(self, phone: PhoneInHand) -> None:
        """The app is not on the phone any more."""
        phone.is_there, phone.was_wiped = False, True
        self._is_registered(phone, False)
        self._land.tell(f"{self.name(phone)} is wiped")

    def find_again(self, phone: PhoneInHand) -> None:
        """The app is back, with the token that it had."""
        phone.is_there = True

    async def register(self, user_id: int, phone: PhoneInHand) -> bool:
        """The app of somebody who is logged in registers, and tries again when nobody answers. It
        has asked Expo for its token, which is good then, whatever Expo believed before."""
        phone.user = user_id
        if phone.is_there:
            self._is_registered(phone, True)
        registration = Registration(user_id, phone.token, phone.platform, phone.device_id)
        for _ in range(3):
            phone.under_way += 1
            was_alone, is_sure, before = phone.under_way == 1, phone.is_sure, phone.owner
            phone.is_sure = False
            try:
                await self._land.machines.ask(
                    lambda process: process.parts.register.register(registration)
                )
            except Unanswered:
                continue
            except MissingReference:
                # He was removed meanwhile: nothing has changed.
                phone.is_sure = was_alone and is_sure and phone.owner == before
                return False
            else:
                self._is_for(phone, user_id)
                phone.is_sure = was_alone and phone.under_way == 1
                self._land.tell(f"{self.name(phone)} rings for user {user_id}")
                return True
            finally:
                phone.under_way -= 1
        return False

    async def log_out(self, phone: PhoneInHand) -> None:
        """The app removes the phone from its user."""
        phone.under_way += 1
        was_alone, user = phone.under_way == 1, phone.user
        was_his = phone.is_sure and phone.owner == user
        phone.is_sure = False
        try:
            await self._land.machines.ask(
                lambda process: process.parts.register.remove(user, phone.token)
            )
        except Unanswered:
            return
        else:
            if was_his:
                self._is_for(phone, None)
                phone.is_sure = was_alone and phone.under_way == 1
            self._land.tell(f"user {user} logs out of {self.name(phone)}")
        finally:
            phone.under_way -= 1

    async def all_open_the_app(self) -> None:
        """Everybody is here, and every phone that works is registered by who holds it."""
        for resident in self.residents.values():
            if not resident.is_here:
                await self.add(resident)
        for phone in tuple(self.phones.values()):
            if phone.is_there:
                await self.register(phone.user, phone)

    def in_use(self) -> Sequence[PhoneInHand]:
        """The phones that somebody holds."""
        return [phone for phone in self.phones.values() if phone.is_there]

    def name(self, phone: PhoneInHand) -> str:
        """What the story calls it."""
        return f"phone {phone.token[18:22]} ({phone.device_id})"

    def _is_registered(self, phone: PhoneInHand, registered: bool) -> None:
        """At Expo, after all that was to happen there until now."""
        self._land.expo.catch_up()
        self._land.expo.change_device(phone.token, registered=registered)

    def _is_for(self, phone: PhoneInHand, user_id: int | None) -> None:
        phone.owner = user_id
        phone.since = self._land.now()
        phone.is_sure = True

    def _minted(
        self, platform: Platform, project: str, device_id: str, user_id: int
    ) -> PhoneInHand:
        device = self._land.expo.add_device(simulated.Platform(platform), project)
        phone = PhoneInHand(device.token, platform, device_id, project, user_id)
        self.phones[phone.token] = phone
        return phone
