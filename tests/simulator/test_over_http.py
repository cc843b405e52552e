"""The service over real HTTP."""

import asyncio
import gzip
import json
import socket
import zlib
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import quote

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope

from calbell.simulator.app import create_app
from calbell.simulator.service import PushService
from calbell.simulator.wire import BODY_CAP

SEND = "/--/api/v2/push/send"
OK = "ExponentPushToken[ok]"
GZIP = {"content-encoding": "gzip"}


def post(
    connection: HTTPConnection, body: bytes, headers: dict[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    connection.request("POST", SEND, body, headers or {})
    response = connection.getresponse()
    return response, response.read()


def messages(count: int = 1) -> bytes:
    return json.dumps([{"to": OK, "title": "Booked"}] * count).encode()


def test_s09_a_send_is_answered_as_json_on_a_connection_that_stays(
    connection: HTTPConnection,
) -> None:
    for _ in range(2):
        response, body = post(connection, messages())
        assert response.status == 200
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.headers["content-length"] == str(len(body))
        assert json.loads(body)["data"][0]["status"] == "ok"


def test_s07_a_gzip_body_is_as_good_as_a_plain_one(
    served: PushService, connection: HTTPConnection
) -> None:
    response, body = post(connection, gzip.compress(messages()), GZIP)
    assert (response.status, len(json.loads(body)["data"])) == (200, 1)
    connection.request("GET", "/_sim/requests")
    (logged,) = json.loads(connection.getresponse().read())["requests"]
    assert logged["headers"]["content-encoding"] == "gzip"
    assert logged["body"] == json.loads(messages())


def test_s07_a_long_answer_is_gzip_where_the_client_takes_it(connection: HTTPConnection) -> None:
    response, body = post(connection, messages(50), {"accept-encoding": "gzip, deflate"})
    assert response.headers["content-encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(body))["data"]) == 50


@pytest.mark.parametrize(
    ("count", "accepted"), [(50, "identity"), (1, "gzip")], ids=["not taken", "short"]
)
def test_s07_other_answers_are_plain(connection: HTTPConnection, count: int, accepted: str) -> None:
    response, body = post(connection, messages(count), {"accept-encoding": accepted})
    assert response.headers["content-encoding"] is None
    assert len(json.loads(body)["data"]) == count


@pytest.mark.parametrize(
    "body",
    [
        messages(),
        zlib.compress(messages()),
        gzip.compress(messages())[:-1],
        gzip.compress(messages()) + b"more",
    ],
    ids=["plain", "zlib", "cut off", "more behind it"],
)
def test_s27_what_is_not_gzip_as_it_says_is_refused(
    served: PushService, connection: HTTPConnection, body: bytes
) -> None:
    response, answer = post(connection, body, GZIP)
    assert response.status == 400
    assert json.loads(answer)["errors"][0]["message"] == "The request body is not valid gzip."
    assert served.tickets == ()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b" " * (BODY_CAP + 1), {}),
        (gzip.compress(b" " * (BODY_CAP + 1)), GZIP),
    ],
    ids=["plain", "gzip"],
)
def test_a_body_over_the_cap_is_refused(
    connection: HTTPConnection, body: bytes, headers: dict[str, str]
) -> None:
    response, answer = post(connection, body, headers)
    assert response.status == 413
    assert json.loads(answer)["errors"][0]["code"] == "PAYLOAD_TOO_LARGE"


def test_a_body_of_the_caps_size_is_read(connection: HTTPConnection) -> None:
    response, _ = post(connection, messages().ljust(BODY_CAP))
    assert response.status == 200


def test_a_percent_encoded_token_finds_its_phone(connection: HTTPConnection) -> None:
    post(connection, messages())
    connection.request("GET", f"/_sim/devices/{quote(OK, safe='')}/displayed")
    (shown,) = json.loads(connection.getresponse().read())["displayed"]
    assert shown["message"] == {"title": "Booked"}


def test_the_highest_number_of_parallel_requests_is_told(
    address: tuple[str, int], connection: HTTPConnection
) -> None:
    for _ in range(2):
        post(connection, messages())
    assert parallel(connection) == 1
    with socket.create_connection(address, timeout=10) as half:
        _begin_to_send(half)
        post(connection, messages())
        assert parallel(connection) == 2
        connection.request("POST", "/_sim/reset")
        connection.getresponse().read()
        assert parallel(connection) == 1
        post(connection, messages())
        assert parallel(connection) == 2


def parallel(connection: HTTPConnection) -> int:
    connection.request("GET", "/_sim/requests")
    return int(json.loads(connection.getresponse().read())["max_parallel"])


def _begin_to_send(connected: socket.socket) -> None:
    """The head of a request is in, and the server waits for its body."""
    connected.sendall(
        f"POST {SEND} HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n"
        "expect: 100-continue\r\n\r\n".encode()
    )
    assert connected.recv(1024).startswith(b"HTTP/1.1 100 ")


async def exchange(app: ASGIApp, receive: Receive) -> list[Message]:
    """What the app sends to a client of which this is received."""
    answered: list[Message] = []

    async def send(message: Message) -> None:
        answered.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": SEND,
        "raw_path": SEND.encode(),
        "query_string": b"",
        "headers": [],
    }
    await app(scope, receive, send)
    return answered


def test_a_request_that_is_broken_off_is_not_carried_out(service: PushService) -> None:
    incoming: list[Message] = [
        {"type": "http.request", "body": messages(), "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return incoming.pop(0)

    assert asyncio.run(exchange(create_app(service), receive)) == []
    assert (service.tickets, service.requests) == ((), ())


def test_a_body_is_not_read_on_beyond_the_cap(service: PushService) -> None:
    chunks = [b" " * BODY_CAP, b" ", b" "]

    async def receive() -> Message:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": True}

    assert asyncio.run(exchange(create_app(service), receive))[0]["status"] == 413
    assert chunks == [b" "]


async def whole() -> Message:
    return {"type": "http.request", "body": messages()}


def test_requests_that_come_in_together_are_parallel(service: PushService) -> None:
    app = create_app(service)

    async def together() -> None:
        await asyncio.gather(*(exchange(app, whole) for _ in range(6)))

    asyncio.run(together())
    assert (service.log.max_parallel, len(service.tickets)) == (6, 6)


def test_an_answer_takes_the_latency(service: PushService) -> None:
    async def seconds() -> float:
        begun = asyncio.get_running_loop().time()
        await exchange(create_app(service, latency=0.05), whole)
        return asyncio.get_running_loop().time() - begun

    assert asyncio.run(seconds()) >= 0.049
