"""Visits to the operator's pages without a server, which look at what no page may show."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlencode

from msgspec import Struct
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message
from typing_extensions import override

from calbell.choices import app_of
from calbell.config import Settings
from calbell.console.means import Means
from calbell.console.pages import Console
from calbell.flows.receive import incoming_webhook
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import take_in_many
from calbell.store.database import Database, run_once
from calbell.store.sqlite import SqliteConnection
from tests.payloads import body

T = TypeVar("T")

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TOKEN = "operators-token-4711"
IPHONE = "ExponentPushToken[iphoneOfAda]"
ANDROID = "ExponentPushToken[androidOfAda]"
TICKET = "01900000-aaaa-bbbb-cccc-0123456789ab"
NEVER_SHOWN = (
    TOKEN,
    "ExponentPushToken",
    "phoneOfAda",
    "androidOfAda",
    "@example.com",
    "Ada Host",
    "Bob Guest",
    "0123456789ab",
)


NAMED_WHERE_ASKED = ("ExponentPushToken", "@example.com", "Ada Host", "Bob Guest")
NAMES_PEOPLE = ("/people", "/person", "/event/reveal")
"""Pages that say whom they are about, and tokens masked."""


class Time:
    """A clock that the tests set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Answer(Struct):
    """What a browser is given. `headers` are as they came, names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str:
        """The header's one value; empty without one."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def words(self) -> str:
        """What a reader sees."""
        lines = re.sub(r"</?(a|code|strong|time)\b[^>]*>", "", self.text)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", lines)).split())


class Browser:
    """Asks an ASGI application for pages, keeps cookies, and looks at what no page may show."""

    def __init__(self, app: ASGIApp, mounted_at: str = "/console", scheme: str = "http") -> None:
        self.app = app
        self.mounted_at = mounted_at
        self.scheme = scheme
        self.cookies: dict[str, str] = {}

    def get(self, path: str = "/", query: str = "") -> Answer:
        return self.ask("GET", path, query=query)

    def post(
        self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        own = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        return self.ask("POST", path, urlencode(form).encode(), headers=own | dict(headers or {}))

    def log_in(self, token: str = TOKEN) -> Answer:
        return self.post("/login", {"token": token})

    def ask(
        self,
        method: str,
        path: str,
        sent: bytes = b"",
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        may_name: bool = False,
    ) -> Answer:
        """`path` is below the place where the console is mounted."""
        all_headers = {"host": "push.example.org", **(headers or {})}
        if self.cookies:
            all_headers["cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "scheme": self.scheme,
            "path": self.mounted_at + path,
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in all_headers.items()],
        }
        answer = asyncio.run(_answer(self.app, scope, sent))
        for kept in SimpleCookie(answer.header("set-cookie")).values():
            self.cookies[kept.key] = kept.value
        for secret in NEVER_SHOWN:
            named = secret in NAMED_WHERE_ASKED and (may_name or path in NAMES_PEOPLE)
            assert named or secret not in answer.text
        return answer


async def _answer(app: ASGIApp, scope: dict[str, Any], sent: bytes) -> Answer:
    said = list[Message]()
    pieces = [sent[at : at + 4096] for at in range(0, len(sent), 4096)] or [b""]

    async def receive() -> Message:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    headers = [(name.decode(), value.decode()) for name, value in said[0]["headers"]]
    text = b"".join(message.get("body", b"") for message in said[1:]).decode()
    return Answer(said[0]["status"], headers, text)


class Tags(HTMLParser):
    """Every opening tag of a page with its attributes, and whether all were closed in order."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.all if name == tag]


def mounted(console: Console, at: str = "/console") -> ASGIApp:
    return Starlette(routes=[Mount(at, console.app)])


def means_of(database: Database, time: Time, wakes: list[bool] | None = None) -> Means:
    return Means(
        database=database,
        clock=time,
        chance=Random(5),
        policy=Policy(),
        app=app_of(Settings()),
        wake=lambda: None if wakes is None else wakes.append(True),
        hears_all=True,
    )


def take_in(connection: SqliteConnection, envelope: object, now: datetime = NOON) -> None:
    incoming = incoming_webhook(body(envelope), now)
    run_once(connection, take_in_many, [incoming], Policy(), now, Random(incoming.key))


def form_key(page: Answer) -> str:
    (key,) = {f["value"] for f in Tags(page.text).of("input") if f["name"] == "form_key"}
    assert key
    return key


def event_of(browser: Browser) -> str:
    """The id of the newest event, as the page of events leads to it."""
    links = [str(a["href"]) for a in Tags(browser.get("/events").text).of("a")]
    return next(link for link in links if "/event?id=" in link).partition("=")[2]
