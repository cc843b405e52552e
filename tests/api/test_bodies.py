"""Bodies are read as Cal.com's parser reads them, before anything else (cal-api.md 2 and 7)."""

import asyncio
import gzip
import json
import zlib

import pytest

from calbell.api.requests import USER_BODY
from tests.api.desk import APP_PUSH, GOOD, TOKEN, Desk, Said

NOTHING_SENT = "ApiAuthStrategy - No authentication method provided."


@pytest.fixture
def desk() -> Desk:
    return Desk()


def post(desk: Desk, body: bytes, key: str | None = None, **headers: str) -> Said:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return desk.ask("POST", APP_PUSH, body, key=key, headers=named)


def sent(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}, ensure_ascii=False).encode()


@pytest.mark.parametrize("path", [APP_PUSH, "/v2/nothing", "/v2/me"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_malformed_json_is_the_first_thing_that_is_noticed(
    desk: Desk, method: str, path: str
) -> None:
    said = desk.ask(method, path, b'{"token":')
    assert said.status == 400
    assert said.headers["x-request-id"] == "unknown-request-id"
    assert said.headers["access-control-allow-origin"] == "*"
    assert "x-ratelimit-limit-default" not in said.headers
    words = "Unexpected end of JSON input"
    assert said.json()["error"] == {
        "code": "BadRequestException",
        "message": words,
        "details": {"message": words, "error": "Bad Request", "statusCode": 400},
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 201),
        ("application/json;charset=utf-8", 201),
        ("Application/JSON; Charset=UTF-8", 201),
        ('application/json; charset="utf-8"', 201),
        ("application/json ; charset=utf-8; boundary=x", 201),
        ("application/jsonp", 400),
        ("application/vnd.api+json", 400),
        ("text/plain", 400),
        ("application/x-www-form-urlencoded", 400),
        ("", 400),
    ],
)
def test_only_json_is_read(desk: Desk, kind: str, status: int) -> None:
    assert post(desk, sent(), desk.user(), content_type=kind).status == status


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("utf-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("utf-16le", "utf-16-le"),
        ("utf-16be", "utf-16-be"),
        ("utf-32", "utf-32"),
    ],
)
def test_every_form_of_unicode_is_read(desk: Desk, charset: str, codec: str) -> None:
    body = sent(deviceId="Zoë 📱").decode().encode(codec)
    said = post(desk, body, desk.user(), content_type=f"application/json; charset={charset}")
    assert said.status == 201
    assert said.json()["data"]["deviceId"] == "Zoë 📱"


@pytest.mark.parametrize("charset", ["latin9", "iso-8859-1", "utf-9", "ascii"])
def test_another_charset_is_415_without_an_envelope(desk: Desk, charset: str) -> None:
    said = post(desk, sent(), content_type=f"application/json; charset={charset}")
    assert said.status == 415
    words = f'unsupported charset \\"{charset.upper()}\\"'
    assert said.body == f'{{"statusCode":415,"message":"{words}"}}'.encode()
    assert "x-request-id" not in said.headers
    assert said.headers["access-control-allow-origin"] == "*"


def test_an_unknown_encoding_is_415_without_an_envelope(desk: Desk) -> None:
    said = post(desk, sent(), content_encoding="br2")
    assert said.status == 415
    assert said.body == b'{"statusCode":415,"message":"unsupported content encoding \\"br2\\""}'


def test_a_packed_body_is_unpacked(desk: Desk) -> None:
    key = desk.user()
    assert post(desk, gzip.compress(sent()), key, content_encoding="gzip").status == 201
    assert post(desk, zlib.compress(sent()), key, content_encoding="Deflate").status == 201
    assert post(desk, sent(), key, content_encoding="identity").status == 201


def test_a_body_that_is_too_large_when_unpacked_is_413(desk: Desk) -> None:
    packed = gzip.compress(b" " * 50_000_000)
    assert len(packed) < USER_BODY
    said = post(desk, packed, content_encoding="gzip")
    assert (said.status, said.json()["statusCode"]) == (413, 413)


@pytest.mark.parametrize(
    "body", [b"not packed", gzip.compress(sent(), mtime=0)[:-9]], ids=["plain", "cut"]
)
def test_what_cannot_be_unpacked_is_400(desk: Desk, body: bytes) -> None:
    said = post(desk, body, content_encoding="gzip")
    assert said.status == 400
    assert said.json()["error"]["code"] == "BadRequestException"


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + sent(),
        sent().replace(b'"d1"', b'"d\xff1"'),
        sent().replace(b'"d1"', b'"\\ud83d"'),
        sent().replace(b'"d1"', b'"\\ud83d\\udcf1"'),
        sent().replace(b'"d1"', b'"a\\u0000b"'),
        sent() + b"   \n",
        sent().replace(b"{", b'{"token":1,', 1),
        sent().replace(b"{", b'{"n":1e999,"big":' + b"9" * 500 + b",", 1),
    ],
)
def test_what_node_reads_is_read(desk: Desk, body: bytes) -> None:
    said = post(desk, body, desk.user())
    assert said.status == 201
    assert said.json()["data"]["identifier"] == TOKEN


@pytest.mark.parametrize("body", [b'{"a":NaN}', b'{"a":Infinity}', b"NaN", b'{"a":01}'])
def test_what_node_does_not_read_is_not_read(desk: Desk, body: bytes) -> None:
    assert post(desk, body).status == 400


