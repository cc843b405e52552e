"""Wiring: the only place where all parts meet."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random, SystemRandom

import structlog
from msgspec import Struct
from starlette.types import ASGIApp

from calbell.api.app import create_app
from calbell.api.credentials import Credentials
from calbell.api.devices import Devices
from calbell.api.docs import Docs
from calbell.api.events import Events
from calbell.api.gate import Gate
from calbell.api.key_ring import KeyRing
from calbell.api.keys import Keys
from calbell.api.me import Me
from calbell.api.operator import OperatorApi
from calbell.api.people import People
from calbell.api.preferences import PreferencesApi
from calbell.api.subscriptions import Subscriptions
from calbell.api.table import Handlers, routes, user_routes
from calbell.api.webhooks import Webhooks
from calbell.beat import BeatAddress
from calbell.calcom.http import CalcomApi
from calbell.choices import (
    admission_of,
    app_of,
    pace_of,
    policy_of,
    require_spool,
    spool_of,
)
from calbell.config import AutoConnect, ConfigError, Settings
from calbell.console.live import Ending
from calbell.console.means import Means
from calbell.console.pages import Console
from calbell.domain.sightings import ASKED_AGAIN
from calbell.expo.answers import LONGEST_WAIT
from calbell.expo.client import ExpoClient
from calbell.expo.http import HttpTransport
from calbell.expo.transport import Transport
from calbell.flows.clocks import SharedClock, SteadyClock, measuring_loop, system_clock
from calbell.flows.collect import Collect, Patience
from calbell.flows.compose import App
from calbell.flows.connect import Connect
from calbell.flows.dispatch import Dispatch
from calbell.flows.erase import Erase
from calbell.flows.follow import Follow
from calbell.flows.grace import Grace
from calbell.flows.hear import Hear
from calbell.flows.heartbeat import EVERY as BEATS_EVERY
from calbell.flows.heartbeat import Heartbeat
from calbell.flows.identify import CalcomUsers, Identify
from calbell.flows.loop import Loop
from calbell.flows.own_webhooks import OwnWebhooks, Registered
from calbell.flows.prune import EVERY, Prune
from calbell.flows.receive import Receive
from calbell.flows.reconcile import LOOKS_EVERY as LONGEST_SWEEP_REST
from calbell.flows.reconcile import Reconcile
from calbell.flows.recover import LOOKS_EVERY as RECOVERS_EVERY
from calbell.flows.recover import Recover
from calbell.flows.register import Register
from calbell.flows.release import Release
from calbell.flows.rescue import Rescue
from calbell.flows.restore import Restoring, serve_copy
from calbell.flows.sources import Sources
from calbell.flows.steps import Steps
from calbell.flows.surroundings import Clock, new_key
from calbell.flows.take_in import TakeIn
from calbell.flows.tally import LONGEST_PAUSE, Tally
from calbell.flows.unspool import Unspool
from calbell.store import deliveries, durability, migrate, sources
from calbell.store.database import Database, ThreadedDatabase
from calbell.store.engines import engine_of
from calbell.store.lock import ServingLock, hold
from calbell.store.pauses import Longest
from calbell.store.sqlite import SqliteEngine
from calbell.store.watch import LOOKS_EVERY, ForeignWrites, Listener
from calbell.telemetry import Metrics

log = structlog.get_logger()

GRACE = timedelta(seconds=8)
"""How long a stop waits for what is under way at Expo."""

LAST_MOMENT = timedelta(seconds=0.5)
"""How long it waits, even then, for loops to finish their turns: a turn that is cancelled may have
claimed what nobody will send."""

NET = timedelta(seconds=5)
"""How often a loop looks for work at the latest, should a wake-up ever be missed."""

Turn = Callable[[], Awaitable[datetime | None]]


class Parts(Struct, frozen=True):
    """Everything that a running service consists of but its threads and sockets: the universe is
    made from the same parts. `loops` run where deliveries are made, `serving_loops` where requests
    are answered; after `wake` those that others make work for look for it."""

    register: Register
    take_in: TakeIn
    receive: Receive
    dispatch: Dispatch
    loops: tuple[tuple[Loop, Turn], ...]
    serving_loops: tuple[tuple[Loop, Turn], ...]
    wake: Callable[[], None]
    app: App


def assemble(
    settings: Settings,
    database: Database,
    transport: Transport,
    clock: Clock,
    chance: Random,
    metrics: Metrics,
    *,
    lanes: int,
    net: timedelta = NET,
    steady: Clock | None = None,
    app: App | None = None,
) -> Parts:
    """The parts of a service around a database, a clock, and a way to Expo. `steady` is a clock
    that nobody sets, where the other one may be; `app` is what the settings say about the app, if
    they were read before."""
    steady = steady or clock
    app = app or app_of(settings)
    policy, pace = policy_of(settings), pace_of(settings)
    token = settings.expo_access_token
    expo = ExpoClient(transport, token.reveal() if token else None)
    releasing = Loop("release", clock, longest=net)
    dispatching = Loop("dispatch", clock, longest=net)
    collecting = Loop("collect", clock, longest=net)
    rescuing = Loop("rescue", clock, longest=net)
    pruning = Loop("prune", clock, longest=EVERY)
    erasing = Loop("erase", clock, longest=EVERY)
    take_in = TakeIn(
        database, policy, clock, chance, lanes=lanes, wake=(releasing.wake, dispatching.wake)
    )
    dispatch = Dispatch(
        database,
        expo,
        app,
        policy,
        pace,
        clock,
        chance,
        metrics,
        worker=new_key(chance)[:12],
        wake=dispatching.wake,
        wake_collect=collecting.wake,
    )
    patience = Patience(settings.receipt_delay, settings.lease, pace.backoff)
    collect = Collect(
        database, expo, patience, clock, chance, metrics, wake_dispatch=dispatching.wake
    )
    release = Release(database, policy, clock, chance, dispatching.wake)
    spool = spool_of(settings)
    receive = Receive(
        take_in,
        database,
        clock,
        metrics,
        (secret.reveal() for secret in settings.webhook_secrets),
        Sources(database, steady),
        spool,
    )
    steps = Steps(clock, steady)
    longest = Longest(max(pace.backoff.longest, LONGEST_WAIT, ASKED_AGAIN.longest), pace.lease)

    def wake() -> None:
        for loop in (releasing, dispatching, collecting, rescuing, erasing):
            loop.wake()

    follow = Follow(database, clock, steps, longest, wake)
    following = () if steady is clock else ((Loop("follow", clock, longest=net), follow.turn),)

    return Parts(
        register=Register(database, clock, lanes=lanes),
        take_in=take_in,
        receive=receive,
        dispatch=dispatch,
        loops=(
            (releasing, release.turn),
            (dispatching, dispatch.turn),
            (collecting, collect.turn),
            (rescuing, Rescue(database, clock, steps, dispatching.wake).turn),
            (pruning, Prune(database, clock, steady, settings.retention).turn),
            (erasing, Erase(database, clock, steady).turn),
            *following,
        ),
        serving_loops=(
            ((Loop("unspool", clock, longest=net), Unspool(spool, receive).turn),) if spool else ()
        ),
        wake=wake,
        app=app,
    )


def application(
    settings: Settings,
    database: Database,
    calcom: CalcomUsers,
    parts: Parts,
    clock: Clock,
    chance: Random,
    metrics: Metrics,
    *,
    steady: Clock | None = None,
    ending: Ending | None = None,
    registered: Registered | None = None,
) -> ASGIApp:
    """The application to serve, around the parts of a service and a way to Cal.com. `steady` is a
    clock that nobody sets, where the other one may be; answers without an end end with `ending`;
    `registered` is told who registers with a token of Cal.com's."""
    steady = steady or clock
    token = settings.admin_token.reveal() if settings.admin_token else None
    identify = Identify(
        calcom, database, clock, steady, admission_of(settings), policy_of(settings).rules
    )
    credentials = Credentials(KeyRing(database, clock, steady), identify, settings.auth, token)
    means = Means(
        database=database,
        clock=clock,
        chance=chance,
        policy=policy_of(settings),
        app=app_of(settings),
        wake=parts.wake,
        hears_all=bool(settings.webhook_secrets),
    )
    handlers = Handlers(
        subscriptions=Subscriptions(parts.register, metrics, registered),
        me=Me(database),
        devices=Devices(
            database,
            policy_of(settings),
            parts.app,
            clock,
            chance,
            hears_all=bool(settings.webhook_secrets),
            wake=parts.wake,
        ),
        preferences=PreferencesApi(database, policy_of(settings).rules, clock, parts.wake),
        webhooks=Webhooks(parts.receive),
        events=Events(Hear(parts.take_in, metrics), clock),
        operator=OperatorApi(database, clock, metrics, hears_all=means.hears_all),
        people=People(database, clock, policy_of(settings).rules, parts.wake),
        keys=Keys(database, clock, chance),
        docs=Docs(),
    )
    return create_app(
        user_routes(handlers),
        routes(handlers, metrics_open=settings.metrics_open),
        Gate(credentials, settings.rate_limit_api_key, steady),
        credentials,
        clock,
        chance,
        Console(means, token, ending).app,
    )


