"""A whole service in one process: threads, sockets, loops, and the application."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from random import SystemRandom

import structlog
from starlette.types import ASGIApp

from calbell.beat import BeatAddress
from calbell.calcom.http import CalcomApi
from calbell.callback import CallbackAddress
from calbell.choices import (
    app_of,
    require_spool,
)
from calbell.config import AutoConnect, ConfigError, Settings
from calbell.console.live import Ending
from calbell.expo.http import HttpTransport
from calbell.flows.clocks import SharedClock, SteadyClock, measuring_loop, system_clock
from calbell.flows.grace import Grace
from calbell.flows.heartbeat import EVERY as BEATS_EVERY
from calbell.flows.heartbeat import Heartbeat
from calbell.flows.loop import Loop
from calbell.flows.own_webhooks import OwnWebhooks
from calbell.flows.recover import LOOKS_EVERY as RECOVERS_EVERY
from calbell.flows.recover import Recover
from calbell.flows.restore import Restoring, serve_copy
from calbell.flows.surroundings import Clock
from calbell.flows.tally import LONGEST_PAUSE, Tally
from calbell.store import deliveries, durability, migrate, sources
from calbell.store.database import ThreadedDatabase
from calbell.store.engines import engine_of
from calbell.store.lock import ServingLock, hold
from calbell.store.sqlite import SqliteEngine
from calbell.store.watch import LOOKS_EVERY, ForeignWrites, Listener
from calbell.telemetry import Metrics
from calbell.wiring.application import application, own_webhooks_of
from calbell.wiring.beside import beside
from calbell.wiring.parts import Turn, assemble

log = structlog.get_logger()

GRACE = timedelta(seconds=8)
"""How long a stop waits for what is under way at Expo."""

LAST_MOMENT = timedelta(seconds=0.5)
"""How long it waits, even then, for loops to finish their turns: a turn that is cancelled may have
claimed what nobody will send."""


class Service:
    """A whole service in this process: database threads, loops, and the application to serve.

    Make it, `start` it, serve `app`, `stop` it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = engine_of(settings.database_url)
        self._lock: ServingLock | None = None
        self._loops = list[Loop]()
        self._tasks = set[asyncio.Task[None]]()
        self._closers = list[Callable[[], None]]()
        self.metrics = Metrics()
        self.chance = SystemRandom()
        self.clock: Clock = (
            system_clock if isinstance(self._engine, SqliteEngine) else SharedClock()
        )
        self._steady = SteadyClock()
        self._ending = Ending()
        self._calcom = CalcomApi(settings.calcom_api_url)
        self._own_webhooks: OwnWebhooks | None = None
        self._not_waited_for = list[asyncio.Task[None]]()
        self._transport = HttpTransport(
            settings.expo_base_url, settings.expo_timeout, settings.expo_max_concurrency + 1
        )

    async def start(
        self, *, serves: bool, delivers: bool, restoring: Restoring | None = None
    ) -> None:
        """The database is ready and, if this process delivers, deliveries are on their way.

        `StoreUnavailable`, `SchemaMismatch`, `ConfigError` or `CannotRestore` say in one line what
        is in the way. SQLite files are migrated, an out-of-date PostgreSQL is refused. With
        `restoring`, the database is an older copy.
        """
        app = app_of(self._settings)  # A wrong text is refused before anything is opened.
        if serves:
            require_spool(self._settings, self.clock())
        self._take_database(alone=serves and delivers)
        self.database = ThreadedDatabase(self._engine)
        if isinstance(self.clock, SharedClock):
            await self.clock.measure(self.database)
            self._run(measuring_loop(self.clock), self._measure)
        for setting in await self.database.read(durability.switched_off):
            log.warning("commits_not_durable", setting=setting, remedy=durability.REMEDIES[setting])
        await serve_copy(self.database, restoring, self.clock())
        if self._lock is not None:
            await self.database.run(deliveries.end_all_leases, self.clock())
        self.parts = assemble(
            self._settings,
            self.database,
            self._transport,
            self.clock,
            self.chance,
            self.metrics,
            lanes=self._engine.lanes,
            steady=self._steady,
            app=app,
        )
        await self._say_who_is_heard(serves=serves)
        self._own_webhooks = own_webhooks_of(
            self._settings, self._calcom, self.database, self.chance, self.clock
        )
        if serves:
            for loop, turn in self.parts.serving_loops:
                self._run(loop, turn)
        if delivers:
            for loop, turn in self.parts.loops:
                self._run(loop, turn)
            tally = Tally(self.database, self.clock, self._steady)
            self._run(Loop("tally", self.clock, longest=LONGEST_PAUSE), tally.turn)
            self._beat()
            self._listen()
            self._ask_others()
        recover = Recover(self.database, self.clock, self._wake)
        self._run(Loop("recover", self.clock, longest=RECOVERS_EVERY), recover.turn)

    async def _say_who_is_heard(self, *, serves: bool) -> None:
        if not serves or self._settings.webhook_secrets:
            return
        if self._settings.auto_connect is AutoConnect.OFF and not await self.database.read(
            sources.listed
        ):
            log.warning("no_webhook_secret", remedy="run calbell connect")

    def _take_database(self, *, alone: bool) -> None:
        """The schema is this program's, and a SQLite file this process's alone."""
        if isinstance(self._engine, SqliteEngine):
            if not alone:
                raise ConfigError(
                    "CALBELL_DATABASE_URL: a SQLite database is served by one process that does "
                    "everything: run calbell serve, or use PostgreSQL"
                )
            self._lock = hold(self._engine.path)
            migrated = migrate.bring_up_to_date(self._engine, self.clock())
            if migrated.copied_to is not None:
                log.info("copied", before=migrated.applied[0], file=str(migrated.copied_to))
            self._engine = self._engine.serving()
        else:
            migrate.require_up_to_date(self._engine)

    @property
    def app(self) -> ASGIApp:
        """The application to serve, once the service was started."""
        return application(
            self._settings,
            self.database,
            self._calcom,
            self.parts,
            self.clock,
            self.chance,
            self.metrics,
            steady=self._steady,
            ending=self._ending,
            registered=self._own_webhooks.registered if self._own_webhooks else None,
        )

    def end_streams(self) -> None:
        """Answers that have no end of their own end now: no server would stop before them."""
        self._ending.begin()

    async def stop(self, grace: Grace | None = None) -> None:
        """Nothing is under way any more: what was in flight got its time, and the rest is recorded
        as possibly sent."""
        grace = grace or Grace(GRACE)
        for loop in self._loops:
            loop.stop()
        for task in self._not_waited_for:
            # Nobody's push waits for it, and what others take to answer is not Expo's to miss.
            task.cancel()
        await grace.wait(self._tasks)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_MOMENT.total_seconds())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.parts.dispatch.stop(grace)
        if self._own_webhooks is not None:
            await self._own_webhooks.stop()
        await self._transport.close()
        await self._calcom.close()
        for close in self._closers:
            await asyncio.to_thread(close)
        await asyncio.to_thread(self.database.close)
        if self._lock is not None:
            self._lock.release()

    def _wake(self) -> None:
        """Every loop of this process looks for work now."""
        for loop in self._loops:
            loop.wake()

    def _run(self, loop: Loop, turn: Turn) -> asyncio.Task[None]:
        self._loops.append(loop)
        task = asyncio.create_task(loop.run(turn), name=loop.name)
        self._tasks.add(task)
        return task

    async def _measure(self) -> datetime | None:
        assert isinstance(self.clock, SharedClock)
        return await self.clock.measure(self.database)

    def _beat(self) -> None:
        """Where somebody waits for it, this process says every minute that all is well."""
        if self._settings.heartbeat_url is None:
            return
        heartbeat = Heartbeat(
            self.database,
            self.clock,
            BeatAddress(self._settings.heartbeat_url).ask,
            hears_all=bool(self._settings.webhook_secrets),
        )
        self._run(Loop("heartbeat", self.clock, longest=BEATS_EVERY), heartbeat.turn)

    def _ask_others(self) -> None:
        """Bookings are compared with Cal.com's, and notices sent, where the settings say so."""
        for loop, turn in beside(
            self._settings,
            self.database,
            self._calcom,
            lambda url: CallbackAddress(url).post,
            self.parts.take_in,
            self.clock,
            self.chance,
            self.metrics,
        ):
            self._not_waited_for.append(self._run(loop, turn))

    def _listen(self) -> None:
        """Work that other processes make is noticed at once."""
        if isinstance(self._engine, SqliteEngine):
            watch = ForeignWrites(self.database, self.parts.wake)
            self._run(Loop("watch", self.clock, longest=LOOKS_EVERY), watch.turn)
        else:
            listener = Listener(self._engine, asyncio.get_running_loop(), self.parts.wake)
            listener.start()
            self._closers.append(listener.close)
