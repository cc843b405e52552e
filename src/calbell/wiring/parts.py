"""The parts of a service around a database, a clock and a way to Expo."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from calbell.calcom.registered import LONGEST_WAIT as LONGEST_REFUSAL
from calbell.choices import (
    app_of,
    pace_of,
    policy_of,
    spool_of,
)
from calbell.config import Settings
from calbell.domain.sightings import ASKED_AGAIN
from calbell.expo.answers import LONGEST_WAIT
from calbell.expo.client import ExpoClient
from calbell.expo.transport import Transport
from calbell.flows.collect import Collect, Patience
from calbell.flows.compose import App
from calbell.flows.dispatch import Dispatch
from calbell.flows.erase import Erase
from calbell.flows.follow import Follow
from calbell.flows.loop import Loop
from calbell.flows.prune import EVERY, Prune
from calbell.flows.receive import Receive
from calbell.flows.register import Register
from calbell.flows.release import Release
from calbell.flows.rescue import Rescue
from calbell.flows.sources import Sources
from calbell.flows.steps import Steps
from calbell.flows.surroundings import Clock, new_key
from calbell.flows.take_in import TakeIn
from calbell.flows.unspool import Unspool
from calbell.store.database import Database
from calbell.store.pauses import Longest
from calbell.telemetry import Metrics

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
        collect_by=collecting.look_by,
    )
    patience = Patience(settings.receipt_delay, settings.lease, pace.backoff)
    collect = Collect(
        database, expo, patience, policy, clock, chance, metrics, wake_dispatch=dispatching.wake
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
    longest = Longest(
        retry=max(pace.backoff.longest, LONGEST_WAIT, ASKED_AGAIN.longest),
        lease=pace.lease,
        sweep=max(settings.reconcile, LONGEST_REFUSAL),
    )

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
