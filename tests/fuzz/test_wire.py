"""What is no HTTP, or hardly, comes to a server that listens."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from calbell.cli.server import HttpServer
from calbell.config import Secret, Settings
from tests.api.desk import Desk

ADMIN: Final = "canary-operators-token"
HEAD: Final = b"POST /webhooks/cal HTTP/1.1\r\nhost: a\r\nauthorization: Bearer canary\r\n"
PATIENCE: Final = 5.0

STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3})")

ODD: Final = (
    b"",
    b"\r\n\r\n",
    b"\0" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /console/\xc3\xa9 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET //a//b HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET * HTTP/1.1\r\nhost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nx: a\0b\r\n\r\n",
    b"GET / HTTP/1.1\r\nx : a\r\n\r\n",
    b"GET / HTTP/1.1\nhost: a\n\n",
    HEAD + b"content-length: -1\r\n\r\n",
    HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    HEAD + b"content-length: 99999999999999999999999\r\n\r\n",
    HEAD + b"content-length: 10\r\n\r\nabc",
    HEAD + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"transfer-encoding: chunked, identity\r\n\r\nabc",
    HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\nabc",
    HEAD + b"transfer-encoding: chunked\r\n\r\nffffffffffffffff0\r\nabc",
    HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nx: y\r\n\r\n",
    HEAD + b"expect: 100-continue\r\ncontent-length: 3\r\n\r\nabc",
    HEAD + b"content-length: 3\r\n\r\nabcGET /healthz HTTP/1.1\r\nhost: a\r\n\r\n",
)


PIECES: Final = (
    HEAD,
    b"GET / HTTP/1.1\r\n",
    b"content-length: 5\r\n",
    b"transfer-encoding: chunked\r\n",
    b"\r\n",
    b"\n",
    b"0\r\n\r\n",
)


async def told(port: int, sent: bytes) -> bytes:
    """All that is said to these bytes, after which the client has nothing more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with suppress(ConnectionError):
            writer.write(sent)
            await writer.drain()
            writer.write_eof()
            async with asyncio.timeout(PATIENCE):
                return await reader.read(1 << 20)
    finally:
        writer.close()
    return b""


def served(app: ASGIApp, visit: Callable[[int], Awaitable[None]]) -> None:
    """The visit happens while the application is served."""

    async def day() -> None:
        server = HttpServer(app, "127.0.0.1", 0)
        server.start()
        try:
            await visit(server.port)
        finally:
            await server.stop()

    asyncio.run(day())


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(Settings(admin_token=Secret(ADMIN), webhook_secrets=(Secret("canary-secret"),)))


async def withstands(port: int, sent: bytes) -> None:
    answer = await told(port, sent)
    assert not re.search(rb"Traceback|canary|site-packages", answer), answer
    for status in STATUS.findall(answer):
        assert int(status) < 500, answer
    well = await told(port, b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert well.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", ODD, ids=range(len(ODD)))
def test_what_is_hardly_http_is_refused_and_harms_nobody(desk: Desk, sent: bytes) -> None:
    with capture_logs() as lines:
        served(desk.app, lambda port: withstands(port, sent))
    assert not re.search("Traceback|canary|Error", repr(lines)), lines


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.lists(
            st.sampled_from(
                [
                    HEAD,
                    b"\r\n",
                    b"\n",
                    b"content-length: 5\r\n",
                    b"0\r\n\r\n",
                    b"GET / HTTP/1.1\r\n",
                ]
            )
            | st.binary(max_size=20),
            max_size=6,
        ).map(b"".join),
        min_size=20,
        max_size=20,
    )
)
def test_no_order_of_pieces_of_http_harms_anybody(desk: Desk, pieces: list[bytes]) -> None:
    async def visit(port: int) -> None:
        for sent in pieces:
            await withstands(port, sent)

    with capture_logs() as lines:
        served(desk.app, visit)
    assert not re.search("Traceback|canary|Error", repr(lines)), lines


def test_what_fails_beyond_all_endpoints_is_logged_without_what_it_says() -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("row (ExponentPushToken[secret], ada@example.com)")

    async def visit(port: int) -> None:
        answer = await told(port, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 500")
        assert b"secret" not in answer

    with capture_logs() as lines:
        served(failing, visit)
    (line,) = lines
    assert (line["event"], line["error"]) == ("http_server", "RuntimeError")
    assert "secret" not in repr(line)
    assert any(where.startswith("failing:") for where in line["where"])
