"""The promises that every answer and every log line is held to, whatever was asked."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from tests.api.desk import Said
from tests.api.test_routes import EVERYBODY, WHO_MAY
from tests.fuzz.asked import WEBHOOKS, Asked

ADMIN: Final = "canary-operators-token"
SECRET: Final = "canary-webhook-secret"
SOURCE_SECRET: Final = "canary-source-secret"
OLD_SECRET: Final = "canary-older-secret"
EXPO: Final = "canary-expo-access-token"
CALCOM: Final = "canary-calcom-token"
PHONE: Final = "ExponentPushToken[canary-of-a-phone]"
OTHER_PHONE: Final = "ExponentPushToken[canary-of-the-others-phone]"
NAME: Final = "Zacharias Canary"
ADDRESS: Final = "zacharias@canary.example"
SOURCE_PATH: Final = "the-path"

PRIVATE: Final = (ADMIN, SECRET, SOURCE_SECRET, OLD_SECRET, EXPO, CALCOM, PHONE, OTHER_PHONE)
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


class Broken(AssertionError):
    """A promise was not kept."""


def check_answer(asked: Asked, said: Said, private: Iterable[str]) -> None:
    """The answer has a form that it may have, comes to whom it may, and tells nothing `private`."""
    require(said.status < 500, f"{said.status}: {said.body[:300]!r}")
    require(INSIDE.search(said.body) is None, f"the inside is shown: {said.body[:500]!r}")
    for name, value in said.headers.items():
        require(HEADER.fullmatch(name + value), f"the header {name!r}: {value!r}")
    length = said.headers.get("content-length")
    require(length is None or int(length) == len(said.body), f"content-length {length}")
    _check_silence(asked, said, private)
    if is_console(asked):
        _check_page(asked, said)
        return
    if said.status >= 400:
        _check_envelope(said)
    require("set-cookie" not in said.headers, "a cookie")
    if is_route(asked):
        _check_door(asked, said)


def check_log(lines: object, private: Iterable[str]) -> None:
    """The lines name nobody and hold nothing that opens anything; nothing failed within."""
    logged = repr(lines)
    for word in (*private, *LOGS_NEVER):
        require(word not in logged, f"{word!r} in the log: {logged}")
    require(KEY.search(logged) is None, f"a key in the log: {logged}")
    require("request_failed" not in logged, logged)


def _check_silence(asked: Asked, said: Said, private: Iterable[str]) -> None:
    """No secret is told, but what the request itself named outside its headers."""
    named = asked.path.encode("utf-8", "replace") + asked.query.encode("latin-1", "replace")
    named += asked.body
    whole = said.body + repr(said.headers).encode()
    for secret in private:
        word = secret.encode()
        require(word not in whole or word in named, f"{secret!r} is told")
    if asked.who not in ("other", "support", "admin", "token"):
        for person in PERSONAL:
            require(person.encode() not in whole, f"{person!r} is told to {asked.who}")


def _check_page(asked: Asked, said: Said) -> None:
    """Pages are fenced, and shown to those in a session alone."""
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy"):
        require(name in said.headers, f"no {name}")
    require(said.headers.get("cache-control") == "no-store", "it may be stored")
    if is_in_session(asked):
        is_act = asked.route.startswith("POST /console") and asked.method == "POST"
        if is_act and not asked.form_key and asked.route != "POST /console/login":
            require(said.status >= 400, f"{said.status} without the form's key")
    else:
        below = asked.path.removeprefix("/console").rstrip("/")
        shown = said.status == 200 or b"form_key" in said.body
        require(not shown or below in OPEN_PAGES, f"{asked.path} is shown to {asked.who}")


def _check_door(asked: Asked, said: Said) -> None:
    """Nobody enters who may not, and nothing that is signed well is refused."""
    route = asked.route.partition(" ")[2]
    if route in WEBHOOKS:
        source = is_source(asked)
        well = asked.signed == "well" or (source and asked.signed == "with the old")
        known = source or asked.path.rstrip("/") == "/webhooks/cal"
        right = {200, 413} if well and known else {401, 413}
        if not known:  # a path that leads elsewhere
            right |= {404}
        require(said.status in right, f"{said.status}, signed {asked.signed}")
    elif (may := WHO_MAY.get(asked.route)) is not None and may != EVERYBODY:
        entered = said.status not in (400, 401, 403, 404, 413, 415)
        users = may | {"other", "calcom"} if "user" in may else may
        require(not entered or asked.who in users, f"{asked.who} entered")


def is_route(asked: Asked) -> bool:
    """Whether it goes to its route, and not to another method of the path."""
    method = asked.route.partition(" ")[0]
    return asked.method in (method, "HEAD" if method == "GET" else method)


def is_source(asked: Asked) -> bool:
    """Whether it goes to the path of the source that there is."""
    return asked.path.rstrip("/") == f"/webhooks/cal/{SOURCE_PATH}"


def is_in_session(asked: Asked) -> bool:
    """Whether a page of the console is asked for with a session."""
    return asked.who in ("token", "admin")


def is_console(asked: Asked) -> bool:
    """Whether it goes to the operator's pages."""
    # A line break leads elsewhere, to what there is not.
    return asked.path.startswith("/console") and "%0a" not in asked.path


def require(fine: object, what: str) -> None:
    """`Broken`, unless it is fine."""
    if not fine:
        raise Broken(what)


def _check_envelope(said: Said) -> None:
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