def own_webhooks_of(
    settings: Settings, calcom: CalcomApi, database: Database, chance: Random, clock: Clock
) -> OwnWebhooks | None:
    """What makes a webhook for whoever registers, if the settings say so."""
    if settings.auto_connect is AutoConnect.OFF or settings.public_url is None:
        return None
    connect = Connect(calcom, database, chance, clock)
    return OwnWebhooks(connect, database, settings.public_url)


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
        self._sweep: asyncio.Task[None] | None = None
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
        app_of(self._settings)  # A wrong text is refused before anything is opened.
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
            self._reconcile()
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
        if self._sweep is not None:
            # Nobody's push waits for it, and what Cal.com takes to answer is not Expo's to miss.
            self._sweep.cancel()
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

    def _reconcile(self) -> None:
        """With a key of Cal.com's, bookings are compared with what it has."""
        key = self._settings.calcom_api_key
        if key is None:
            return
        reconcile = Reconcile(
            self._calcom,
            f"Bearer {key.reveal()}",
            self.database,
            self.parts.take_in,
            self.clock,
            self.metrics,
            every=self._settings.reconcile,
            worker=new_key(self.chance)[:12],
        )
        loop = Loop("reconcile", self.clock, longest=LONGEST_SWEEP_REST)
        self._sweep = self._run(loop, reconcile.turn)

    def _listen(self) -> None:
        """Work that other processes make is noticed at once."""
        if isinstance(self._engine, SqliteEngine):
            watch = ForeignWrites(self.database, self.parts.wake)
            self._run(Loop("watch", self.clock, longest=LOOKS_EVERY), watch.turn)
        else:
            listener = Listener(self._engine, asyncio.get_running_loop(), self.parts.wake)
            listener.start()
            self._closers.append(listener.close)
