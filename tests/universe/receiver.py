"""The program that waits for notices of what pushes could not do. It hears each at least once, the
same each time, and none of what did not happen."""

import asyncio
import hmac
import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, Protocol

from calbell.flows.call_back import Post
from calbell.store.times import to_ms
from tests.universe.bookings import Bookings
from tests.universe.broken import Broken, require
from tests.universe.database import SharedConnection
from tests.universe.expo import Handed
from tests.universe.nature import Nature
from tests.universe.people import People
from tests.universe.weather import Weather
from tests.universe.wire import LONGEST_WAY_SECONDS
from tests.universe.wished import REMINDER

ADDRESS: Final = "https://mailer.example/calbell"
SECRET: Final = "the secret of the receiver"
TIMEOUT_SECONDS: Final = 10.0

FAILS = ("no connection", "status 500", "timeout")
HEARD_WITHIN = timedelta(days=1, hours=12)
"""It is never away for so long that a notice is given up."""

_CAME_TO_NOTHING = """
select n.id, n.user_id, n.kind, b.uid from notifications n
join bookings b on b.id = n.booking_id
join users u on u.id = n.user_id
where u.removed_at is null and n.superseded_by is null
  and n.settled_at > n.created_at and n.settled_at > ? and n.settled_at <= ?
  and (n.state = 'expired' or n.state = 'suppressed' and n.reason = 'no_device')
union all
select n.id, n.user_id, n.kind, b.uid from notifications n
join bookings b on b.id = n.booking_id
join users u on u.id = n.user_id
where u.removed_at is null and n.superseded_by is null and n.state = 'released'
  and (select max(d.settled_at) from deliveries d where d.notification_id = n.id) > ?
  and (select max(d.settled_at) from deliveries d where d.notification_id = n.id) <= ?
  and not exists (select 1 from deliveries d where d.notification_id = n.id
    and (d.possibly_sent = 1 or d.state not in ('failed', 'unregistered', 'expired')
      and not (d.state = 'withdrawn'
        and d.reason in ('device_removed', 'taken_over', 'device_gone'))))
"""
_UNSURE = """
select 1 from deliveries d join notifications n on n.id = d.notification_id
join bookings b on b.id = n.booking_id
where d.possibly_sent = 1 and n.user_id = ? and n.kind = ? and b.uid = ?
"""
_LEFT = "select public_id, outcome, due_at from notices where created_at <= ?"

_BREAKS_CREDENTIALS = (
    *("credentials missing", "credentials revoked", "credentials mismatch", "push security"),
    *("wrong access token", "bearer refused", "F18", "F22"),
)
_CALLS_GONE = ("F16", "F17", "F19", "F19 reigns")


class Neighbourhood(Protocol):
    """What happens around it."""

    nature: Nature
    weather: Weather
    connection: SharedConnection
    people: People
    bookings: Bookings
    happened: Counter[str]

    def now(self) -> datetime:
        """The time."""

    def machine_time(self) -> datetime:
        """What the clocks of the machines show."""

    def tell(self, what: str) -> None:
        """It is part of the story."""

    def broken(self, promise: str) -> None:
        """Something is not as it was promised."""


