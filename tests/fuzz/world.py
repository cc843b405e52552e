"""A service full of secrets that is asked, and what it keeps."""

import asyncio
import re
from collections import Counter
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
from calbell.console.desk import COOKIE
from calbell.flows.grant import key_hash
from calbell.store import migrate, sources, users
from calbell.store.sqlite import SqliteConnection
from tests.api.desk import APP_PUSH, BOTH, NOON, Desk, Said
from tests.fuzz.asked import Asked
from tests.fuzz.promises import (
    ADDRESS,
    ADMIN,
    CALCOM,
    EXPO,
    NAME,
    OLD_SECRET,
    OTHER_PHONE,
    PHONE,
    PRIVATE,
    SECRET,
    SOURCE_PATH,
    SOURCE_SECRET,
    check_answer,
    check_log,
    is_console,
    is_in_session,
    is_route,
    is_source,
    require,
)
from tests.payloads import body, created


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
            if is_console(asked) and is_in_session(asked):
                self._log_in()
            said = self._runner.run(self._answer(asked))
        if said is None:
            require(asked.leaves, "no answer")
            self.tally[asked.route, 0] += 1
        else:
            self.tally[asked.route, said.status] += 1
            check_answer(asked, said, self._private)
            if said.status < 300 and is_route(asked) and asked.method != "HEAD":
                self._check_deed(asked, said)
        check_log(lines, self._private)
        self._compare(asked, said)

    # What it is made of

    def _source(self) -> None:
        id_ = self._desk.run(self._new_source)
        self._desk.run(sources.rotate, id_, SOURCE_SECRET, NOON + timedelta(days=365))

    @staticmethod
    def _new_source(connection: SqliteConnection) -> int:
        return sources.create(connection, path=SOURCE_PATH, secret=OLD_SECRET, scope="user")

    def _furnish(self) -> None:
        for who, token in (("user", PHONE), ("other", OTHER_PHONE)):
            phone = {"token": token, "platform": "IOS", "deviceId": "d"}
            said = self._desk.ask("POST", APP_PUSH, phone, key=self._credentials[who])
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
            morsel = SimpleCookie(entered.headers["set-cookie"])[COOKIE]
            self._cookie = morsel.value
        raise AssertionError("nobody can log in")

    def _console(self, method: str, path: str, sent: bytes) -> Said:
        headers = [
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"cookie", f"{COOKIE}={self._cookie}".encode()),
        ]
        return self._runner.run(self._desk.raw(method, path, sent, headers))

    # What is asked

    def _headers(self, asked: Asked, sent: bytes) -> list[tuple[bytes, bytes]]:
        """Those that say who asks come first: of one that comes twice, the first counts."""
        headers: list[tuple[str, str]] = []
        if is_console(asked):
            if is_in_session(asked):
                headers.append(("cookie", f"{COOKIE}={self._cookie}"))
        elif (credential := self._credentials[asked.who]) is not None:
            headers.append(("authorization", f"Bearer {credential}"))
        else:
            headers.append(("authorization", ""))
        signature = {
            "well": sign(sent, SOURCE_SECRET if is_source(asked) else SECRET),
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
        of_page = asked.method == "POST" and is_console(asked)
        if of_page and asked.form_key and is_in_session(asked):
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

    def _check_deed(self, asked: Asked, said: Said) -> None:
        """What was said to be done, is."""
        match asked.route:
            case "POST /webhooks/cal" | "POST /webhooks/cal/{source}":
                id_ = said.json()["data"]["eventId"]
                hash_ = sha256(asked.body).hexdigest()
                found = self._rows("select body_hash from events where public_id = ?", id_)
                require(found == [(hash_,)], f"no event {id_}")
            case "POST /v1/events":
                id_ = said.json()["data"]["eventId"]
                require(self._rows("select 1 from events where public_id = ?", id_), "no event")
            case "POST /v1/users":
                id_ = said.json()["data"]["id"]
                require(self._rows("select 1 from users where id = ?", id_), "no user")
            case "DELETE /v1/users/{id}":
                id_ = int(unquote_to_bytes(asked.path.rstrip("/").rpartition("/")[2]))
                require(self._desk.run(users.find, id_) is None, "a user")
            case "POST /v1/keys":
                hash_ = key_hash(said.json()["data"]["key"])
                require(self._rows("select 1 from api_keys where hash = ?", hash_), "no key")
            case "POST /v2/notifications/subscriptions/app-push":
                id_ = said.json()["data"]["id"]
                user = {"user": 7, "other": 8, "calcom": 9}[asked.who]
                found = self._rows("select user_id from subscriptions where id = ?", id_)
                require(found == [(user,)], f"no subscription {id_}")
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
        if is_console(asked):
            refused |= not asked.form_key or not is_in_session(asked)
        if refused:
            # Whoever shows a good token of Cal.com's is known from then on, whatever he asks for.
            may = {"users", "addresses"} if asked.who == "calcom" else set()
            changed = {name for name in self._kept if before.get(name) != self._kept[name]}
            require(changed <= may, f"{said and said.status}, but {sorted(changed)} changed")


_COLUMNS: Final = {
    "api_keys": "id, user_id, role, hash, hint, name, created_at, expires_on, revoked_at"
}
