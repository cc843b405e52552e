"""Bookings and registrations that come in steadily, whoever is there to take them."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from itertools import cycle
from random import Random

import aiohttp
from msgspec import Struct

from calbell.calcom.signature import sign
from tests import payloads
from tests.acceptance.stand import APP_PUSH, Json, Meeting, User
from tests.crash.ledger import Push
from tests.crash.lives import Service

CALLERS = 4
BREATH_SECONDS = 0.1
"""Between two requests of one caller: without it a longer storm would mean a larger database."""

PATIENCE = aiohttp.ClientTimeout(total=20)


class Phone(Struct, frozen=True):
    """A phone, as it is registered."""

    token: str
    platform: str


class Accepted(Struct, frozen=True):
    """A webhook that was answered with 2xx: when, the event's id, and the pushes that follow."""

    at: float
    event_id: str
    is_copy: bool
    due: frozenset[Push]


class Traffic:
    """Sends until it is told to end, and keeps what was answered.

    A caller that is refused a connection goes on with another booking: nothing of the first one
    was sent. One whose answer does not come sends the same again, as often as it takes.
    """

    def __init__(
        self,
        service: Service,
        secret: str,
        chance: Random,
        *,
        users: Mapping[User, Sequence[Phone]],
        newcomers: Sequence[User],
        phones: Sequence[Phone],
    ) -> None:
        self.accepted: list[Accepted] = []
        self.refused = 0
        self.registered = 0
        self._service = service
        self._secret = secret
        self._chance = chance
        self._users = users
        self._newcomers = newcomers
        self._phones = phones
        self._owners: dict[Phone, User] = {}
        self._is_over = False

    @property
    def due(self) -> dict[Push, float]:
        """The pushes that follow from what was accepted, and when it was."""
        return {push: one.at for one in self.accepted for push in one.due}

    def end(self) -> None:
        """What is under way is finished, and nothing more begun."""
        self._is_over = True

    async def flow(self) -> None:
        """Until the end, all that was begun is accepted. Then the newcomers are told of a booking
        each, so that their phones ring: those of the registrations that were answered."""
        async with aiohttp.ClientSession(timeout=PATIENCE) as http:
            async with asyncio.TaskGroup() as subscribing:
                for user, phones in self._users.items():
                    for phone in phones:
                        subscribing.create_task(self._register(http, user, phone))
            async with asyncio.TaskGroup() as callers:
                for _ in range(CALLERS):
                    callers.create_task(self._tell_steadily(http))
                callers.create_task(self._register_steadily(http))
            for user in self._newcomers:
                theirs = [phone for phone, owner in self._owners.items() if owner == user]
                await self._tell(http, {user: theirs})

    async def _tell_steadily(self, http: aiohttp.ClientSession) -> None:
        while not self._is_over:
            host, guest = self._chance.sample(list(self._users), 2)
            await self._tell(http, {user: self._users[user] for user in (host, guest)})
            await asyncio.sleep(BREATH_SECONDS)

    async def _register_steadily(self, http: aiohttp.ClientSession) -> None:
        for phone in cycle(self._phones):
            if self._is_over:
                break
            user = self._chance.choice(self._newcomers)
            await self._register(http, user, phone)
            self._owners[phone] = user
            await asyncio.sleep(BREATH_SECONDS)

    async def _tell(
        self, http: aiohttp.ClientSession, whom: Mapping[User, Sequence[Phone]]
    ) -> None:
        """A booking of these was accepted, or the service could not be reached."""
        meeting = Meeting(*whom)
        body = payloads.body(meeting.webhook(payloads.created))
        headers = {"X-Cal-Signature-256": sign(body, self._secret)}
        must_arrive = self._is_over
        while True:
            try:
                answer = await self._post(http, "/webhooks/cal", body, headers, 200)
            except aiohttp.ClientConnectorError:
                if not must_arrive:
                    self.refused += 1
                    return
            except (aiohttp.ClientError, ConnectionError):
                must_arrive = True
            else:
                break
        id_: str = answer["eventId"]
        due = frozenset((id_, phone.token) for phones in whom.values() for phone in phones)
        self.accepted.append(Accepted(time.time(), id_, answer["duplicate"], due))

    async def _register(self, http: aiohttp.ClientSession, user: User, phone: Phone) -> None:
        """The phone is the user's."""
        body = payloads.body(
            {"token": phone.token, "platform": phone.platform, "deviceId": "device-1"}
        )
        headers = {"Authorization": f"Bearer {user.key}"}
        while True:
            try:
                await self._post(http, APP_PUSH, body, headers, 201)
            except (aiohttp.ClientError, ConnectionError):
                continue
            self.registered += 1
            return

    async def _post(
        self,
        http: aiohttp.ClientSession,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        expected: int,
    ) -> Json:
        """What is answered, with this status."""
        url = await self._service.url()
        sent = {"Content-Type": "application/json", **headers}
        async with http.post(url + path, data=body, headers=sent) as reply:
            assert reply.status == expected, await reply.text()
            answer: Json = (await reply.json())["data"]
            return answer
