"""The service behind HTTP."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from calbell.simulator import control
from calbell.simulator.request_log import RequestLog
from calbell.simulator.service import PushService
from calbell.simulator.wire import BODY_CAP, Request


def create_app(service: PushService, latency: float = 0.0) -> ASGIApp:
    """An ASGI app that answers as the service does, push requests after `latency` seconds.

    For the log's `max_parallel` a push request lasts from its head until its answer is out. Even
    without latency, those that came in with it are let in before it is answered.
    """
    return Starlette(routes=[Route("/{path:path}", _Door(service, latency))])


class _Door:
    """Brings requests in and answers out."""

    def __init__(self, service: PushService, latency: float) -> None:
        self._service = service
        self._latency = latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = HttpRequest(scope, receive)
        if control.concerns(_path(http)):
            await self._answer(http, send)
            return
        with _counted(self._service.log):
            await asyncio.sleep(self._latency)
            await self._answer(http, send)

    async def _answer(self, http: HttpRequest, send: Send) -> None:
        """The answer is out; a request that is broken off has neither answer nor effect."""
        try:
            request = Request(
                http.method,
                _path(http),
                http.scope["query_string"].decode("ascii", errors="replace"),
                dict(http.headers),
                await _body(http),
            )
        except ClientDisconnect:
            return
        response = self._service.answer(request)
        answer = HttpResponse(response.body, response.status, response.headers)
        await answer(http.scope, http.receive, send)


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
