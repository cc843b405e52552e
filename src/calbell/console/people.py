"""People: who they are, their phones, what they want and were told, and a push to try it."""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from calbell.console.desk import Desk, clean, whole_number
from calbell.console.sessions import Session
from calbell.domain.preferences import Preferences
from calbell.domain.push_events import PushEvent
from calbell.domain.push_tokens import masked
from calbell.flows import choose, explain, rehearse, words
from calbell.flows.explain import Explanation
from calbell.flows.rehearse import CannotRehearse, Rehearsal
from calbell.flows.surroundings import Policy
from calbell.flows.wishes import described
from calbell.store import search, story, subscriptions, users
from calbell.store.connection import Connection
from calbell.store.keys import ListedKey
from calbell.store.subscriptions import Device
from calbell.store.users import Profile

log = structlog.get_logger()

LOOKS_BACK = timedelta(days=7)
"""How far back it is explained what somebody was told."""

EXPLAINED = 30
"""Notifications that are explained on a page, the newest."""


class Phone(Struct, frozen=True):
    """A phone of somebody: how it is in words; `is_well` where it can be rung."""

    device: Device
    token: str
    health: str
    is_well: bool


class Somebody(Struct, frozen=True):
    """All that the page of a user shows."""

    profile: Profile
    phones: tuple[Phone, ...]
    wishes: tuple[tuple[str, str], ...]
    keys: tuple[tuple[ListedKey, str], ...]
    explanation: Explanation


class People:
    """The pages about users."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def search(self, request: Request, session: Session) -> Response:
        """All users, or those who were asked for."""
        text = clean(request.query_params.get("q", ""))
        after = whole_number(request.query_params.get("after", "")) or 0
        found = await self._desk.means.database.read(search.people, text, after)
        values = {"text": text, "found": found, "most": search.MOST}
        return self._desk.page(request, "people.html", session, values)

    async def one(self, request: Request, session: Session) -> Response:
        """One user."""
        user_id = whole_number(request.query_params.get("id", ""))
        if user_id is None:
            return self._desk.to(request, "/people")
        found = await self._desk.means.database.read(self._somebody, user_id)
        if found is None:
            raise HTTPException(404, "There is no such user.")
        values = {
            "person": found,
            "kinds": tuple(PushEvent),
            "test_id": whole_number(request.query_params.get("test", "")),
            "test": await self._test(request),
            "days": LOOKS_BACK.days,
        }
        return self._desk.page(request, "person.html", session, values)

    async def piece(self, request: Request) -> str:
        """What became of a test push, so far."""
        test = await self._test(request)
        return self._desk.rendering.piece(request, "test_piece.html", {"test": test})

    async def try_out(self, request: Request, form: Mapping[str, str]) -> Response:
        """A test push is on its way to the user's phones."""
        means, user_id = self._desk.means, whole_number(form.get("user", ""))
        kind = next((one for one in PushEvent if one == form.get("event")), None)
        if user_id is None or kind is None:
            raise HTTPException(400, "This is no user, or no news that a push can carry.")
        rehearsal = Rehearsal(user_id, kind, None)
        try:
            rehearsed = await means.database.run(
                rehearse.rehearse, rehearsal, means.policy, means.clock(), means.chance
            )
        except CannotRehearse as error:
            raise HTTPException(409, f"Nothing was sent: {error}.") from None
        means.wake()
        log.info("console_test_push", user=user_id)
        return self._desk.to(request, "/person", id=user_id, test=rehearsed.notification_id)

    async def _test(self, request: Request) -> tuple[story.ToldDelivery, ...]:
        id_ = whole_number(request.query_params.get("test", ""))
        if id_ is None:
            return ()
        return await self._desk.means.database.read(story.of_notification, id_)

    def _somebody(self, connection: Connection, user_id: int) -> Somebody | None:
        means = self._desk.means
        profile, now = users.find(connection, user_id), means.clock()
        if profile is None:
            return None
        wishes = choose.chosen(connection, user_id, means.policy.rules)
        assert isinstance(wishes, Preferences)
        explained = explain.explain(connection, user_id, None, now - LOOKS_BACK, now, EXPLAINED)
        return Somebody(
            profile,
            tuple(
                _phone(device, user_id, means.policy)
                for device in subscriptions.devices_of(connection, user_id)
            ),
            tuple(described(wishes)),
            tuple((key, key.state(now.date())) for key in search.keys_of(connection, user_id)),
            explained,
        )


def _phone(device: Device, user_id: int, policy: Policy) -> Phone:
    token = masked(device.token)
    if device.dead_at is not None:
        why = words.explained(device.dead_code or "DeviceNotRegistered")
        return Phone(device, token, f"gone since {words.utc(device.dead_at)}: {why}", False)
    if policy.exclusive and device.owner_user_id != user_id:
        return Phone(device, token, "asleep: another user has registered this phone since", False)
    match device.last_receipt_code:
        case None:
            return Phone(device, token, "nothing was sent to this phone yet", True)
        case "ok":
            return Phone(device, token, "the last push was handed to Apple or Google", True)
        case code:
            return Phone(device, token, f"failing: {words.explained(code)}", False)
