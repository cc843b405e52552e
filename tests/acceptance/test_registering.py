"""Phones register and are removed as at Cal.com (cal-api.md sections 2 to 7 and 13)."""

import json
import re
from typing import Any

import pytest

from tests.acceptance.programs import Reply
from tests.acceptance.stand import APP_PUSH, Json, Stand, User

TOKEN = "ExponentPushToken[aaaaaaaaaaaaaaaaaaaaaa]"
OTHER = "ExponentPushToken[bbbbbbbbbbbbbbbbbbbbbb]"
MATCHES = {"matches": "token must be a valid Expo Push Token (ExponentPushToken[...])"}
NOT_EMPTY = {"isNotEmpty": "token should not be empty"}
TEXT = {"isString": "token must be a string"}
ENUM = {"isEnum": "platform must be one of the following values: IOS, ANDROID"}
DEVICE_NOT_EMPTY = {"isNotEmpty": "deviceId should not be empty"}
DEVICE_TEXT = {"isString": "deviceId must be a string"}
ALL = {
    "token": MATCHES | NOT_EMPTY | TEXT,
    "platform": ENUM,
    "deviceId": DEVICE_NOT_EMPTY | DEVICE_TEXT,
}
TIME = re.compile(rb'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"')


@pytest.fixture
def user(stand: Stand) -> User:
    return stand.database.user()


def good(**changes: Any) -> Json:
    return {"token": TOKEN, "platform": "IOS", "deviceId": "d1", **changes}


def untimed(body: bytes) -> bytes:
    """The body with all its times alike."""
    return TIME.sub(b'"T"', body)


def complaints(reply: Reply) -> dict[str, dict[str, str]]:
    """The rules that each property broke, in their order."""
    assert reply.status == 400, reply
    error = reply.json()["error"]
    assert (error["code"], error["message"]) == ("BadRequestException", "Bad Request Exception")
    return {entry["property"]: entry["constraints"] for entry in error["details"]["errors"]}


def test_a_first_registration_is_answered_in_cal_coms_words(stand: Stand, user: User) -> None:
    reply = stand.ask("POST", APP_PUSH, good(), key=user.key)
    assert reply.status == 201
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", reply.headers["x-request-id"])
    id_ = reply.json()["data"]["id"]
    assert isinstance(id_, int)
    assert (
        untimed(reply.body)
        == (
            f'{{"status":"success","data":{{"id":{id_},"userId":{user.id},"type":"APP_PUSH",'
            f'"platform":"IOS","identifier":"{TOKEN}","deviceId":"d1",'
            '"createdAt":"T","updatedAt":"T"}}'
        ).encode()
    )


def test_registering_again_keeps_id_and_time_of_creation(stand: Stand, user: User) -> None:
    first = stand.ask("POST", APP_PUSH, good(), key=user.key).json()["data"]
    reply = stand.ask("POST", APP_PUSH, good(platform="ANDROID", deviceId="d2"), key=user.key)
    assert reply.status == 201
    again = reply.json()["data"]
    assert again["updatedAt"] >= first["updatedAt"]
    changed = {"platform": "ANDROID", "deviceId": "d2", "updatedAt": again["updatedAt"]}
    assert again == first | changed


def test_a_removed_phone_is_not_there_to_be_removed_again(stand: Stand, user: User) -> None:
    stand.ask("POST", APP_PUSH, good(), key=user.key)
    reply = stand.ask("DELETE", APP_PUSH, {"token": TOKEN}, key=user.key)
    assert reply.status == 200
    assert reply.body == (
        b'{"status":"success","message":"App push subscription removed successfully"}'
    )
    reply = stand.ask("DELETE", APP_PUSH, {"token": TOKEN}, key=user.key)
    assert reply.status == 404
    said = "App push subscription not found for the given token"
    assert (
        untimed(reply.body)
        == (
            f'{{"status":"error","timestamp":"T","path":"{APP_PUSH}","error":{{"code":'
            f'"NotFoundException","message":"{said}","details":{{"message":"{said}",'
            '"error":"Not Found","statusCode":404}}}'
        ).encode()
    )


