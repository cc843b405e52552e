"""The thin layer under every route: method, body, errors; what is left for a handler is its own
matter."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random

import structlog
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from calbell import telemetry
from calbell.api.answers import (
    DATABASE_FAILED,
    UNAVAILABLE,
    Answer,
    Header,
    Problem,
    bare,
    enveloped,
    not_found,
)
from calbell.flows.surroundings import Clock
from calbell.store.connection import StoreUnavailable

log = structlog.get_logger()

USER_BODY = 100 * 1024
EVENT_BODY = 1024 * 1024
"""Bytes of the longest body: on `/v2` and `/v1/me`; on webhooks and events."""

_CORS: tuple[Header, ...] = ((b"access-control-allow-origin", b"*"),)


class ClientLeft(Exception):
    """The client is gone before its request was whole; nobody waits for an answer."""


class Call(Struct, frozen=True):
    """One request, read to its end. Header names are lower-case; `url` is path and query."""

    method: str
    url: str
    path_parameters: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str | None:
        """The header's value, if it was sent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


Handler = Callable[[Call], Awaitable[Answer | Problem]]


class Endpoint:
    """One path: a handler for each method, as an ASGI application.

    A method that the path does not have is 404, as at Cal.com. `for_users` marks the paths that
    Cal.com's apps ask for: they answer with its CORS and request id, and its error when the
    database fails; the others say 503.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        clock: Clock,
        chance: Random,
        longest_body: int = EVENT_BODY,
        for_users: bool = False,
    ) -> None:
        self._handlers = handlers
        self._clock = clock
        self._chance = chance
        self._longest_body = longest_body
        self._for_users = for_users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        url = _url(scope)
        try:
            body = await _read(receive, self._longest_body)
        except ClientLeft:
            return
        if body is None:
            await bare(413, "request entity too large").send(send, self._cors())
            return
        call = Call(
            scope["method"], url, scope.get("path_params", {}), dict(scope["headers"]), body
        )
        try:
            answer = await self._handle(call)
        except Exception as error:
            log.error("request_failed", method=call.method, **telemetry.described(error))
            await bare(500, "Internal server error").send(send, self._cors())
        else:
            await answer.send(send, self._own_headers())

    async def _handle(self, call: Call) -> Answer:
        handler = self._handlers.get(call.method)
        if handler is None:
            said: Answer | Problem = not_found(f"Cannot {call.method} {call.url}")
        else:
            try:
                said = await handler(call)
            except StoreUnavailable as error:
                log.error("database_unavailable", **telemetry.described(error))
                said = DATABASE_FAILED if self._for_users else UNAVAILABLE
        return enveloped(said, call.url, self._clock()) if isinstance(said, Problem) else said

    def _cors(self) -> tuple[Header, ...]:
        return _CORS if self._for_users else ()

    def _own_headers(self) -> tuple[Header, ...]:
        if not self._for_users:
            return ()
        return (*_CORS, (b"x-request-id", uuid4_of(self._chance.getrandbits(128)).encode()))


def uuid4_of(bits: int) -> str:
    """A version 4 UUID made from 128 random bits."""
    digits = f"{bits & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _url(scope: Scope) -> str:
    """Path and query as asked for, but `/api/v2` as `/v2`: so Cal.com names them in its errors."""
    path: str = scope["raw_path"].decode("latin-1")
    if path.startswith("/api/v2/"):
        path = path.removeprefix("/api")
    query = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


async def _read(receive: Receive, longest: int) -> bytes | None:
    """The whole body; `None` if it is longer than it may be."""
    chunks, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > longest:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunk if len(chunks) == 1 else b"".join(chunks)
