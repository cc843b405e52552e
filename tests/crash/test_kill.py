"""`kill -9` in the middle of everything: what was accepted reaches every phone all the same."""

import asyncio
import os
from collections import deque
from collections.abc import Callable

import aiohttp
import pytest

from calbell.calcom.signature import sign
from tests import payloads
from tests.acceptance.programs import until
from tests.acceptance.stand import Json, Meeting, Stand
from tests.crash.conftest import LEDGER, SlowExpo
from tests.crash.ledger import Ledger, Push, keys_sent, screens, told

EVENTS = int(os.environ.get("CALBELL_CRASH_EVENTS", "150"))
CALLERS = 16
KILLS = 2
HOSTS = GUESTS = 5


class Onslaught:
    """Many callers who send events, each again until it is accepted, while the service dies."""

    def __init__(self, stand: Stand, bodies: dict[str, bytes]) -> None:
        self.stand = stand
        self.accepted: dict[str, Json] = {}
        self.kills = 0
        self._left = deque(bodies.items())
        self._number = len(bodies)
        self._up = asyncio.Event()
        self._up.set()
        self._progress = asyncio.Condition()

    async def run(self) -> None:
        """All events are accepted."""
        patience = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=patience) as http, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._kill())
            for _ in range(CALLERS):
                tasks.create_task(self._call(http))

    async def _kill(self) -> None:
        for nth in range(1, KILLS + 1):
            await self._until_accepted(nth * self._number // (KILLS + 1))
            self._up.clear()
            await asyncio.to_thread(self.stand.program.kill)
            self.stand.assert_logs_are_clean(self.stand.program)
            self.kills += 1
            await asyncio.to_thread(self.stand.start)
            self._up.set()

    async def _until_accepted(self, number: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.accepted) >= number)

    async def _call(self, http: aiohttp.ClientSession) -> None:
        while self._left:
            uid, body = self._left.popleft()
            await self._up.wait()
            answer = await self._send(http, body)
            if answer is None:
                self._left.append((uid, body))
                continue
            self.accepted[uid] = answer
            async with self._progress:
                self._progress.notify_all()

    async def _send(self, http: aiohttp.ClientSession, body: bytes) -> Json | None:
        """What the service answered; nothing where it died before it did."""
        headers = {
            "Content-Type": "application/json",
            "X-Cal-Signature-256": sign(body, self.stand.secret),
        }
        try:
            async with http.post(
                f"{self.stand.url}/webhooks/cal", data=body, headers=headers
            ) as reply:
                assert reply.status == 200
                answer: Json = (await reply.json())["data"]
                return answer
        except (aiohttp.ClientError, ConnectionError):
            return None


async def stories_of(stand: Stand, uids: list[str]) -> list[Json]:
    """The timelines of all these bookings."""
    headers = {"Authorization": f"Bearer {stand.admin_token}"}
    async with aiohttp.ClientSession(stand.url, headers=headers) as http:

        async def story(uid: str) -> Json:
            async with http.get(f"/v1/bookings/{uid}/timeline") as reply:
                data: Json = (await reply.json())["data"]
                return data

        return [await story(uid) for uid in uids]


@pytest.mark.timeout(60 + EVENTS)
def test_killed_twice_nothing_accepted_is_lost_and_what_is_doubled_is_marked(
    new_stand: Callable[..., Stand],
    slow_expo: SlowExpo,
    record_property: Callable[[str, object], None],
) -> None:
    stand = new_stand(
        CALBELL_EXPO_RATE_LIMIT="0",
        CALBELL_EXPO_TIMEOUT_SECONDS="1",
        CALBELL_LEASE_SECONDS="2",
    )
    slow_expo.take(0.03, 0.03)
    users = [stand.database.user() for _ in range(HOSTS + GUESTS)]
    tokens_of = {user.id: [stand.phone(user), stand.phone(user, "ANDROID")] for user in users[:5]}
    tokens_of |= {user.id: [stand.phone(user)] for user in users[5:]}
    meetings: dict[str, Meeting] = {}
    bodies: dict[str, bytes] = {}
    for n in range(EVENTS):
        meeting = Meeting(users[n % HOSTS], users[HOSTS + n // HOSTS % GUESTS])
        meetings[meeting.uid] = meeting
        bodies[meeting.uid] = payloads.body(meeting.webhook(payloads.created))
    whom = {
        uid: [users[n % HOSTS].id, users[HOSTS + n // HOSTS % GUESTS].id]
        for n, uid in enumerate(meetings)
    }

    onslaught = Onslaught(stand, bodies)
    asyncio.run(onslaught.run())
    assert onslaught.accepted.keys() == bodies.keys()
    due: set[Push] = {
        (answer["eventId"], token)
        for uid, answer in onslaught.accepted.items()
        for user_id in whom[uid]
        for token in tokens_of[user_id]
    }
    until(lambda: settled(stand) or None, "all deliveries to be settled", 60)

    states, marked = told(asyncio.run(stories_of(stand, list(bodies))), tokens_of)
    ledger = Ledger(
        kills=onslaught.kills,
        events=len(onslaught.accepted),
        answered_as_duplicate=sum(answer["duplicate"] for answer in onslaught.accepted.values()),
        due=due,
        shown=screens(slow_expo, slow_expo.tokens),
        keys=keys_sent(slow_expo),
        states=states,
        marked=marked,
    )
    record_property(LEDGER, str(ledger))
    assert ledger.kills == KILLS
    assert ledger.marked, "no kill struck anything that was under way"
    assert states.keys() == due
    ledger.check()


def settled(stand: Stand) -> bool:
    """Whether nothing is queued, being sent, or without its receipt."""
    return not {"queued", "sending", "accepted"} & stand.deliveries_by_state().keys()
