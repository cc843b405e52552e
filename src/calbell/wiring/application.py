"""The application to serve, around the parts of a service and a way to Cal.com."""

from random import Random

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
from calbell.calcom.http import CalcomApi
from calbell.choices import (
    admission_of,
    policy_of,
)
from calbell.config import AutoConnect, Settings
from calbell.console.live import Ending
from calbell.console.means import Means
from calbell.console.pages import Console
from calbell.flows.connect import Connect
from calbell.flows.hear import Hear
from calbell.flows.identify import CalcomUsers, Identify
from calbell.flows.own_webhooks import OwnWebhooks, Registered
from calbell.flows.surroundings import Clock
from calbell.store.database import Database
from calbell.telemetry import Metrics
from calbell.wiring.parts import Parts


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
    policy = policy_of(settings)
    identify = Identify(calcom, database, clock, steady, admission_of(settings), policy.rules)
    credentials = Credentials(KeyRing(database, clock, steady), identify, settings.auth, token)
    means = Means(
        database=database,
        clock=clock,
        chance=chance,
        policy=policy,
        app=parts.app,
        wake=parts.wake,
        hears_all=bool(settings.webhook_secrets),
    )
    handlers = Handlers(
        subscriptions=Subscriptions(parts.register, metrics, registered),
        me=Me(database),
        devices=Devices(
            database,
            policy,
            parts.app,
            clock,
            chance,
            hears_all=means.hears_all,
            wake=parts.wake,
        ),
        preferences=PreferencesApi(database, policy.rules, clock, parts.wake),
        webhooks=Webhooks(parts.receive),
        events=Events(Hear(parts.take_in, metrics), clock),
        operator=OperatorApi(database, clock, metrics, hears_all=means.hears_all),
        people=People(database, clock, policy.rules, parts.wake),
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
