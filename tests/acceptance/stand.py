"""A running Calbell with all that it needs, and how the tests talk to it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from calbell.calcom.signature import sign
from calbell.flows.grant import grant
from calbell.store import keys, upkeep, users
from calbell.store.database import run_once
from calbell.store.engines import engine_of
from calbell.store.upkeep import Counts
from calbell.store.users import Profile
from tests import payloads
from tests.acceptance.programs import Program, Reply, ask, command, until
from tests.acceptance.servers import Expo

Json: TypeAlias = dict[str, Any]

APP_PUSH = "/v2/notifications/subscriptions/app-push"
SETTLED = {"delivered", "failed", "unregistered", "withdrawn", "expired", "unknown"}
PATTERNS_OF_PRIVATE = ("PushToken[", "cal_", "@example.")
"""No log line contains any of these, whatever it is about."""


class User(Struct, frozen=True):
    """A user of Calbell, with a key."""

    id: int
    email: str
    name: str
    key: str


class Database:
    """Calbell's database, as an operator sees it: by commands, and rows that the tests put in."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.private: set[str] = set()
        """What must never stand in a log."""
        self._numbers = count(101)
        self._chance = SystemRandom()
        if url.startswith("postgresql"):
            assert self.run("migrate").code == 0

    def run(self, *arguments: str, **variables: str) -> Any:
        """A command on this database, ended; nothing private stands on its stderr."""
        ended = command(arguments, self.folder, {"CALBELL_DATABASE_URL": self.url, **variables})
        assert_nothing_private(ended.err.splitlines(), self.private)
        return ended

    def user(self, *more_emails: str) -> User:
        """A new user."""
        id_ = next(self._numbers)
        email, name = f"person{id_}@example.com", f"Olivia Sample{id_}"
        now = datetime.now(UTC)
        profile = Profile(
            id=id_,
            name=name,
            username=None,
            time_zone="Europe/Berlin",
            locale="en",
            time_format=24,
            source="test",
            addresses=(email, *more_emails),
            created_at=now,
        )
        with_unit(self.url, users.save, profile, now)
        self.private |= {email, name}
        return User(id_, email, name, self.key(id_))

    def key(
        self, user_id: int | None = None, *, role: str | None = None, expires_on: date | None = None
    ) -> str:
        """A new key, also one that expired long ago."""
        key: str = with_unit(
            self.url, grant, user_id, role, "", expires_on, datetime.now(UTC), self._chance
        ).key
        self.private.add(key.removeprefix("cal_"))
        return key

    def revoke(self, key: str) -> None:
        """The newest key with this end is revoked."""
        ids = [one.id for one in with_unit(self.url, keys.listed) if one.hint == key[-4:]]
        assert self.run("keys", "revoke", str(ids[-1])).code == 0


def with_unit(url: str, unit: Any, *arguments: Any) -> Any:
    """The result of one unit of work on the database at `url`."""
    connection = engine_of(url).connect()
    try:
        return run_once(connection, unit, *arguments)
    finally:
        connection.close()


