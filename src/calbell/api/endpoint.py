"""Endpoints: what is done with a request before and after its handler, whatever the path is for."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import TypeAlias, TypeVar

import structlog
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
from calbell.api.bodies import TOO_LARGE, Body, decoded
from calbell.api.credentials import Caller
from calbell.api.gate import Gate
from calbell.api.requests import EVENT_BODY, USER_BODY, Call, ClientLeft, read
from calbell.flows.surroundings import Clock
from calbell.store.connection import StoreUnavailable

log = structlog.get_logger()

T = TypeVar("T")

Handler: TypeAlias = Callable[[Call], Awaitable[Answer | Problem]]
UserHandler: TypeAlias = Callable[[Call, Body, Caller], Awaitable[Answer | Problem]]

WENT_WRONG = bare(500, "Internal server error")

_CORS: tuple[Header, ...] = ((b"access-control-allow-origin", b"*"),)
_PREFLIGHT = Answer(
    204,
    b"",
    (
        *_CORS,
        (b"access-control-allow-methods", b"GET,PATCH,DELETE,HEAD,POST,PUT,OPTIONS"),
        (
            b"access-control-allow-headers",
            b"x-cal-client-id,x-cal-secret-key,x-cal-platform-embed,cal-api-version,Accept,"
            b"Authorization,Content-Type,Origin",
        ),
        (b"access-control-max-age", b"86400"),
    ),
)
_UNKNOWN_ID: Header = (b"x-request-id", b"unknown-request-id")


class Endpoint:
    """One path for operators, sources of events, or everybody: a handler for each method.

    A method that the path does not have is 404, as at Cal.com. While the database is down, it is
    503.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        clock: Clock,
        *,
        longest_body: int = EVENT_BODY,
    ) -> None:
        self._handlers = with_head(handlers)
        self._clock = clock
        self._longest_body = longest_body
        self._seldom = telemetry.Seldom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = await read(scope, receive, self._longest_body)
        except ClientLeft:
            return
        answer = TOO_LARGE if call is None else await self._answer(call)
        await answer.send(scope, send)

    async def _answer(self, call: Call) -> Answer:
        handler = self._handlers.get(call.method)
        try:
            try:
                said = not_found(_no_route(call)) if handler is None else await handler(call)
            except StoreUnavailable as error:
                if self._seldom.says(error.reason):
                    log.error("database_unavailable", **telemetry.described(error))
                said = UNAVAILABLE
            return enveloped(said, call.url, self._clock()) if isinstance(said, Problem) else said
        except Exception as error:
            log.error("request_failed", method=call.method, **telemetry.described(error))
            return WENT_WRONG


class UserEndpoint:
    """One path of those that Cal.com's apps ask for: a handler for each method.

    Requests are rejected in Cal.com's order (cal-api.md section 2): body, route, limit,
    credentials; the rest is the handler's matter. Every answer may be read by any web page.
    """

    def __init__(
        self, handlers: Mapping[str, UserHandler], gate: Gate, clock: Clock, chance: Random
    ) -> None:
        self._handlers = with_head(handlers)
        self._gate = gate
        self._clock = clock
        self._chance = chance
        self._seldom = telemetry.Seldom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await _PREFLIGHT.send(scope, send)
            return
        try:
            call = await read(scope, receive, USER_BODY)
        except ClientLeft:
            return
        if call is None:
            await TOO_LARGE.send(scope, send, _CORS)
            return
        body = decoded(call)
        if isinstance(body, Answer):
            await body.send(scope, send, _CORS)
        elif isinstance(body, Problem):
            await enveloped(body, call.url, self._clock()).send(scope, send, (*_CORS, _UNKNOWN_ID))
        else:
            await self._handle(call, body, send)

    async def _handle(self, call: Call, body: Body, send: Send) -> None:
        handler = self._handlers.get(call.method)
        headers = _CORS
        try:
            if handler is None:
                said: Answer | Problem = not_found(_no_route(call))
            else:
                said, limits = await self._admitted(handler, call, body)
                headers = (*_CORS, *limits)
            answer = enveloped(said, call.url, self._clock()) if isinstance(said, Problem) else said
        except Exception as error:
            log.error("request_failed", method=call.method, **telemetry.described(error))
            await WENT_WRONG.send(call.scope, send, _CORS)
            return
        id_ = uuid4_of(self._chance.getrandbits(128)).encode()
        await answer.send(call.scope, send, (*headers, (b"x-request-id", id_)))

    async def _admitted(
        self, handler: UserHandler, call: Call, body: Body
    ) -> tuple[Answer | Problem, tuple[Header, ...]]:
        """What is said to the call, and the headers of the limit."""
        limits: tuple[Header, ...] = ()
        try:
            visit = await self._gate.admit(call)
            limits = visit.headers
            if isinstance(visit.who, Problem):
                return visit.who, limits
            return await handler(call, body, visit.who), limits
        except StoreUnavailable as error:
            if self._seldom.says(error.reason):
                log.error("database_unavailable", **telemetry.described(error))
            return DATABASE_FAILED, limits


def with_head(handlers: Mapping[str, T]) -> dict[str, T]:
    """What can be got, can be asked for without its body."""
    return {"HEAD": handlers["GET"], **handlers} if "GET" in handlers else dict(handlers)


def _no_route(call: Call) -> str:
    return f"Cannot {call.method} {call.url}"


def uuid4_of(bits: int) -> str:
    """A version 4 UUID made from 128 random bits."""
    digits = f"{bits & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
