"""A service full of secrets that is asked, and the promises that every answer is held to."""

import asyncio
import json
import re
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.types import Message, Scope
from structlog.testing import capture_logs

from calbell.calcom.me import Asked as Answered
from calbell.calcom.me import CalcomUser, NotGood
from calbell.calcom.signature import sign
from calbell.config import Secret, Settings
from calbell.flows.grant import key_hash
from calbell.store import migrate, sources, users
from calbell.store.sqlite import SqliteConnection
from tests.api.desk import APP_PUSH, BOTH, NOON, Desk, Said
from tests.api.test_routes import EVERYBODY, WHO_MAY
from tests.fuzz.asked import WEBHOOKS, Asked
from tests.payloads import body, created

ADMIN: Final = "canary-operators-token"
SECRET: Final = "canary-webhook-secret"
SOURCE_SECRET: Final = "canary-source-secret"
OLD_SECRET: Final = "canary-older-secret"
EXPO: Final = "canary-expo-access-token"
CALCOM: Final = "canary-calcom-token"
PHONE: Final = "ExponentPushToken[canary-of-a-phone]"
NAME: Final = "Zacharias Canary"
ADDRESS: Final = "zacharias@canary.example"
SOURCE_PATH: Final = "the-path"

PRIVATE: Final = (ADMIN, SECRET, SOURCE_SECRET, OLD_SECRET, EXPO, CALCOM, PHONE)
PERSONAL: Final = (NAME, ADDRESS)
LOGS_NEVER: Final = (
    *PRIVATE,
    *PERSONAL,
    "PushToken",
    "@example.com",
    "Ada Host",
    "Bob Guest",
    "Bearer",
)
KEY: Final = re.compile(r"cal_[0-9a-f]{32}")
INSIDE: Final = re.compile(
    rb"Traceback|site-packages|/src/calbell|psycopg|object at 0x|\bsqlite3\."
)
HEADER: Final = re.compile(r"[\x20-\x7e\x80-\xff]*")

OPEN_PAGES: Final = ("/login", "/style.css", "/live.js", "/icon.svg")
CONSOLE_SIGNS_IN: Final = "calbell_console"


class OneOfCalcom:
    """A Cal.com that knows one user."""

    async def me(self, authorization: str) -> Answered:
        if authorization.removeprefix("Bearer ") != CALCOM:
            return NotGood()
        return CalcomUser(
            id=9,
            email="nine@example.com",
            name="Nine",
            username="nine",
            time_zone="Europe/Paris",
            locale="fr",
            time_format=24,
            organization_id=None,
        )


class Broken(AssertionError):
    """A promise was not kept."""


