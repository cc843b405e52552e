"""`/v2/notifications/subscriptions/app-push`: register and remove a phone."""

from typing import cast

from calbell.api import validation
from calbell.api.answers import Answer, Problem, iso, json, not_found
from calbell.api.credentials import Credentials
from calbell.api.endpoint import Call
from calbell.api.validation import DEVICE_ID, PLATFORM, TOKEN
from calbell.domain.subscription import Platform, Registration
from calbell.flows.register import Register
from calbell.telemetry import Metrics

PATH = "/v2/notifications/subscriptions/app-push"


class Subscriptions:
    """The two operations of Cal.com's `NotificationsSubscriptionsController`."""

    def __init__(self, register: Register, credentials: Credentials, metrics: Metrics) -> None:
        self._register = register
        self._credentials = credentials
        self._metrics = metrics

    async def register(self, call: Call) -> Answer | Problem:
        """201, for a new token and a known one alike."""
        body = validation.parsed(call)
        if isinstance(body, Problem):
            return body
        caller = await self._credentials.user(call)
        if isinstance(caller, Problem):
            return caller
        if (wrong := validation.check(body, (TOKEN, PLATFORM, DEVICE_ID))) is not None:
            return wrong
        fields = cast(dict[str, str], body)
        kept = await self._register.register(
            Registration(
                caller.user_id, fields["token"], Platform(fields["platform"]), _kept(fields)
            )
        )
        self._metrics.registrations.inc()
        return json(
            201,
            {
                "status": "success",
                "data": {
                    "id": kept.id,
                    "userId": kept.user_id,
                    "type": "APP_PUSH",
                    "platform": kept.platform,
                    "identifier": fields["token"],
                    "deviceId": kept.device_id,
                    "createdAt": iso(kept.created_at),
                    "updatedAt": iso(kept.updated_at),
                },
            },
        )

    async def remove(self, call: Call) -> Answer | Problem:
        """200, or 404 where this user has no such token."""
        body = validation.parsed(call)
        if isinstance(body, Problem):
            return body
        caller = await self._credentials.user(call)
        if isinstance(caller, Problem):
            return caller
        if (wrong := validation.check(body, (TOKEN,))) is not None:
            return wrong
        token = cast(dict[str, str], body)["token"]
        if not await self._register.remove(caller.user_id, token):
            return not_found("App push subscription not found for the given token")
        return json(
            200,
            {"status": "success", "message": "App push subscription removed successfully"},
        )


def _kept(fields: dict[str, str]) -> str:
    """The device's id as a database can keep it: without NUL and lone surrogates."""
    text = fields["deviceId"].replace("\0", "")
    return text.encode(errors="replace").decode()