def test_one_user_never_removes_anothers_phone(stand: Stand, user: User) -> None:
    other = stand.database.user()
    mine = stand.register(user, TOKEN)
    theirs = stand.register(other, TOKEN)
    assert theirs["id"] != mine["id"]
    assert stand.ask("DELETE", APP_PUSH, {"token": TOKEN}, key=other.key).status == 200
    assert stand.ask("DELETE", APP_PUSH, {"token": TOKEN}, key=other.key).status == 404
    assert stand.ask("DELETE", APP_PUSH, {"token": TOKEN}, key=user.key).status == 200


def test_an_empty_object_breaks_every_rule_byte_for_byte(stand: Stand, user: User) -> None:
    reply = stand.ask("POST", APP_PUSH, {}, key=user.key)
    assert reply.status == 400
    assert untimed(reply.body) == (
        b'{"status":"error","timestamp":"T","path":"/v2/notifications/subscriptions/app-push",'
        b'"error":{"code":"BadRequestException","message":"Bad Request Exception","details":'
        b'{"errors":[{"target":{},"property":"token","children":[],"constraints":{"matches":'
        b'"token must be a valid Expo Push Token (ExponentPushToken[...])","isNotEmpty":'
        b'"token should not be empty","isString":"token must be a string"}},{"target":{},'
        b'"property":"platform","children":[],"constraints":{"isEnum":'
        b'"platform must be one of the following values: IOS, ANDROID"}},{"target":{},'
        b'"property":"deviceId","children":[],"constraints":{"isNotEmpty":'
        b'"deviceId should not be empty","isString":"deviceId must be a string"}}]}}}'
    )


def test_a_wrong_token_is_said_with_its_target_byte_for_byte(stand: Stand, user: User) -> None:
    body = {"token": "abc", "platform": "IOS", "deviceId": "d", "foo": 1}
    reply = stand.ask("POST", APP_PUSH, body, key=user.key)
    assert reply.status == 400
    assert untimed(reply.body) == (
        b'{"status":"error","timestamp":"T","path":"/v2/notifications/subscriptions/app-push",'
        b'"error":{"code":"BadRequestException","message":"Bad Request Exception","details":'
        b'{"errors":[{"target":{"token":"abc","platform":"IOS","deviceId":"d"},"value":"abc",'
        b'"property":"token","children":[],"constraints":{"matches":'
        b'"token must be a valid Expo Push Token (ExponentPushToken[...])"}}]}}}'
    )


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"token": ""}, {"token": MATCHES | NOT_EMPTY}),
        ({"token": 123}, {"token": MATCHES | TEXT}),
        ({"token": [TOKEN]}, {"token": MATCHES | TEXT}),
        ({"token": None}, {"token": MATCHES | NOT_EMPTY | TEXT}),
        ({"token": "ExpoPushToken[x]"}, {"token": MATCHES}),
        ({"token": "ExponentPushToken[]"}, {"token": MATCHES}),
        ({"token": "ExponentPushToken[a]\n"}, {"token": MATCHES}),
        ({"token": "ExponentPushToken[a\rb]"}, {"token": MATCHES}),
        ({"token": "ExponentPushToken[a\u2028b]"}, {"token": MATCHES}),
        ({"platform": "ios"}, {"platform": ENUM}),
        ({"platform": ["IOS"]}, {"platform": ENUM}),
        ({"deviceId": ""}, {"deviceId": DEVICE_NOT_EMPTY}),
        ({"deviceId": 123}, {"deviceId": DEVICE_TEXT}),
        ({"token": "x", "platform": 1, "deviceId": None}, ALL | {"token": MATCHES}),
    ],
)
def test_each_wrong_value_is_said_with_all_rules_that_it_breaks(
    sqlite_stand: Stand, changes: Json, broken: dict[str, dict[str, str]]
) -> None:
    user = sqlite_stand.database.user()
    reply = sqlite_stand.ask("POST", APP_PUSH, good(**changes), key=user.key)
    found = complaints(reply)
    assert found == broken
    assert [list(rules) for rules in found.values()] == [list(r) for r in broken.values()]
    for entry in reply.json()["error"]["details"]["errors"]:
        assert list(entry) == ["target", "value", "property", "children", "constraints"]
        assert entry["value"] == changes[entry["property"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"foo": 1, "lastSeenAt": "x"},
        {"token": "ExponentPushToken[ ]"},
        {"token": "ExponentPushToken[a]b]"},
        {"deviceId": "  "},
        {"deviceId": "Zoës 📱"},
    ],
)
def test_what_cal_com_takes_is_taken_as_it_is(sqlite_stand: Stand, changes: Json) -> None:
    user = sqlite_stand.database.user()
    reply = sqlite_stand.ask("POST", f"{APP_PUSH}?x=1", good(**changes), key=user.key)
    assert reply.status == 201
    data = reply.json()["data"]
    assert data["identifier"] == changes.get("token", TOKEN)
    assert data["deviceId"] == changes.get("deviceId", "d1")
    assert data["deviceId"].encode() in reply.body


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (None, "application/json"),
        (b"", "application/json"),
        (b"token=x", "application/x-www-form-urlencoded"),
        (json.dumps(good()).encode(), "text/plain"),
        (json.dumps(good()).encode(), "application/vnd.api+json"),
        (b"[]", "application/json"),
    ],
)
def test_what_is_no_json_object_counts_as_empty(
    sqlite_stand: Stand, body: bytes | None, media_type: str
) -> None:
    user = sqlite_stand.database.user()
    headers = {"Content-Type": media_type}
    assert (
        complaints(sqlite_stand.ask("POST", APP_PUSH, body, key=user.key, headers=headers)) == ALL
    )


