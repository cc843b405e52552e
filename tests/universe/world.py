"""A small world in which Calbell lives: people, phones, bookings, and trouble, all by one seed."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from msgspec import structs

from calbell.config import Secret, Settings
from calbell.flows.take_in import TakenIn
from calbell.simulator.wire import Response
from calbell.store.connection import Connection
from calbell.store.database import run_once
from tests.universe.bookings import Bookings
from tests.universe.broken import Broken
from tests.universe.calm import all_is_well
from tests.universe.chronicle import Chronicle
from tests.universe.database import SharedConnection
from tests.universe.expo import Expo, Handed
from tests.universe.happenings import Said
from tests.universe.heard import Heard
from tests.universe.instance import KEY, Instance
from tests.universe.invariants import LONGEST_WAY, Invariants
from tests.universe.ledger import Accepted, Given, Ledger
from tests.universe.losses import Losses
from tests.universe.machines import Machines
from tests.universe.mistakes import SECRET, Mistakes
from tests.universe.nature import Sight, nature_of
from tests.universe.people import People
from tests.universe.process import Process
from tests.universe.receiver import ADDRESS, Receiver
from tests.universe.receiver import SECRET as RECEIVERS_SECRET
from tests.universe.virtual_time import VirtualLoop
from tests.universe.weather import Weather

SETTINGS = Settings(
    webhook_secrets=(Secret(SECRET),),
    default_reminder_minutes=(30,),
    # Shorter than the slowest answer: tickets come after their lease ran out.
    lease=timedelta(seconds=12),
    retention=timedelta(days=8),
)
HURRIED_RATE = 100
DAY = timedelta(days=1)
RETOLD_EVERY = 5
"""Days: all that is kept is told once more, which takes longer than the rest of an audit."""

UNTIL_WELL = timedelta(hours=30)
"""How long after the last trouble everything must work again as if there had been none."""

WHILE_TAKEN, WHILE_IN_DOUBT = 0.005, 0.1
"""In what share of hand-overs, and of faults, something happens to a phone or its user."""

WHILE_ASLEEP = 0.15

OFTEN = timedelta(hours=2)
AT_TIMES = timedelta(hours=5)
QUIET_AFTER = timedelta(days=4)
"""How long after the last event everything must have ended."""


class Universe:
    """Everything in it follows from the seed."""

    def __init__(self, seed: int, loop: VirtualLoop, spool_dir: Path) -> None:
        self.seed = seed
        self.loop = loop
        self.nature = nature_of(seed)
        self._seconds, self._now = 0.0, self.nature.begins_at
        self.skew, self.set_at = timedelta(), self._now
        self.happened = Counter[str]()
        self.settings = structs.replace(
            SETTINGS,
            expo_rate_limit=HURRIED_RATE if self.nature.hurried else SETTINGS.expo_rate_limit,
            spool_dir=spool_dir if self.nature.spools else None,
            calcom_api_key=None if self.nature.sight is Sight.NOTHING else Secret(KEY),
            reconcile=self.nature.sweeps_every,
            callback_url=ADDRESS if self.nature.calls_back else None,
            callback_secret=Secret(RECEIVERS_SECRET),
        )
        self.signing = SECRET
        self.path: str | None = None
        self.chronicle = Chronicle(self.now)
        self.connection = SharedConnection(self.now, alone=self.nature.alone)
        self.weather = Weather(seed, self.now)
        self.expo = Expo(lambda: self.now().timestamp(), Random(f"{seed} expo"), self._witness)
        self.instance = Instance(self.now, is_admins=self.nature.sight is Sight.ORGANISATION)
        self.losses = Losses(self, seed)
        self.receiver = Receiver(self, seed)
        self.ledger = Ledger()
        self.machines = Machines(self, seed, alone=self.nature.alone)
        self.people = People(self, seed)
        self.bookings = Bookings(self, seed)
        self.mistakes = Mistakes(self, seed)
        self.invariants = Invariants(self)
        self.heard = Heard(self)
        self._taken = list[Handed]()
        self._end: asyncio.Future[None] = loop.create_future()

    # The time.

    def now(self) -> datetime:
        """The time in this universe."""
        seconds = self.loop.time()
        if seconds != self._seconds:
            self._seconds = seconds
            self._now = self.nature.begins_at + timedelta(seconds=seconds)
        return self._now

    def machine_time(self) -> datetime:
        """What the clocks of the machines show."""
        return self.now() + self.skew

    def set_clock(self, skew: timedelta) -> None:
        """The machine's clock is wrong by so much from now on."""
        self.skew, self.set_at = skew, self.now()
        wrong = f"wrong by {skew.total_seconds() / 3600:+.1f} h" if skew else "right"
        self.tell(f"the machine's clock is {wrong}")
        self.machines.clock_was_set()

    # Its life.

    async def live(self, span: timedelta) -> None:
        """Bookings come and go for so long; then trouble ends, all must work, and time passes until
        all must be over."""
        life = self.loop.create_task(self._live(span))
        self._begin(life)
        try:
            await self._end
        finally:
            life.cancel()
            self.bookings.end()
            self.machines.end()

    async def _live(self, span: timedelta) -> None:
        self.tell(f"universe {self.seed}: {self.nature.words}")
        self.machines.start()
        await asyncio.sleep(0)
        await self.people.move_in()
        sky = self._begin(self.loop.create_task(self._weather_changes()))
        booking = self._begin(self.loop.create_task(self.bookings.go_on()))
        going_wrong = [
            self._begin(self.loop.create_task(going_on))
            for going_on in (
                self.mistakes.go_on(),
                self.mistakes.phones_change(),
                self.mistakes.minds_change(),
                self.losses.go_on(),
                self.receiver.go_on(),
            )
        ]
        audit = self._begin(self.loop.create_task(self._audit_daily()))
        looks = [
            self._begin(self.loop.create_task(going_on))
            for going_on in (self._look_at_who_waits(), self._compare_with_calcom())
        ]
        await asyncio.sleep(span.total_seconds())
        self.weather.is_over = True
        self._change_weather()
        self.tell("all trouble is over")
        await asyncio.wait(going_wrong)
        await self.mistakes.all_mended()
        sky.cancel()
        await asyncio.sleep(UNTIL_WELL.total_seconds())
        await all_is_well(self)
        booking.cancel()
        await asyncio.sleep((QUIET_AFTER + DAY).total_seconds())
        await self.bookings.all_told()
        await asyncio.sleep(QUIET_AFTER.total_seconds())
        audit.cancel()
        for look in looks:
            look.cancel()
        self.invariants.audit(is_end=True)
        self.receiver.audit(is_end=True)
        self._end.set_result(None)

    async def _weather_changes(self) -> None:
        chance = Random(f"{self.seed} sky")
        while True:
            self._change_weather()
            await asyncio.sleep(chance.expovariate(1 / (DAY.total_seconds() * self.nature.sleepy)))

    def _change_weather(self) -> None:
        self.tell(f"the weather is {self.weather.change()}")
        self.machines.burn_anew()

    async def _audit_daily(self) -> None:
        for day in count(1):
            await asyncio.sleep(DAY.total_seconds())
            self.invariants.audit()
            if day % RETOLD_EVERY == 0:
                self.invariants.check_retold()
            self.receiver.audit()

    async def _look_at_who_waits(self) -> None:
        while True:
            await asyncio.sleep(OFTEN.total_seconds())
            for resident in self.invariants.check_waiting():
                self.mistakes.in_the_night(resident, WHILE_ASLEEP)

    async def _compare_with_calcom(self) -> None:
        while True:
            await asyncio.sleep(AT_TIMES.total_seconds())
            self.heard.look()

    def _begin(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        """What breaks in it ends the universe."""

        def ended(task: asyncio.Task[Any]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._fail(error)

        task.add_done_callback(ended)
        return task

    # The story, and what breaks it off.

    def tell(self, what: str) -> None:
        """It is part of the story."""
        self.chronicle.tell(what)

    def broken(self, promise: str) -> None:
        """Something is not as it was promised; the universe ends here."""
        self._fail(Broken(promise))

    def _fail(self, error: BaseException) -> None:
        if not self._end.done():
            self.tell(f"BROKEN: {error}")
            self._end.set_exception(error)

    def check_at_death(self) -> None:
        """What must hold when somebody has just died."""
        try:
            self.invariants.check_moves()
        except Broken as error:
            self._fail(error)

    # What the service and Expo do.

    def committed(self) -> None:
        """A unit of work was committed; the others hear of it, if it told them."""
        if self.connection.was_notified:
            self.connection.was_notified = False
            self.machines.wake()

    def _witness(self, handed: Handed) -> None:
        self._taken.append(handed)
        try:
            user_id = self.invariants.witness(handed)
            if user_id is not None:
                self.heard.witness(handed, user_id, self.now() - LONGEST_WAY)
        except Broken as error:
            self._fail(Broken(f"{handed.event} {handed.uid} ({handed.key[:6]}): {error}"))
            return
        self.tell(
            f"Expo takes {handed.event} {handed.uid} ({handed.key[:6]}) for user {user_id}"
            f"{'' if handed.is_brought else ', which will fail'}"
        )
        if user_id is not None:
            self.ledger.hand_over(handed, user_id)
            self.receiver.rings(handed, user_id)
            self.mistakes.in_the_middle(handed.token, WHILE_TAKEN)

    def went_wrong(self, tokens: list[str]) -> None:
        """A request to these phones met a fault: what it was for may be sent again."""
        self.mistakes.in_the_middle(tokens[0], WHILE_IN_DOUBT)

    def taken(self) -> list[Handed]:
        """What Expo took since this was asked last."""
        taken, self._taken = self._taken, []
        return taken

    def given(self, process: Process, taken: list[Handed]) -> None:
        """The tickets for this came back whole to the process."""
        now = self.now()
        self.ledger.given.extend(
            Given(now, one, process) for one in taken if one.key in self.ledger.users
        )

    def doubted(self, tokens: list[str]) -> None:
        """A process was told that so many phones are gone that it must not believe it."""
        self.tell(f"{len(tokens)} phones are called gone at once")
        self.happened["wave doubted"] += 1
        lived = self._living(tokens)
        self.loop.call_later(1.0, lambda: self._check_alive(lived))

    def _living(self, tokens: list[str]) -> list[str]:
        """Those that are neither dead nor doubted, and not gone at Expo."""
        rows = self.connection.ask(
            "select token from phones where dead_at is null and suspected_at is null "
            f"and token in ({','.join('?' * len(tokens))})",
            *tokens,
        )
        return [token for (token,) in rows if self._is_at_expo(token)]

    def _check_alive(self, tokens: list[str]) -> None:
        for token in tokens:
            dead = self.connection.ask(
                "select 1 from phones where token = ? and dead_at is not null", token
            )
            if dead and self._is_at_expo(token):
                self.broken("a phone that a wave called gone is taken for dead")

    def _is_at_expo(self, token: str) -> bool:
        phone = self.expo.find(token)
        return phone is not None and phone.device.registered

    def refused(self, code: str, tokens: list[str], response: Response) -> None:
        """Expo, which is all right, refused a request to these tokens whole."""
        self.tell(f"Expo refuses a request: {response.status} {code}")
        self.happened[f"refused {response.status}"] += 1
        match code:
            case "PUSH_TOO_MANY_EXPERIENCE_IDS":
                self._check_mixed(tokens)
            case "UNAUTHORIZED" | "HTTP_401" | "TOO_MANY_REQUESTS":
                pass
            case _:
                self.broken(f"a request that makes no sense: {response.status} {code}")

    def _check_mixed(self, tokens: list[str]) -> None:
        """No two projects are in one request once it is known whose the phones are."""
        known = self.connection.ask(
            "select count(distinct p.project_id) from phones p join learned l on l.phone_id = p.id "
            f"where p.token in ({','.join('?' * len(tokens))}) and l.at < ?",
            *tokens,
            int((self.now().timestamp() - 1) * 1000),
        )
        if known[0][0] > 1:
            self.broken("two projects that are known are in one request")

    # What Cal.com is answered.

    def accepted(self, said: Said, taken: TakenIn, *, is_first: bool) -> None:
        """A webhook was answered with 2xx; `is_first`: nothing was sent of its uid before."""
        rows = self.connection.ask("select 1 from events where public_id = ?", taken.event_id)
        is_kept = bool(rows)
        self.tell(
            f"{said.trigger} {said.known.uid} is {'taken in' if is_kept else 'spooled'}"
            f"{' again' if taken.duplicate else ''}, for {taken.recipients}"
        )
        self.happened["spooled"] += not is_kept
        if not is_kept and not self.nature.spools:
            self.broken(f"{said.trigger} {said.known.uid} is accepted and not kept")
        if is_kept and said.ends is not None and said.ends.over_at is None:
            said.ends.over_at = self.now()
        # What went into the spool was answered before anybody knew whom it is told to, and may
        # have been taken in all the same.
        knows_recipients = is_kept and not (self.nature.spools and taken.recipients == 0)
        if is_first and knows_recipients and not taken.duplicate and said.ends is None:
            self._check_recipients(said, taken)
        self.ledger.accept(
            Accepted(
                self.now(),
                said,
                taken.event_id,
                taken.duplicate,
                taken.recipients if knows_recipients else None,
            )
        )

    def _check_recipients(self, said: Said, taken: TakenIn) -> None:
        """A booking that nobody heard of before is told to all who have a part in it, and have not
        switched it off."""
        people = [self.people.residents[id_] for id_ in said.known.people]
        settled = self.now() - timedelta(minutes=1)
        are_known = all(one.is_settled_since(settled) for one in people)
        all_hear = [one for one in people if one.wishes.enabled and not one.wishes.off]
        if are_known and not len(all_hear) <= taken.recipients <= len(people):
            self.broken(f"{said.known.uid} is told to {taken.recipients} of {len(people)}")

    def refused_webhook(self, process: Process, secret: str) -> None:
        """A webhook was answered with 401."""
        self.tell("a webhook is refused for its signature")
        self.happened["webhook refused"] += 1
        if self.path is None and Secret(secret) in process.settings.webhook_secrets:
            self.broken("a webhook that is well signed is refused")

    def sync(self, work: Callable[[Connection], object]) -> None:
        """The work is done at once, whatever the weather."""
        run_once(self.connection, work)