class Receiver:
    """Hears notices, and is away at times."""

    def __init__(self, place: Neighbourhood, seed: int) -> None:
        self._place = place
        self._chance = Random(f"{seed} receiver")
        self._away_until = place.now()
        self._bodies: dict[str, bytes] = {}
        self._unreachable = set[tuple[int, str, str]]()
        self._rang = set[tuple[int, str, str]]()
        self._audited = to_ms(place.machine_time())

    async def go_on(self) -> None:
        """It is away for hours from time to time, until all trouble is over."""
        while self._place.nature.calls_back and not self._place.weather.is_over:
            await asyncio.sleep(
                self._chance.expovariate(1 / (60 * 3600 * self._place.nature.sleepy))
            )
            self._place.happened["receiver away"] += 1
            span = timedelta(hours=0.5 + 7 * self._chance.random() ** 2)
            self._away_until = self._place.now() + span

    def way_to(self, address: str) -> Post:
        """How a process reaches it."""
        assert address == ADDRESS
        return self._post

    def rings(self, handed: Handed, user_id: int) -> None:
        """A phone shows it. Of reminders there may be several."""
        if handed.is_brought and handed.event != REMINDER:
            self._rang.add((user_id, handed.event, handed.uid))

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> str | None:
        place = self._place
        sent_at = place.machine_time()
        await asyncio.sleep(self._chance.uniform(0.01, LONGEST_WAY_SECONDS))
        if place.now() < self._away_until and not place.weather.is_over:
            return "no connection"
        failure = None
        if self._chance.random() < place.weather.trouble.requests:
            failure = self._chance.choice(FAILS)
            place.happened[f"receiver: {failure}"] += 1
        if failure != "no connection":
            try:
                self._hear(body, headers, sent_at)
            except Broken as error:
                place.broken(str(error))
        await asyncio.sleep(TIMEOUT_SECONDS if failure == "timeout" else 0.05)
        return failure

    def _hear(self, body: bytes, headers: Mapping[str, str], sent_at: datetime) -> None:
        at = headers["calbell-timestamp"]
        proof = hmac.digest(SECRET.encode(), f"{at}.".encode() + body, "sha256").hex()
        require(headers["calbell-signature"] == f"v1={proof}", "a notice is not well signed")
        require(abs(int(at) - sent_at.timestamp()) <= 1, "a notice is not signed now")
        said = json.loads(body)
        id_ = said["id"]
        require(headers["calbell-notice"] == id_, "a notice has two ids")
        known = self._bodies.setdefault(id_, body)
        require(known == body, f"notice {id_} is not the same again")
        if known is not body:
            self._place.happened["notice heard again"] += 1
            return
        self._place.tell(f"the receiver hears {said['kind']} {said['data']}")
        self._place.happened[f"heard {said['kind']}"] += 1
        self._check_true(said["kind"], said["data"])

    def _check_true(self, kind: str, data: dict[str, Any]) -> None:
        place = self._place
        what = f"{kind} {data}"
        causes = place.happened + place.weather.counts
        match kind:
            case "project.held":
                require(any(causes[one] for one in _BREAKS_CREDENTIALS), f"{what} is not broken")
            case "device.gone":
                everybodys = place.people.phones.values()
                phones = [phone for phone in everybodys if phone.device_id == data["deviceId"]]
                require(bool(phones), f"{what} is nobody's")
                was_wiped = any(phone.was_wiped for phone in phones)
                require(was_wiped or any(causes[one] for one in _CALLS_GONE), f"{what} is there")
            case "notification.unreachable":
                news = data["userId"], data["notificationEvent"], data["bookingUid"]
                # Of what Expo took for a phone that is gone by then, it says so in its receipt.
                is_gone = any(one["state"] == "unregistered" for one in data["reasons"])
                require(is_gone or news not in self._rang, f"{what}, and it rang")
                may_have_rung = news[1] != REMINDER and place.connection.ask(_UNSURE, *news)
                require(not may_have_rung, f"{what}, and it may have rung")
                known = place.bookings.known[data["bookingUid"]]
                require(data["userId"] in known.parts, f"{what} is another's booking")
                require(bool(data["reasons"]), f"{what} without a reason")
                self._unreachable.add(news)
            case _:
                raise Broken(f"nobody knows {kind}")

    def audit(self, *, is_end: bool = False) -> None:
        """What came to nothing long enough ago was heard of, and what is said to be heard was."""
        place = self._place
        if not place.nature.calls_back:
            return
        until = to_ms(place.machine_time() - (timedelta() if is_end else HEARD_WITHIN))
        since, self._audited = self._audited, max(until, self._audited)
        for id_, user_id, kind, uid in place.connection.ask(
            _CAME_TO_NOTHING, since, until, since, until
        ):
            heard = (user_id, kind, uid) in self._unreachable
            require(heard, f"nobody hears that user {user_id} is not told: {kind} {uid} ({id_})")
        for id_, outcome, _ in place.connection.ask(_LEFT, until):
            require(outcome is not None, f"notice {id_} is still to be sent")
            require(outcome == "taken", f"notice {id_} is {outcome}")
            require(id_ in self._bodies, f"notice {id_} was heard by nobody")