def test_a_token_in_the_url_is_no_token(sqlite_stand: Stand) -> None:
    user = sqlite_stand.database.user()
    path = f"{APP_PUSH}?token={TOKEN}"
    reply = sqlite_stand.ask("DELETE", path, key=user.key)
    assert complaints(reply) == {"token": ALL["token"]}
    assert reply.json()["path"] == path
    (entry,) = reply.json()["error"]["details"]["errors"]
    assert entry["target"] == {}
    assert "value" not in entry


@pytest.mark.parametrize("body", [b'{"token":', b"hello", b'"x"', b"null", b"{'a':1}", b"\xff"])
def test_malformed_json_is_400_before_anybody_asks_who_it_is(
    sqlite_stand: Stand, body: bytes
) -> None:
    reply = sqlite_stand.ask("POST", APP_PUSH, body)
    assert reply.status == 400
    error = reply.json()["error"]
    assert error["code"] == "BadRequestException"
    said = {"message": error["message"], "error": "Bad Request", "statusCode": 400}
    assert error["details"] == said


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_body_over_100_kilobytes_is_413_without_an_envelope(
    sqlite_stand: Stand, method: str
) -> None:
    reply = sqlite_stand.ask(method, APP_PUSH, b"x" * (102_400 + 1))
    assert reply.status == 413
    assert reply.body == b'{"statusCode":413,"message":"request entity too large"}'
    assert "x-request-id" not in reply.headers


def test_a_body_of_just_100_kilobytes_is_read(sqlite_stand: Stand) -> None:
    user = sqlite_stand.database.user()
    body = json.dumps(good()).encode()
    padded = body + b" " * (102_400 - len(body))
    assert sqlite_stand.ask("POST", APP_PUSH, padded, key=user.key).status == 201


@pytest.mark.parametrize("path", [f"{APP_PUSH}/", f"/api{APP_PUSH}", f"/api{APP_PUSH}/?a=b"])
def test_the_path_has_aliases(stand: Stand, user: User, path: str) -> None:
    assert stand.ask("POST", path, good(token=OTHER), key=user.key).status == 201
    assert stand.ask("DELETE", path, {"token": OTHER}, key=user.key).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
@pytest.mark.parametrize("path", [APP_PUSH, f"/api{APP_PUSH}", f"{APP_PUSH}?a=b"])
def test_a_method_that_there_is_not_is_404(sqlite_stand: Stand, method: str, path: str) -> None:
    reply = sqlite_stand.ask(method, path)
    said = f"Cannot {method} {path.removeprefix('/api')}"
    assert reply.status == 404
    assert reply.json()["error"] == {
        "code": "NotFoundException",
        "message": said,
        "details": {"message": said, "error": "Not Found", "statusCode": 404},
    }


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2", "/v1/nothing", "/nothing", "/"])
def test_a_path_that_there_is_not_is_404_in_the_envelope(sqlite_stand: Stand, path: str) -> None:
    reply = sqlite_stand.ask("GET", path)
    assert reply.status == 404
    assert reply.json()["path"] == path
    assert reply.json()["error"]["message"] == f"Cannot GET {path}"
