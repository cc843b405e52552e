"""`/v1/me/devices`: the caller's own phones, how they are, and a push to try them."""

from collections.abc import Callable
from random import Random
from typing import cast

from calbell.api import validation
from calbell.api.answers import Answer, Problem, bad_request, iso, json, not_found
from calbell.api.bodies import Body
from calbell.api.credentials import Caller
from calbell.api.requests import Call
from calbell.api.validation import BOOKING_UID, EVENT
from calbell.domain.push_events import PushEvent
from calbell.domain.push_tokens import masked
from calbell.expo.messages import PushMessage, message_size
from calbell.expo.words import in_words
from calbell.flows import rehearse
from calbell.flows.compose import App
from calbell.flows.rehearse import CannotRehearse, Prepared, Rehearsal
from calbell.flows.surroundings import Clock, Policy
from calbell.store import subscriptions, users
from calbell.store.database import Database
from calbell.store.subscriptions import Device

PATH = "/v1/me/devices"
TEST_PATH = "/v1/me/devices/test"

NO_OBJECT = bad_request("the body must be an object")


class Devices:
    """What users may see and try of their own phones. `hears_all`: there is a webhook secret, so
    events of everybody may come in; `wake` is called when there is something to send."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        app: App,
        clock: Clock,
        chance: Random,
        *,
        hears_all: bool,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._policy = policy
        self._app = app
        self._clock = clock
        self._chance = chance
        self._hears_all = hears_all
        self._wake = wake

    async def list(self, _: Call, __: Body, caller: Caller) -> Answer | Problem:
        """200 with all devices of the caller, oldest first; tokens are masked."""
        devices = await self._database.read(subscriptions.devices_of, caller.user_id)
        hears = self._hears_all or await self._database.read(users.is_covered, caller.user_id)
        events = "connected" if hears else "none"
        shown = [self._shown(device, caller) | {"events": events} for device in devices]
        return json(200, {"status": "success", "data": shown})

    async def test(self, _: Call, body: Body, caller: Caller) -> Answer | Problem:
        """202 with what is sent to which devices; 404 where there is none that can be rung."""
        if not isinstance(body, dict):
            return NO_OBJECT
        if (wrong := validation.check(body, (EVENT, BOOKING_UID))) is not None:
            return wrong
        fields = cast(dict[str, str | None], body)
        kind = PushEvent(fields.get("event") or PushEvent.BOOKING_CONFIRMED)
        rehearsal = Rehearsal(caller.user_id, kind, fields.get("bookingUid"))
        try:
            rehearsed = await self._database.run(
                rehearse.rehearse, rehearsal, self._policy, self._clock(), self._chance
            )
        except CannotRehearse as error:
            return not_found(str(error))
        self._wake()
        return json(202, {"status": "success", "data": self._sent(rehearsed.prepared)})

    def _shown(self, device: Device, caller: Caller) -> dict[str, object]:
        return {
            "id": device.id,
            "type": "APP_PUSH",
            "platform": device.platform,
            "identifier": masked(device.token),
            "deviceId": device.device_id,
            "createdAt": iso(device.created_at),
            "updatedAt": iso(device.updated_at),
            "lastSeenAt": iso(device.last_seen_at) if device.last_seen_at else None,
            "health": self._health(device, caller),
        }

    def _health(self, device: Device, caller: Caller) -> dict[str, object]:
        """How the phone is, in a word and in words, and what the last receipt said."""
        receipt = (
            {"at": iso(device.last_receipt_at), "code": device.last_receipt_code}
            if device.last_receipt_at
            else None
        )
        status, words = self._state(device, caller)
        return {"status": status, "message": words, "lastReceipt": receipt}

    def _state(self, device: Device, caller: Caller) -> tuple[str, str]:
        if device.dead_at is not None:
            return "gone", in_words(device.dead_code or "DeviceNotRegistered")
        if self._policy.exclusive and device.owner_user_id != caller.user_id:
            return "asleep", "another user has registered this phone since"
        match device.last_receipt_code:
            case None:
                return "unknown", "nothing was sent to this phone yet"
            case "ok":
                return "ok", "the last push was handed to Apple or Google"
            case code:
                return "failing", in_words(code)

    def _sent(self, prepared: Prepared) -> dict[str, object]:
        said = zip(prepared.phones, rehearse.messages(prepared, self._app), strict=True)
        return {
            "event": prepared.planned.kind,
            "bookingUid": prepared.planned.facts.uid,
            "sample": prepared.is_sample,
            "devices": [
                {"id": phone.subscription_id, "platform": phone.platform, **_content(message)}
                for phone, message in said
            ],
            "asleep": prepared.asleep,
        }


def _content(message: PushMessage) -> dict[str, object]:
    return {"title": message.title, "body": message.body, "bytes": message_size(message)}
