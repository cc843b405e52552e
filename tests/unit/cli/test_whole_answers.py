"""A whole answer is one write, and byte for byte what the library would have written."""

import asyncio
import gc
from typing import Any
from weakref import ref

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from calbell.api.answers import Answer
from calbell.cli.whole_answers import WholeAnswers

SAID = Answer(201, b'{"said":"yes"}')


class Recording(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1)})
        self.written: list[bytes] = []
        self.closed = False

    @override
    def write(self, data: Any) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def close(self) -> None:
        self.closed = True

    @override
    def pause_reading(self) -> None:
        pass

    @override
    def resume_reading(self) -> None:
        pass


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the request, and answers with what it had."""
    body = (await receive())["body"]
    await Answer(200, b"%b %b" % (scope["raw_path"], body)).send(
        scope, send, ((b"x-request-id", b"1"),)
    )


async def unheard(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers before it has read anything."""
    await SAID.send(scope, send)


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await Answer(204, b"", ()).send(scope, send)


async def twice(scope: Scope, receive: Receive, send: Send) -> None:
    await SAID.send(scope, send)
    await SAID.send(scope, send)


class Talk:
    """One connection to an application."""

    def __init__(self, kind: type[HttpToolsProtocol], app: ASGIApp) -> None:
        state = ServerState()
        state.default_headers = [(b"date", b"Thu, 26 Nov 2026 04:00:00 GMT")]
        config = Config(app, log_config=None, access_log=False, lifespan="off")
        self.protocol = kind(config, state, {}, asyncio.get_running_loop())
        self.transport = Recording()
        self.protocol.connection_made(self.transport)

    async def hear(self, request: bytes) -> None:
        """It was asked, and answered."""
        self.protocol.data_received(request)
        await self.settle()

    async def settle(self) -> None:
        """Whatever was asked was answered as far as it can be."""
        while self.protocol.tasks:
            await asyncio.wait(self.protocol.tasks)
            await asyncio.sleep(0)

    def end(self) -> None:
        """Nobody waits for anything any more."""
        self.protocol.connection_lost(None)


def told(kind: type[HttpToolsProtocol], app: ASGIApp, request: bytes) -> Recording:
    async def whole() -> Recording:
        talk = Talk(kind, app)
        await talk.hear(request)
        talk.end()
        return talk.transport

    return asyncio.run(whole())


@pytest.mark.parametrize("app", [answering, unheard, nothing, twice])
@pytest.mark.parametrize(
    "request_",
    [
        b"GET /one HTTP/1.1\r\n\r\n",
        b"HEAD /one HTTP/1.1\r\n\r\n",
        b"GET /one HTTP/1.0\r\n\r\n",
        b"GET /one HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"POST /one HTTP/1.1\r\nContent-Length: 3\r\n\r\ntwo",
        b"POST /one HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\ntwo",
        b"GET /one HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\n\r\nHEAD /three HTTP/1.1\r\n\r\n",
        b"GET /one HTTP/1.1\r\nConnection: close\r\n\r\nGET /two HTTP/1.1\r\n\r\n",
    ],
)
def test_it_is_what_the_library_would_have_written(app: ASGIApp, request_: bytes) -> None:
    ours, librarys = (told(kind, app, request_) for kind in (WholeAnswers, HttpToolsProtocol))
    assert b"".join(ours.written) == b"".join(librarys.written)
    assert ours.closed == librarys.closed
    assert b"HTTP/1.1 2" in ours.written[-1]


def test_head_and_body_are_one_write() -> None:
    (written,) = told(WholeAnswers, unheard, b"GET /one HTTP/1.1\r\n\r\n").written
    head, body = written.split(b"\r\n\r\n")
    assert body == SAID.body
    assert b"content-length: 14" in head.split(b"\r\n")


def test_nothing_is_written_to_a_connection_that_does_not_take_it_until_it_does() -> None:
    async def whole() -> None:
        talk = Talk(WholeAnswers, unheard)
        talk.protocol.pause_writing()
        talk.protocol.data_received(b"GET /one HTTP/1.1\r\n\r\n")
        for _ in range(5):
            await asyncio.sleep(0)
        assert talk.transport.written == []
        talk.protocol.resume_writing()
        await talk.settle()
        assert b"".join(talk.transport.written).endswith(SAID.body)
        talk.end()

    asyncio.run(whole())


def test_nothing_is_written_to_a_connection_that_was_lost_meanwhile() -> None:
    async def whole() -> None:
        talk = Talk(WholeAnswers, unheard)
        talk.protocol.data_received(b"GET /one HTTP/1.1\r\n\r\n")
        talk.end()
        await talk.settle()
        assert talk.transport.written == []

    asyncio.run(whole())


def test_nothing_of_a_request_is_left_to_the_garbage_collector() -> None:
    """It is run seldom, and frees nothing while the service works (cli/serve.py)."""

    async def whole() -> None:
        talk = Talk(WholeAnswers, unheard)
        await talk.hear(b"GET /one HTTP/1.1\r\n\r\n")
        first = ref(talk.protocol.cycle)
        await talk.hear(b"GET /two HTTP/1.1\r\n\r\n")
        assert first() is None
        talk.end()

    gc.disable()
    try:
        asyncio.run(whole())
    finally:
        gc.enable()