@pytest.mark.parametrize(
    "token", ["ExponentPushToken[a\\u0000b]", "ExponentPushToken[a\\ud83db]", "\\udcf1"]
)
def test_what_a_database_cannot_keep_fails_the_tokens_pattern(desk: Desk, token: str) -> None:
    said = post(desk, sent().replace(TOKEN.encode(), token.encode()), desk.user())
    assert said.status == 400
    (entry,) = said.json()["error"]["details"]["errors"]
    assert list(entry["constraints"]) == ["matches"]
    assert entry["value"].encode("utf-16-le", "surrogatepass")


def test_half_an_emoji_is_quoted_as_javascript_does(desk: Desk) -> None:
    said = post(desk, b'{"token":"\\ud83d \xc3\xa9","platform":"IOS","deviceId":"d"}', desk.user())
    assert b'"value":"\\ud83d \xc3\xa9"' in said.body


def test_a_deep_nest_is_no_5xx(desk: Desk) -> None:
    key = desk.user()
    for body in (b"[" * 50_000, b"[" * 50_000 + b"]" * 50_000):
        assert post(desk, body, key).status == 400


@pytest.mark.parametrize("depth", [150, 500, 900, 975, 980, 985, 990, 1_500])
@pytest.mark.parametrize("field", ["token", "foo", "deviceId"])
def test_whatever_is_too_deep_to_be_quoted_is_400(desk: Desk, depth: int, field: str) -> None:
    deep = "[" * depth + "]" * depth
    body = f'{{"platform":"IOS","{field}":{deep}}}'.encode()
    said = post(desk, body, desk.user())
    assert said.status == 400
    assert said.json()["error"]["code"] == "BadRequestException"


def test_a_number_may_be_as_long_as_it_likes(desk: Desk) -> None:
    body = sent().replace(b"{", b'{"n":' + b"9" * 6_000 + b",", 1)
    assert post(desk, body, desk.user()).status == 201


def test_the_first_of_two_headers_counts_as_in_node(desk: Desk) -> None:
    key = desk.user()
    body = sent()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"authorization", f"Bearer {key}".encode()),
        (b"authorization", b"Bearer nobodys"),
        (b"content-type", b"text/plain"),
    ]
    said = asyncio.run(desk.raw("POST", APP_PUSH, body, headers))
    assert said.status == 201


def test_an_empty_body_is_an_empty_object(desk: Desk) -> None:
    said = post(desk, b"", desk.user())
    assert said.status == 400
    assert said.json()["error"]["message"] == "Bad Request Exception"
    said = post(desk, b"  ", desk.user())
    assert said.message == "Unexpected end of JSON input"


def test_a_list_breaks_every_rule(desk: Desk) -> None:
    said = post(desk, b"[]", desk.user())
    errors = said.json()["error"]["details"]["errors"]
    assert [entry["property"] for entry in errors] == ["token", "platform", "deviceId"]
    assert all(entry["target"] == [None] for entry in errors)


@pytest.mark.parametrize("path", [APP_PUSH, "/v2/me", "/v2/whatever", "/v1/me/devices", "/v2"])
def test_a_preflight_needs_no_credentials(desk: Desk, path: str) -> None:
    said = desk.ask(
        "OPTIONS",
        path,
        headers={"Origin": "https://app.example", "Access-Control-Request-Method": "POST"},
    )
    assert (said.status, said.body) == (204, b"")
    told = {name: text for name, text in said.headers.items() if name.startswith("access-")}
    assert told == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET,PATCH,DELETE,HEAD,POST,PUT,OPTIONS",
        "access-control-allow-headers": "x-cal-client-id,x-cal-secret-key,x-cal-platform-embed,"
        "cal-api-version,Accept,Authorization,Content-Type,Origin",
        "access-control-max-age": "86400",
    }
    assert "content-type" not in said.headers


@pytest.mark.parametrize("path", ["/healthz", "/v1/users", "/webhooks/cal", "/metrics"])
def test_no_other_path_is_open_to_web_pages(desk: Desk, path: str) -> None:
    assert "access-control-allow-origin" not in desk.ask("GET", path).headers
    assert "access-control-allow-origin" not in desk.ask("OPTIONS", path).headers


def test_a_version_of_the_api_changes_nothing(desk: Desk) -> None:
    key = desk.user()
    for version in ("2024-08-13", "1999-01-01", "", "nonsense"):
        said = desk.ask("POST", APP_PUSH, GOOD, key=key, headers={"cal-api-version": version})
        assert said.status == 201
        assert "cal-api-version" not in said.headers


def test_the_id_of_a_request_is_new_whatever_was_sent(desk: Desk) -> None:
    sent_id = "11111111-1111-4111-8111-111111111111"
    ids = {
        desk.ask("GET", "/v2/me", headers={"X-Request-Id": sent_id}).headers["x-request-id"]
        for _ in range(5)
    }
    assert len(ids) == 5
    assert sent_id not in ids


def test_head_is_get_without_a_body_where_there_is_a_get(desk: Desk) -> None:
    key = desk.user()
    assert desk.ask("HEAD", "/v2/me", key=key).status == 200
    assert desk.ask("HEAD", APP_PUSH, key=key).status == 404
    assert desk.ask("HEAD", "/healthz").status == 200