class Stand:
    """A running `calbell serve`, its database, and the simulated Expo that it sends to."""

    def __init__(self, database: Database, expo: Expo, variables: Mapping[str, str]) -> None:
        self.database = database
        self.expo = expo
        self.admin_token = "operators-token-for-tests"
        self.secret = "webhook-secret-for-tests"
        self.variables = {
            "CALBELL_DATABASE_URL": database.url,
            "CALBELL_EXPO_BASE_URL": expo.url,
            "CALBELL_RECEIPT_DELAY_SECONDS": "0.1",
            "CALBELL_RATE_LIMIT_API_KEY": "0",
            "CALBELL_RETRY_BASE_SECONDS": "0.1",
            "CALBELL_ADMIN_TOKEN": self.admin_token,
            "CALBELL_WEBHOOK_SECRETS": self.secret,
            **variables,
        }
        database.private |= {self.admin_token, self.secret}
        self.start()

    def start(self, *arguments: str, port: str = "0") -> None:
        """It serves, at an address of its own or at this port."""
        self.program = Program(
            ["-m", "calbell", "serve", f"--port={port}", *arguments],
            self.database.folder,
            self.variables,
        )
        self.url: str = self.program.first(self.program.err, started)["url"]

    def stop(self) -> None:
        """It was asked to stop, exited with 0 in time, and told nobody's secrets."""
        self.program.ask_to_stop()
        self.end_well()

    def end_well(self) -> None:
        """The same, where it was asked before."""
        self.program.end_well()
        self.assert_logs_are_clean(self.program)

    def assert_logs_are_clean(self, program: Program) -> None:
        """Every line is one JSON object with an event, and nothing private is among them."""
        for line in program.err:
            assert "event" in msgspec.json.decode(line), line
        assert_nothing_private(program.err, {*self.database.private, *self.expo.tokens})
        assert program.out == []

    def ask(
        self,
        method: str,
        path: str,
        value: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The answer to a request with a JSON body, or with bytes as they are."""
        sent = dict(headers or {})
        body = value if isinstance(value, bytes) or value is None else msgspec.json.encode(value)
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        return ask(self.url, method, path, body, sent)

    def phone(self, user: User, platform: str = "IOS", *, project: str = "@simulator/first") -> str:
        """The token of a new phone that the user registered."""
        token = self.expo.device(platform, project)
        self.register(user, token, platform)
        return token

    def register(self, user: User, token: str, platform: str = "IOS") -> Json:
        """The subscription, as the answer shows it."""
        body = {"token": token, "platform": platform, "deviceId": "device-1"}
        reply = self.ask("POST", APP_PUSH, body, key=user.key)
        assert reply.status == 201, reply
        data: Json = reply.json()["data"]
        return data

    def webhook(self, body: bytes, *, signature: str | None = None) -> Reply:
        """The answer to a webhook, signed well unless said otherwise."""
        signed = sign(body, self.secret) if signature is None else signature
        return self.ask("POST", "/webhooks/cal", body, headers={"X-Cal-Signature-256": signed})

    def tell(self, envelope: Json) -> Json:
        """What is answered to a webhook that is taken in."""
        reply = self.webhook(payloads.body(envelope))
        assert reply.status == 200, reply
        data: Json = reply.json()["data"]
        return data

    def timeline(self, uid: str) -> Json:
        """The story of a booking."""
        reply = self.ask("GET", f"/v1/bookings/{uid}/timeline", key=self.admin_token)
        assert reply.status == 200, reply
        data: Json = reply.json()["data"]
        return data

    def deliveries_by_state(self) -> dict[str, int]:
        """How many deliveries there are in each state."""
        counts: Counts = with_unit(self.database.url, upkeep.counts, datetime.now(UTC))
        return counts.deliveries

    def notifications_by_state(self) -> dict[str, int]:
        """How many notifications there are in each state."""
        counts: Counts = with_unit(self.database.url, upkeep.counts, datetime.now(UTC))
        return counts.notifications

    def settled(self, uid: str) -> Json:
        """The story of a booking of whose deliveries nothing is under way any more."""

        def look() -> Json | None:
            story = self.timeline(uid)
            return story if all(d["state"] in SETTLED for d in deliveries(story)) else None

        return until(look, f"booking {uid} to be settled")


def started(line: str) -> Json | None:
    """The log line that says that a program is ready."""
    if not line.startswith("{"):
        return None
    told: Json = msgspec.json.decode(line)
    return told if told.get("event") == "started" else None


def assert_nothing_private(lines: Iterable[str], private: Iterable[str]) -> None:
    """None of the lines says what nobody may read."""
    words = (*PATTERNS_OF_PRIVATE, *private)
    for line in lines:
        assert not any(word in line for word in words), line


def notifications(story: Json) -> list[Json]:
    """What was, or was not, said about a booking."""
    return [told for event in story["events"] for told in event["notifications"]]


def deliveries(story: Json) -> list[Json]:
    """What became of it on each phone."""
    return [one for told in notifications(story) for one in told["deliveries"]]


def states(story: Json) -> list[str]:
    """The states of all deliveries of a booking, sorted."""
    return sorted(one["state"] for one in deliveries(story))


class Meeting:
    """A booking of a guest with a host, the day after tomorrow, and the webhooks about it."""

    _numbers = count(1)

    def __init__(self, host: User, guest: User | None = None) -> None:
        self.uid = f"booking{next(self._numbers)}"
        self.host = payloads.organizer(id=host.id, email=host.email, name=host.name)
        self.guests = [
            payloads.attendee(guest.email, guest.name)
            if guest
            else payloads.attendee("stranger@example.net", "Stan Stranger")
        ]
        self.start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)

    def webhook(self, trigger: Any, **more: Any) -> Json:
        """A webhook of this booking: `trigger` is one of the functions of `payloads`."""
        fields = {
            "uid": self.uid,
            "organizer": self.host,
            "attendees": self.guests,
            "start": self.start,
            "end": self.start + timedelta(minutes=30),
            "sent_at": datetime.now(UTC),
            "title": f"Chat about {self.uid}",
        }
        envelope: Json = trigger(**{**fields, **more})
        return envelope