class World:
    """The application with users, phones, keys, a source and a booking; what was answered."""

    def __init__(self) -> None:
        self.tally = Counter[tuple[str, int]]()
        self._connection = SqliteConnection(":memory:")
        migrate.migrate(self._connection, NOON)
        settings = Settings(
            admin_token=Secret(ADMIN),
            webhook_secrets=(Secret(SECRET),),
            expo_access_token=Secret(EXPO),
            rate_limit_api_key=0,
            auth=BOTH,
        )
        self._desk = Desk(settings, OneOfCalcom(), self._connection)
        self._runner = asyncio.Runner()
        self._credentials = {
            "nobody": None,
            "stranger": "cal_0123456789abcdef0123456789abcdef",
            "calcom": CALCOM,
            "token": ADMIN,
            "user": self._desk.user(7),
            "other": self._desk.user(8, name=NAME, addresses=(ADDRESS,)),
            **{role: self._desk.key(role=role) for role in ("events", "support", "admin")},
        }
        keys = [key for key in self._credentials.values() if key is not None and key != ADMIN]
        self._private = tuple(
            {*PRIVATE, *keys, *(key_hash(key) for key in keys if key != CALCOM)}
            - {self._credentials["stranger"]}
        )
        self._source()
        with capture_logs():
            self._furnish()
        self._cookie = self._form_key = ""
        self._changes = -1
        self._kept: dict[str, object] = {}
        self._look()

    def close(self) -> None:
        """Nothing is asked any more."""
        self._runner.close()
        self._connection.close()

    def ask(self, asked: Asked) -> None:
        """The request is answered as it must be, else `Broken` says what was not."""
        self._desk.later(seconds=asked.seconds)
        with capture_logs() as lines:
            if _is_console(asked) and asked.who in ("token", "admin"):
                self._log_in()
            said = self._runner.run(self._answer(asked))
        if said is None:
            _require(asked.leaves, "no answer")
            self.tally[asked.route, 0] += 1
        else:
            self.tally[asked.route, said.status] += 1
            self._judge(asked, said)
        logged = repr(lines)
        for word in (*self._private, *LOGS_NEVER):
            _require(word not in logged, f"{word!r} in the log: {logged}")
        _require(KEY.search(logged) is None, f"a key in the log: {logged}")
        _require("request_failed" not in logged, logged)
        self._compare(asked, said)

    # What it is made of

    def _source(self) -> None:
        id_ = self._desk.run(self._new_source)
        self._desk.run(sources.rotate, id_, SOURCE_SECRET, NOON + timedelta(days=365))

    @staticmethod
    def _new_source(connection: SqliteConnection) -> int:
        return sources.create(connection, path=SOURCE_PATH, secret=OLD_SECRET, scope="user")

    def _furnish(self) -> None:
        said = self._desk.ask(
            "POST",
            APP_PUSH,
            {"token": PHONE, "platform": "IOS", "deviceId": "d"},
            key=self._credentials["other"],
        )
        assert said.status == 201, said
        booked = body(created(uid="bk1"))
        signature = {"x-cal-signature-256": sign(booked, SECRET)}
        assert self._desk.ask("POST", "/webhooks/cal", booked, headers=signature).status == 200

    def _log_in(self) -> None:
        """There is a session, and the key of its forms."""
        for _ in range(2):
            page = self._console("GET", "/console/people", b"")
            if page.status == 200:
                found = re.search(r'name="form_key" value="([^"]+)"', page.body.decode())
                assert found is not None
                self._form_key = found[1]
                return
            self._desk.later(seconds=61)
            entered = self._console("POST", "/console/login", f"token={ADMIN}".encode())
            assert entered.status == 303, entered
            morsel = SimpleCookie(entered.headers["set-cookie"])[CONSOLE_SIGNS_IN]
            self._cookie = morsel.value
        raise AssertionError("nobody can log in")

    def _console(self, method: str, path: str, sent: bytes) -> Said:
        headers = [
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"cookie", f"{CONSOLE_SIGNS_IN}={self._cookie}".encode()),
        ]
        return self._runner.run(self._desk.raw(method, path, sent, headers))

    # What is asked

    def _headers(self, asked: Asked, sent: bytes) -> list[tuple[bytes, bytes]]:
        """Those that say who asks come first: of one that comes twice, the first counts."""
        headers: list[tuple[str, str]] = []
        if _is_console(asked):
            if asked.who in ("token", "admin"):
                headers.append(("cookie", f"{CONSOLE_SIGNS_IN}={self._cookie}"))
        elif (credential := self._credentials[asked.who]) is not None:
            headers.append(("authorization", f"Bearer {credential}"))
        else:
            headers.append(("authorization", ""))
        signature = {
            "well": sign(sent, SOURCE_SECRET if _is_source(asked) else SECRET),
            "with another": sign(sent, "another"),
            "with the old": sign(sent, OLD_SECRET),
            "badly": sign(sent + b" ", SECRET),
        }.get(asked.signed, "")
        headers.append(("x-cal-signature-256", signature))
        return [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in (*headers, *asked.headers)
        ]

    def _sent(self, asked: Asked) -> bytes:
        of_page = asked.method == "POST" and _is_console(asked)
        if of_page and asked.form_key and asked.who in ("token", "admin"):
            return b"form_key=" + self._form_key.encode() + b"&" + asked.body
        return asked.body

    async def _answer(self, asked: Asked) -> Said | None:
        """`None` where the client was gone before there was an answer."""
        sent = self._sent(asked)
        size = max(len(sent) // asked.pieces, 1)
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)] or [b""]
        path = asked.path.encode("utf-8", "replace")
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": asked.method,
            # As uvicorn reads it.
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": asked.query.encode("latin-1", "replace"),
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "headers": self._headers(asked, sent),
            "client": ("192.0.2.1", 1234),
            "server": ("192.0.2.2", 80),
        }
        messages: list[Message] = []

        async def receive() -> Message:
            if asked.leaves or not pieces:
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            messages.append(message)

        await self._desk.app(scope, receive, send)
        if not messages:
            return None
        headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in messages[0]["headers"]}
        text = b"".join(message.get("body", b"") for message in messages[1:])
        return Said(messages[0]["status"], headers, text)

    # What must hold

    def _judge(self, asked: Asked, said: Said) -> None:
        _require(said.status < 500, f"{said.status}: {said.body[:300]!r}")
        _require(INSIDE.search(said.body) is None, f"the inside is shown: {said.body[:500]!r}")
        for name, value in said.headers.items():
            _require(HEADER.fullmatch(name + value), f"the header {name!r}: {value!r}")
        length = said.headers.get("content-length")
        _require(length is None or int(length) == len(said.body), f"content-length {length}")
        self._require_silence(asked, said)
        if _is_console(asked):
            self._judge_page(asked, said)
            return
        if said.status >= 400:
            _require_envelope(said)
        _require("set-cookie" not in said.headers, "a cookie")
        self._judge_door(asked, said)

    def _require_silence(self, asked: Asked, said: Said) -> None:
        """No secret is told, but what the request itself named outside its headers."""
        named = asked.path.encode("utf-8", "replace") + asked.query.encode("latin-1", "replace")
        named += asked.body
        whole = said.body + repr(said.headers).encode()
        for secret in self._private:
            word = secret.encode()
            _require(word not in whole or word in named, f"{secret!r} is told")
        if asked.who not in ("other", "support", "admin", "token"):
            for person in PERSONAL:
                _require(person.encode() not in whole, f"{person!r} is told to {asked.who}")

    def _judge_page(self, asked: Asked, said: Said) -> None:
        below = asked.path.removeprefix("/console").rstrip("/")
        for name in ("content-security-policy", "x-content-type-options", "referrer-policy"):
            _require(name in said.headers, f"no {name}")
        _require(said.headers.get("cache-control") == "no-store", "it may be stored")
        if asked.who not in ("token", "admin"):
            shown = said.status == 200 or "form_key" in said.body.decode()
            _require(not shown or below in OPEN_PAGES, f"{asked.path} is shown to {asked.who}")

    def _judge_door(self, asked: Asked, said: Said) -> None:
        """Nobody enters who may not, and nothing that is signed well is refused."""
        method, _, route = asked.route.partition(" ")
        if asked.method not in (method, "HEAD" if method == "GET" else method):
            return
        if route in WEBHOOKS:
            source = _is_source(asked)
            own_path = asked.path.rstrip("/")
            well = asked.signed == "well" or (source and asked.signed == "with the old")
            known = own_path == "/webhooks/cal" or source
            right = {200, 413} if well and known else {401, 413}
            if not known:  # a path that leads elsewhere
                right |= {404}
            _require(said.status in right, f"{said.status}, signed {asked.signed}")
        elif (may := WHO_MAY.get(asked.route)) is not None and may != EVERYBODY:
            entered = said.status not in (400, 401, 403, 404, 413, 415)
            users = may | {"other", "calcom"} if "user" in may else may
            _require(not entered or asked.who in users, f"{asked.who} entered")
        if said.status < 300:
            self._judge_deed(asked.route, asked, said)

    def _judge_deed(self, route: str, asked: Asked, said: Said) -> None:
        """What was said to be done, is."""
        if asked.method == "HEAD":
            return
        match route:
            case "POST /webhooks/cal" | "POST /webhooks/cal/{source}":
                id_ = said.json()["data"]["eventId"]
                hash_ = sha256(asked.body).hexdigest()
                found = self._rows("select body_hash from events where public_id = ?", id_)
                _require(found == [(hash_,)], f"no event {id_}")
            case "POST /v1/events":
                id_ = said.json()["data"]["eventId"]
                _require(self._rows("select 1 from events where public_id = ?", id_), "no event")
            case "POST /v1/users":
                id_ = said.json()["data"]["id"]
                _require(self._rows("select 1 from users where id = ?", id_), "no user")
            case "DELETE /v1/users/{id}":
                id_ = int(unquote_to_bytes(asked.path.rstrip("/").rpartition("/")[2]))
                _require(self._desk.run(users.find, id_) is None, "a user")
            case "POST /v1/keys":
                hash_ = key_hash(said.json()["data"]["key"])
                _require(self._rows("select 1 from api_keys where hash = ?", hash_), "no key")
            case "POST /v2/notifications/subscriptions/app-push":
                id_ = said.json()["data"]["id"]
                user = {"user": 7, "other": 8, "calcom": 9}[asked.who]
                found = self._rows("select user_id from subscriptions where id = ?", id_)
                _require(found == [(user,)], f"no subscription {id_}")
            case _:
                pass

    # What is kept

    def _rows(self, sql: str, *values: object) -> list[Any]:
        return self._connection._raw.execute(sql, values).fetchall()

    def _look(self) -> None:
        """What is kept is known, but for what a refused request may change: that it came, and when
        a key was used."""
        tables = self._rows("select name from sqlite_master where type = 'table' order by name")
        self._kept = {
            name: self._rows(f"select {_COLUMNS.get(name, '*')} from {name}")
            for (name,) in tables
            if name != "refusals"
        }
        self._changes = self._connection._raw.total_changes

    def _compare(self, asked: Asked, said: Said | None) -> None:
        """Nothing has changed where nothing was to be done."""
        if self._connection._raw.total_changes == self._changes:
            return
        before = self._kept
        self._look()
        refused = said is None or said.status >= 400 or asked.method in ("GET", "HEAD", "OPTIONS")
        if _is_console(asked):
            refused |= not asked.form_key or asked.who not in ("token", "admin")
        if refused:
            # Whoever shows a good token of Cal.com's is known from then on, whatever he asks for.
            may = {"users", "addresses"} if asked.who == "calcom" else set()
            changed = {name for name in self._kept if before.get(name) != self._kept[name]}
            _require(changed <= may, f"{said and said.status}, but {sorted(changed)} changed")


_COLUMNS: Final = {
    "api_keys": "id, user_id, role, hash, hint, name, created_at, expires_on, revoked_at"
}


def _is_source(asked: Asked) -> bool:
    return asked.path.rstrip("/") == f"/webhooks/cal/{SOURCE_PATH}"


def _is_console(asked: Asked) -> bool:
    # A line break leads elsewhere, to what there is not.
    return asked.path.startswith("/console") and "%0a" not in asked.path


def _require(fine: object, what: str) -> None:
    if not fine:
        raise Broken(what)


def _require_envelope(said: Said) -> None:
    """The two forms that errors have."""
    with suppress(ValueError):
        error: Any = json.loads(said.body)
        match error:
            case {"statusCode": int(status), "message": str()} if status == said.status:
                return
            case {
                "status": "error",
                "timestamp": str(),
                "path": str(),
                "error": {"code": str(), "message": str() | list()},
            }:
                return
            case _:
                pass
    raise Broken(f"not the envelope: {said.status} {said.body[:300]!r}")
