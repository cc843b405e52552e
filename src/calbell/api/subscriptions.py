"""`/v2/notifications/subscriptions/app-push`: register and remove a phone."""

from typing import cast

from msgspec import Struct

from calbell.api import validation
from calbell.api.answers import Answer, Problem, forbidden, iso, json, not_found
from calbell.api.bodies import Body
from calbell.api.credentials import Caller
from calbell.api.requests import Call
from calbell.api.validation import DEVICE_ID, PLATFORM, TOKEN
from calbell.domain.subscription import Platform, Registration, Subscription
from calbell.flows.own_webhooks import Registered
from calbell.flows.register import Register
from calbell.store.connection import MissingReference
from calbell.telemetry import Metrics

PATH = "/v2/notifications/subscriptions/app-push"

MAY_NOT_REGISTER = forbidden("This user may not register here")
USER_WENT = Problem(400, "BAD_REQUEST", "Invalid input: The referenced data does not exist.")
NO_SUBSCRIPTION = not_found("App push subscription not found for the given token")
REMOVED = json(200, {"status": "success", "message": "App push subscription removed successfully"})


class Shown(Struct, frozen=True, rename="camel"):
    """A subscription as Cal.com shows it."""

    id: int
    user_id: int
    type: str
    platform: Platform
    identifier: str
    device_id: str
    created_at: str
    updated_at: str


class Success(Struct, frozen=True):
    """The answer to a registration."""

    status: str
    data: Shown


class Subscriptions:
    """The two operations of Cal.com's `NotificationsSubscriptionsController`. `registered` is told
    who registered with a token of Cal.com's."""

    def __init__(
        self, register: Register, metrics: Metrics, registered: Registered | None = None
    ) -> None:
        self._register = register
        self._metrics = metrics
        self._registered = registered

    async def register(self, call: Call, body: Body, caller: Caller) -> Answer | Problem:
        """201, for a new token and a known one alike."""
        if not caller.may_register:
            return MAY_NOT_REGISTER
        if (wrong := validation.check(body, (TOKEN, PLATFORM, DEVICE_ID))) is not None:
            return wrong
        fields = cast(dict[str, str], body)
        token = fields["token"]
        registration = Registration(
            caller.user_id, token, Platform(fields["platform"]), _kept(fields["deviceId"])
        )
        try:
            kept = await self._register.register(registration)
        except MissingReference:
            return USER_WENT
        self._metrics.registrations.inc()
        if self._registered is not None and caller.calcom_user is not None:
            # A token of Cal.com's, which took it just now: it may make its user's webhook there.
            self._registered(caller.user_id, call.header(b"authorization") or "")
        return json(201, Success("success", _shown(kept, token)))

    async def remove(self, _: Call, body: Body, caller: Caller) -> Answer | Problem:
        """200, or 404 where this user has no such token."""
        if (wrong := validation.check(body, (TOKEN,))) is not None:
            return wrong
        token = cast(dict[str, str], body)["token"]
        return REMOVED if await self._register.remove(caller.user_id, token) else NO_SUBSCRIPTION


def _shown(kept: Subscription, token: str) -> Shown:
    return Shown(
        kept.id,
        kept.user_id,
        "APP_PUSH",
        kept.platform,
        token,
        kept.device_id,
        iso(kept.created_at),
        iso(kept.updated_at),
    )


def _kept(device_id: str) -> str:
    """The device's id as a database can keep it: without NUL and lone surrogates."""
    if device_id.isascii():
        return device_id.replace("\0", "")
    return device_id.replace("\0", "").encode(errors="replace").decode()
