"""The service behind HTTP."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import assert_never

from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from calbell.simulator import control
from calbell.simulator.manners import Broken, Last, Refusing, Silence, Slow, Truncated
from calbell.simulator.page.routes import Page, Pulse
from calbell.simulator.request_log import RequestLog
from calbell.simulator.server import wire_of
from calbell.simulator.service import PushService
from calbell.simulator.wire import BODY_CAP, Request, Response, http_date


def create_app(service: PushService, latency: float = 0.0) -> ASGIApp:
    """An ASGI app that answers as the service does, push requests after `latency` seconds; a
    browser finds the page of the phones at `/`.

    For the log's `max_parallel` a push request lasts from its head until its answer is out. Even
    without latency, those that came in with it are let in before it is answered. Faults of the
    connection need the simulator's own server.
    """
    pulse = Pulse()
    door = Route("/{path:path}", _Door(service, latency, pulse))
    return Starlette(routes=[*Page(service, pulse).routes, door])


class _Door:
    """Brings requests in and answers out."""

    def __init__(self, service: PushService, latency: float, pulse: Pulse) -> None:
        self._service = service
        self._latency = latency
        self._pulse = pulse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = HttpRequest(scope, receive)
        head = Request(
            http.method,
            _path(http),
            http.scope["query_string"].decode("ascii", errors="replace"),
            dict(http.headers),
        )
        if control.concerns(head.path):
            await self._answer(head, http, send)
            return
        with _counted(self._service.log):
            await asyncio.sleep(self._latency)
            unread = self._service.answer_unread(head)
            if unread is None:
                await self._answer(head, http, send)
            else:
                self._pulse.beat()
                await _give(unread, http, send)

    async def _answer(self, head: Request, http: HttpRequest, send: Send) -> None:
        """The answer is out; a request that is broken off has neither answer nor effect."""
        try:
            request = replace(head, body=await _body(http))
        except ClientDisconnect:
            return
        response = self._service.answer(request)
        self._pulse.beat()
        response.headers.setdefault("date", http_date(self._service.now))
        await _give(response, http, send)


@contextmanager
def _counted(log: RequestLog) -> Iterator[None]:
    log.arrived()
    try:
        yield
    finally:
        log.left()


def _path(http: HttpRequest) -> str:
    path: bytes = http.scope["raw_path"]
    return path.decode("ascii", errors="replace")


async def _body(http: HttpRequest) -> bytes:
    """The body, or as much of it as shows that it is over the cap."""
    body = bytearray()
    async for chunk in http.stream():
        body += chunk
        if len(body) > BODY_CAP:
            break
    return bytes(body)


async def _give(response: Response, http: HttpRequest, send: Send) -> None:
    """The response is out, or the client gone, in the manner that the response has."""
    answer = HttpResponse(response.body, response.status or 500, response.headers)
    match response.manner:
        case None:
            await answer(http.scope, http.receive, send)
        case Silence():
            await _gone(http)
        case Broken(reset=reset):
            wire = wire_of(http.scope)
            if reset:
                wire.reset()
            else:
                wire.close()
            await _gone(http)
        case Refusing(seconds=seconds):
            wire_of(http.scope).refuse(seconds)
            wire_of(http.scope).reset()
            await _gone(http)
        case Truncated(chunked=chunked):
            wire = wire_of(http.scope)
            wire.write(_half(response, chunked=chunked))
            wire.close()
            await _gone(http)
        case Slow(head_seconds=head_seconds, byte_seconds=byte_seconds):
            await _give_slowly(answer, head_seconds, byte_seconds, http, send)
        case Last(idle_seconds=idle_seconds):
            await answer(http.scope, http.receive, send)
            wire_of(http.scope).close_after(idle_seconds)
        case _:
            assert_never(response.manner)


async def _gone(http: HttpRequest) -> None:
    """The client is not there any more."""
    while (await http.receive())["type"] != "http.disconnect":
        pass


def _half(response: Response, *, chunked: bool) -> bytes:
    """The head of the response and half of its body."""
    half = response.body[: len(response.body) // 2]
    length = str(len(response.body))
    framing = {"transfer-encoding": "chunked"} if chunked else {"content-length": length}
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in (response.headers | framing).items()]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + (b"%x\r\n%b\r\n" % (len(half), half) if chunked else half)


async def _give_slowly(
    answer: HttpResponse, head_seconds: float, byte_seconds: float, http: HttpRequest, send: Send
) -> None:
    """The answer is out, late; or the client did not wait for it."""
    gone = asyncio.create_task(_gone(http))
    try:
        await asyncio.wait({gone}, timeout=head_seconds)
        start = {"type": "http.response.start", "status": answer.status_code}
        await send(start | {"headers": answer.raw_headers})
        body = bytes(answer.body)
        pieces = [body[n : n + 1] for n in range(len(body))] if byte_seconds else [body]
        for piece in pieces:
            if byte_seconds:
                await asyncio.wait({gone}, timeout=byte_seconds)
            if gone.done():
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
