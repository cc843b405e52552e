"""Whatever strangers send: no 5xx, no traceback, and nobody's secrets in a log."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from calbell.calcom.me import NotGood
from calbell.config import Secret, Settings
from calbell.store import keys, users
from calbell.store.connection import StoreUnavailable
from tests.api.desk import APP_PUSH, BOTH, GOOD, Desk, Said
from tests.api.test_routes import EVERY_METHOD, WHO_MAY, filled

ADMIN = "the-operators-own-token"
PRIVATE = ("PushToken", "cal_", "Ada", "@example.com", ADMIN, "secret", "Bearer")


class RefusingCalcom:
    """A Cal.com that knows nobody."""

    async def me(self, authorization: str) -> Any:
        return NotGood()


@pytest.fixture(scope="module")
def desk() -> Desk:
    chosen = Settings(
        admin_token=Secret(ADMIN),
        webhook_secrets=(Secret("secret"),),
        rate_limit_api_key=0,
        auth=BOTH,
    )
    return Desk(chosen, RefusingCalcom())


@pytest.fixture(scope="module")
def key(desk: Desk) -> str:
    return desk.user()


header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "token": values
        | st.just(GOOD["token"])
        | st.text().map(lambda t: f"ExponentPushToken[{t}]"),
        "platform": values | st.sampled_from(["IOS", "ANDROID"]),
        "deviceId": values,
        "event": values | st.just("BOOKING_CANCELLED"),
        "bookingUid": values,
        "id": values | st.integers(),
        "emails": values | st.lists(st.emails()),
        "timeZone": values,
        "userId": values | st.just(7),
        "role": values | st.just("admin"),
        "expiresOn": values | st.dates().map(str),
    },
)
bodies = st.binary(max_size=200) | fields | values
media_types = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/json;charset=",
        "text/plain",
        "multipart/form-data; boundary=x",
    ]
)
encodings = st.sampled_from(["identity", "gzip", "deflate", "br", "gzip, gzip", ""])
routes = st.sampled_from(sorted(WHO_MAY)) | st.builds(
    lambda method, path: f"{method} {path}",
    st.sampled_from(EVERY_METHOD),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map(lambda t: f"/{t}"),
)


def assert_harmless(said: Said, lines: list[Any]) -> None:
    assert said.status < 500, said
    assert b"Traceback" not in said.body
    logged = repr(lines)
    assert not any(word in logged for word in PRIVATE), logged


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=routes,
    body=bodies,
    credential=st.sampled_from(["user", "admin", "nobody"]),
    kind=media_types,
    encoding=encodings,
)
def test_every_body_gets_an_answer(
    desk: Desk, key: str, route: str, body: Any, credential: str, kind: str, encoding: str
) -> None:
    method, _, path = route.partition(" ")
    if path.startswith("/v1/users/{") and method == "DELETE":
        path = "/v1/users/999"
    sent = {"user": key, "admin": ADMIN, "nobody": None}[credential]
    raw = body if isinstance(body, bytes) else as_json(body)
    with capture_logs() as lines:
        said = desk.ask(
            method,
            filled(path),
            raw,
            key=sent,
            headers={"content-type": kind, "content-encoding": encoding},
        )
    assert_harmless(said, lines)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(sorted(WHO_MAY)),
    authorization=header_text
    | header_text.map(lambda t: f"Bearer {t}")
    | header_text.map(lambda t: f"Bearer cal_{t}")
    | header_text.map(lambda t: f"cal_{t}"),
    others=st.dictionaries(
        st.sampled_from(
            [
                "content-type",
                "content-encoding",
                "content-length",
                "x-forwarded-for",
                "x-cal-signature-256",
                "x-cal-client-id",
                "x-cal-secret-key",
                "cal-api-version",
                "origin",
                "cookie",
                "idempotency-key",
            ]
        ),
        header_text,
    ),
)
def test_no_odd_header_opens_or_breaks_anything(
    desk: Desk, route: str, authorization: str, others: dict[str, str]
) -> None:
    method, path = route.split()
    headers = {**others, "authorization": authorization}
    with capture_logs() as lines:
        said = desk.ask(method, filled(path), as_json(GOOD), headers=headers)
    assert_harmless(said, lines)
    if "nobody" not in WHO_MAY[route]:
        assert said.status in (400, 401, 403, 413, 415), said


def test_a_failure_within_is_500_without_a_word_about_it(
    desk: Desk, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("ExponentPushToken[secret] of ada@example.com")

    monkeypatch.setattr(users, "find", broken)
    with capture_logs() as lines:
        said = desk.ask("GET", "/v2/me", key=key)
    assert (said.status, said.body) == (
        500,
        b'{"statusCode":500,"message":"Internal server error"}',
    )
    assert "x-request-id" not in said.headers
    assert said.headers["access-control-allow-origin"] == "*"
    (line,) = lines
    assert line["event"] == "request_failed"
    assert not any(word in repr(line) for word in PRIVATE)


def test_while_the_database_is_down_each_kind_of_path_says_so_in_its_way(
    desk: Desk, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise StoreUnavailable("gone")

    for module, name in ((users, "find"), (users, "listed"), (keys, "find")):
        monkeypatch.setattr(module, name, down)
    for sent in (key, "cal_never-seen"):
        said = desk.ask("GET", "/v2/me", key=sent)
        assert said.status == 500
        assert said.json()["error"] == {
            "code": "INTERNAL_SERVER_ERROR",
            "message": "There was an error, please try again later.",
        }
    said = desk.ask("GET", "/v1/users", key=ADMIN)
    assert (said.status, said.json()["error"]["code"]) == (503, "ServiceUnavailableException")


def test_a_post_without_length_or_body_is_an_empty_object(desk: Desk, key: str) -> None:
    assert desk.ask("POST", APP_PUSH, key=key).message == "Bad Request Exception"
