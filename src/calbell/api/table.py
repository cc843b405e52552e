"""The table of routes: what there is under each path, and who may enter."""

from msgspec import Struct

from calbell.api import (
    devices,
    docs,
    events,
    keys,
    me,
    people,
    preferences,
    subscriptions,
    webhooks,
)
from calbell.api.devices import Devices
from calbell.api.docs import Docs
from calbell.api.events import Events
from calbell.api.keys import Keys
from calbell.api.me import Me
from calbell.api.operator import OperatorApi
from calbell.api.people import People
from calbell.api.preferences import PreferencesApi
from calbell.api.routes import Route, UserRoute, Who
from calbell.api.subscriptions import Subscriptions
from calbell.api.webhooks import Webhooks


class Handlers(Struct, frozen=True, kw_only=True):
    """Everything that answers."""

    subscriptions: Subscriptions
    me: Me
    devices: Devices
    preferences: PreferencesApi
    webhooks: Webhooks
    events: Events
    operator: OperatorApi
    people: People
    keys: Keys
    docs: Docs


def user_routes(of: Handlers) -> tuple[UserRoute, ...]:
    """What users may do, with their keys and tokens."""
    return (
        UserRoute("POST", subscriptions.PATH, of.subscriptions.register),
        UserRoute("DELETE", subscriptions.PATH, of.subscriptions.remove),
        UserRoute("GET", me.PATH, of.me.show),
        UserRoute("GET", devices.PATH, of.devices.list),
        UserRoute("POST", devices.TEST_PATH, of.devices.test),
        UserRoute("GET", preferences.PATH, of.preferences.show),
        UserRoute("PATCH", preferences.PATH, of.preferences.change),
    )


def routes(of: Handlers, *, metrics_open: bool) -> tuple[Route, ...]:
    """What everybody else may do."""
    return (
        Route("POST", webhooks.PATH, Who.SIGNED, of.webhooks.receive),
        Route("POST", webhooks.SOURCE_PATH, Who.SIGNED, of.webhooks.receive_of_source),
        Route("POST", events.PATH, Who.EVENTS, of.events.take),
        Route("GET", "/v1/bookings/{uid}/timeline", Who.SUPPORT, of.operator.timeline),
        Route("GET", people.PATH, Who.ADMIN, of.people.list),
        Route("POST", people.PATH, Who.ADMIN, of.people.save),
        Route("GET", people.ONE_PATH, Who.ADMIN, of.people.show),
        Route("DELETE", people.ONE_PATH, Who.ADMIN, of.people.remove),
        Route("GET", keys.PATH, Who.ADMIN, of.keys.list),
        Route("POST", keys.PATH, Who.ADMIN, of.keys.create),
        Route("DELETE", keys.ONE_PATH, Who.ADMIN, of.keys.revoke),
        Route(
            "GET", "/metrics", Who.EVERYBODY if metrics_open else Who.SUPPORT, of.operator.metrics
        ),
        Route("GET", "/healthz", Who.EVERYBODY, of.operator.healthz),
        Route("GET", "/readyz", Who.EVERYBODY, of.operator.readyz),
        Route("GET", docs.JSON_PATH, Who.EVERYBODY, of.docs.openapi),
        Route("GET", docs.PAGE_PATH, Who.EVERYBODY, of.docs.page),
    )
