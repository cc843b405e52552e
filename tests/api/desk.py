"""The API without a server: requests are put to the application itself, time is turned by hand."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

import msgspec
from starlette.types import Message, Scope

from calbell.calcom.me import Asked, CannotTell
from calbell.config import AuthMethod, Settings
from calbell.expo.transport import NotTransmitted, Reply
from calbell.flows.grant import grant
from calbell.flows.identify import CalcomUsers
from calbell.store import migrate, users
from calbell.store.connection import Connection
from calbell.store.database import InlineDatabase, run_once
from calbell.store.sqlite import SqliteEngine
from calbell.store.users import Profile
from calbell.telemetry import Metrics
from calbell.wiring import application, assemble

T = TypeVar("T")

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
APP_PUSH = "/v2/notifications/subscriptions/app-push"
TOKEN = "ExponentPushToken[aaaaaaaaaaaaaaaaaaaaaa]"
GOOD = {"token": TOKEN, "platform": "IOS", "deviceId": "d1"}


class Said(NamedTuple):
    """An answer; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """What an error says."""
        message: str = self.json()["error"]["message"]
        return message


class NoExpo:
    """Nothing leaves this desk."""

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        raise NotTransmitted

    async def close(self) -> None:
        pass


class NoCalcom:
    """A Cal.com that must not be asked."""

    async def me(self, authorization: str) -> Asked:
        raise AssertionError("Cal.com was asked")


class SilentCalcom:
    """A Cal.com that does not answer; how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def me(self, authorization: str) -> Asked:
        self.asked += 1
        return CannotTell("timeout")


BOTH = (AuthMethod.KEYS, AuthMethod.CALCOM)


class Desk:
    """The application with a database of its own. `now` is the time until it is turned."""

    def __init__(
        self,
        settings: Settings | None = None,
        calcom: CalcomUsers | None = None,
        connection: Connection | None = None,
    ) -> None:
        engine = SqliteEngine(":memory:")
        self.now = NOON
        self.chance = Random(1)
        self.connection = connection or engine.connect()
        if connection is None:
            migrate.migrate(self.connection, self.now)
        database = InlineDatabase(self.connection)
        chosen = settings or Settings()
        metrics = Metrics()
        self.parts = assemble(chosen, database, NoExpo(), self.clock, self.chance, metrics, lanes=1)
        self.app = application(
            chosen,
            database,
            calcom or NoCalcom(),
            self.parts,
            self.clock,
            self.chance,
            metrics,
        )

    def clock(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        """Time passes."""
        self.now += timedelta(**span)

    def run(self, unit: Callable[..., T], *arguments: Any) -> T:
        """One unit of work."""
        return run_once(self.connection, unit, *arguments)

    def user(self, id_: int = 7, **changes: Any) -> str:
        """A key of a user who is kept."""
        profile = Profile(
            id=id_,
            name=changes.get("name", "Ada"),
            username=changes.get("username"),
            time_zone=changes.get("time_zone", "Europe/Berlin"),
            locale="en",
            time_format=24,
            source=users.FROM_OPERATOR,
            addresses=changes.get("addresses", (f"user{id_}@example.com",)),
            created_at=self.now,
        )
        self.run(users.save, profile, self.now)
        return self.key(id_)

    def key(
        self, user_id: int | None = None, *, role: str | None = None, expires_on: date | None = None
    ) -> str:
        """A new key."""
        return self.run(grant, user_id, role, "", expires_on, self.now, self.chance).key

    def ask(
        self,
        method: str,
        path: str,
        value: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        address: str = "192.0.2.1",
    ) -> Said:
        """The answer to a request with a JSON body, or with bytes as they are."""
        return asyncio.run(
            self.asking(method, path, value, key=key, headers=headers, address=address)
        )

    def together(self, *questions: Coroutine[Any, Any, Said]) -> list[Said]:
        """The answers to several requests that are under way at the same time."""

        async def gathered() -> list[Said]:
            return await asyncio.gather(*questions)

        return asyncio.run(gathered())

    async def asking(
        self,
        method: str,
        path: str,
        value: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        address: str = "192.0.2.1",
    ) -> Said:
        """The same where a loop runs already."""
        sent = {name.lower(): text for name, text in (headers or {}).items()}
        body = value if isinstance(value, bytes) or value is None else msgspec.json.encode(value)
        if body is not None:
            sent.setdefault("content-type", "application/json")
            sent.setdefault("content-length", str(len(body)))
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in sent.items()]
        return await self.raw(method, path, body or b"", raw, address=address)

    async def raw(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: list[tuple[bytes, bytes]],
        *,
        address: str = "192.0.2.1",
    ) -> Said:
        """The answer to a request with exactly these headers."""
        bare, _, query = path.partition("?")
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": unquote(bare),
            "raw_path": bare.encode(),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "headers": headers,
            "client": (address, 1234),
        }
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        told = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in messages[0]["headers"]
        }
        return Said(messages[0]["status"], told, b"".join(m.get("body", b"") for m in messages[1:]))
