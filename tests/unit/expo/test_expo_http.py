"""HttpTransport against real sockets: what it sends, and what it says of a broken environment."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from calbell.expo.http import MOST_ANSWER_BYTES, HttpTransport
from calbell.expo.transport import AnswerLost, NotTransmitted, Reply

ENOUGH = timedelta(seconds=20)
SOON = timedelta(milliseconds=50)
LONG_ENOUGH_TO_CONNECT = timedelta(milliseconds=500)

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(speak: Speak) -> AsyncIterator[str]:
    """A server that speaks so on every connection; its address. All of it is over at the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await speak(reader, writer)
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def transport_to(
    address: str, in_all: timedelta = ENOUGH, connections: int = 6
) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(address, in_all, connections)
    try:
        yield transport
    finally:
        await transport.close()


async def request_of(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """Request line, headers by lower-case name, body."""
    line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {k.lower(): v for k, v in (header.split(": ", 1) for header in lines)}
    return line, headers, await reader.readexactly(int(headers["content-length"]))


def answer(body: bytes, head: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {head}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def saying(*what: bytes) -> Speak:
    """Reads one request, says this, and closes."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for part in what:
            writer.write(part)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    return speak


def reply_to(speak: Speak, in_all: timedelta = ENOUGH) -> Reply:
    """What a transport makes of one request to a server that speaks so."""

    async def run() -> Reply:
        async with listening(speak) as address, transport_to(address, in_all) as transport:
            return await transport.post("/path", b"body", {})

    return asyncio.run(run())


def test_sends_the_body_as_it_is_and_keeps_the_connection() -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []
    connections: list[object] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            seen.append(await request_of(reader))
            writer.write(answer(b"{}", "200 OK", "Retry-After: 3"))

    async def run() -> list[Reply]:
        async with listening(speak) as address, transport_to(address + "/") as transport:
            return [
                await transport.post("/--/x", b"\x1f\x8b", {"content-encoding": "gzip"}),
                await transport.post("/--/x", b"{}", {"authorization": "Bearer secret"}),
            ]

    first, second = asyncio.run(run())
    assert first == second
    assert (first.status, first.body) == (200, b"{}")
    assert first.headers["retry-after"] == "3"
    assert len(connections) == 1
    assert [(line, body) for line, _, body in seen] == [
        ("POST /--/x HTTP/1.1", b"\x1f\x8b"),
        ("POST /--/x HTTP/1.1", b"{}"),
    ]
    assert seen[0][1]["content-encoding"] == "gzip"
    assert seen[0][1]["accept-encoding"] == "gzip, deflate"
    assert seen[1][1]["authorization"] == "Bearer secret"


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_unpacks_the_answer(coding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b'{"a":1}')
    reply = reply_to(saying(answer(packed, "200 OK", f"content-encoding: {coding}")))
    assert reply.body == b'{"a":1}'


@pytest.mark.parametrize("head", ["301 Moved Permanently", "307 Temporary Redirect"])
def test_a_redirect_is_an_answer_and_not_followed(head: str) -> None:
    reply = reply_to(saying(answer(b"", head, "location: http://127.0.0.1:1/elsewhere")))
    assert reply.status == int(head[:3])


def test_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert reply_to(saying(answer(b"{}"))).body == b"{}"


def test_cookies_are_not_kept() -> None:
    seen: list[dict[str, str]] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append((await request_of(reader))[1])
            writer.write(answer(b"", "200 OK", "set-cookie: a=b"))

    async def run() -> None:
        async with listening(speak) as address, transport_to(address) as transport:
            await transport.post("/", b"", {})
            await transport.post("/", b"", {})

    asyncio.run(run())
    assert [headers.get("cookie") for headers in seen] == [None, None]


def test_a_huge_answer_is_cut_at_the_limit() -> None:
    huge = gzip.compress(b" " * (MOST_ANSWER_BYTES + 1_000_000))
    reply = reply_to(saying(answer(huge, "200 OK", "content-encoding: gzip")))
    assert reply.body == b" " * MOST_ANSWER_BYTES


def test_no_more_requests_at_once_than_connections() -> None:
    busy: list[int] = []
    under_way = 0

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way
        while True:
            await request_of(reader)
            under_way += 1
            busy.append(under_way)
            await asyncio.sleep(0)
            under_way -= 1
            writer.write(answer(b""))

    async def run() -> None:
        async with listening(speak) as address, transport_to(address, connections=2) as transport:
            await asyncio.gather(*(transport.post("/", b"", {}) for _ in range(20)))

    asyncio.run(run())
    assert len(busy) == 20
    assert max(busy) <= 2


def test_a_closed_transport_opens_again() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_of(reader)
            writer.write(answer(b"again"))

    async def run() -> bytes:
        async with listening(speak) as address, transport_to(address) as transport:
            await transport.post("/", b"", {})
            await transport.close()
            await transport.close()
            return (await transport.post("/", b"", {})).body

    assert asyncio.run(run()) == b"again"


# Not a byte left.


def assert_nothing_transmitted(address: str, in_all: timedelta = ENOUGH) -> None:
    async def run() -> None:
        async with transport_to(address, in_all) as transport:
            with pytest.raises(NotTransmitted):
                await transport.post("/", b"", {})

    asyncio.run(run())


def test_a_refused_connection_transmits_nothing() -> None:
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        assert_nothing_transmitted(f"http://127.0.0.1:{bound.getsockname()[1]}")


@pytest.mark.parametrize("address", ["http://calbell.invalid", "http://a..invalid"])
def test_a_name_without_an_address_transmits_nothing(address: str) -> None:
    assert_nothing_transmitted(address)


def test_no_tls_means_nothing_was_transmitted() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"what?")
        await writer.drain()

    async def run() -> None:
        async with listening(plain) as address:
            secure = address.replace("http://", "https://")
            async with transport_to(secure) as transport:
                with pytest.raises(NotTransmitted):
                    await transport.post("/", b"", {})

    asyncio.run(run())


def test_a_connection_that_takes_too_long_transmits_nothing() -> None:
    """TCP comes about, TLS never."""

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def run() -> None:
        async with listening(silent) as address:
            secure = address.replace("http://", "https://")
            async with transport_to(secure, SOON) as transport:
                with pytest.raises(NotTransmitted):
                    await transport.post("/", b"", {})

    asyncio.run(run())


def test_waiting_in_vain_for_a_free_connection_transmits_nothing() -> None:
    async def run() -> None:
        async with (
            listening(hang) as address,
            transport_to(address, SOON, connections=0) as transport,
        ):
            with pytest.raises(NotTransmitted):
                await transport.post("/", b"", {})

    asyncio.run(run())


# It may have left.


async def close_at_once(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes the connection and drops it unread."""


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    await asyncio.Event().wait()


async def hang_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    await asyncio.Event().wait()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.transport.abort()


@pytest.mark.parametrize(
    "speak",
    [
        pytest.param(close_at_once, id="closed unread"),
        pytest.param(reset, id="reset"),
        pytest.param(saying(), id="closed after reading"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\ncontent-le"), id="cut in the head"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"), id="cut in the body"
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{"),
            id="cut in a chunk",
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
            id="chunk of no size",
        ),
        pytest.param(
            saying(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", b"zz\r\n{}\r\n"
            ),
            id="later chunk of no size",
        ),
        pytest.param(saying(b"220 smtp.example ESMTP\r\n"), id="not HTTP"),
        pytest.param(saying(b"\x15\x03\x01\x00\x02\x02\x16"), id="TLS alert"),
        pytest.param(saying(b"HTTP/1.1 999999 Odd\r\n\r\n"), id="no status"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"), id="endless header"
        ),
        pytest.param(
            saying(answer(b"not packed", "200 OK", "content-encoding: gzip")), id="wrong gzip"
        ),
        pytest.param(saying(answer(b"{}", "200 OK", "content-length: 7")), id="two lengths"),
    ],
)
def test_without_a_whole_answer_the_answer_is_lost(speak: Speak) -> None:
    with pytest.raises(AnswerLost):
        reply_to(speak)


@pytest.mark.parametrize("speak", [hang, hang_in_the_body])
def test_an_answer_that_takes_too_long_is_lost(speak: Speak) -> None:
    with pytest.raises(AnswerLost):
        reply_to(speak, LONG_ENOUGH_TO_CONNECT)


def test_a_kept_connection_that_was_closed_loses_the_answer() -> None:
    """The far end reads the second request, or not, and closes: who knows."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answer(b""))
        await reader.readexactly(1)

    async def run() -> None:
        async with listening(once) as address, transport_to(address) as transport:
            await transport.post("/", b"", {})
            with pytest.raises(AnswerLost):
                await transport.post("/", b"", {})

    asyncio.run(run())


def test_what_is_raised_does_not_hold_the_access_token() -> None:
    async def run() -> BaseException:
        async with (
            listening(saying(b"nonsense\r\n\r\n")) as address,
            transport_to(address) as transport,
        ):
            with pytest.raises(AnswerLost) as raised:
                await transport.post("/", b"", {"authorization": "Bearer secret"})
            return raised.value

    error = asyncio.run(run())
    assert "secret" not in repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_cancelled_request_is_cancelled() -> None:
    async def run() -> None:
        arrived = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await request_of(reader)
            arrived.set()
            await asyncio.Event().wait()

        async with listening(silent) as address, transport_to(address) as transport:
            request = asyncio.create_task(transport.post("/", b"", {}))
            await arrived.wait()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request

    asyncio.run(run())
