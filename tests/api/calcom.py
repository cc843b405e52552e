"""A stand-in for a Cal.com instance: it answers `GET /v2/me` like the real one, and slowly, wrongly
and not at all (cal-api.md sections 3.4 and 9)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

QUIRK = "username - Expected string, received null, "


def described(id_: int, **changes: Any) -> dict[str, Any]:
    """What Cal.com says of a user."""
    return {
        "id": id_,
        "email": f"user{id_}@example.com",
        "name": "Ada Lovelace",
        "avatarUrl": None,
        "bio": None,
        "timeFormat": 24,
        "defaultScheduleId": 3,
        "weekStart": "Monday",
        "timeZone": "Europe/Berlin",
        "username": "ada",
        "organizationId": None,
        "locale": "de",
        **changes,
    }


def error(status: int, code: str, message: str, details: object) -> web.Response:
    """A refusal in Cal.com's envelope."""
    envelope = {
        "status": "error",
        "timestamp": "2026-11-25T12:00:00.000Z",
        "path": "/v2/me",
        "error": {"code": code, "message": message, "details": details},
    }
    return web.json_response(envelope, status=status)


def unauthorized() -> web.Response:
    message = "Invalid Access Token."
    return error(401, "UnauthorizedException", message, {"message": message, "statusCode": 401})


class StandIn:
    """Knows users by the token after `Bearer `, and odd answers by token. `asked` are the headers
    it got, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.users: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Callable[[], web.StreamResponse]] = {}
        self.asked: list[str] = []
        self.heard = asyncio.Condition()
        self.held = asyncio.Event()
        self.held.set()
        self.is_down = False

    async def me(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        async with self.heard:
            self.asked.append(authorization)
            self.heard.notify_all()
        await self.held.wait()
        if self.is_down:
            assert request.transport is not None
            request.transport.abort()
        token = authorization.replace("Bearer ", "", 1)
        if token in self.answers:
            return self.answers[token]()
        if token in self.users:
            return web.json_response({"status": "success", "data": self.users[token]})
        return unauthorized()


@asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    """One that listens on this machine; its API is at `url`."""
    standing = StandIn()
    app = web.Application()
    app.router.add_get("/v2/me", standing.me)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    standing.url = f"http://{host}:{port}/v2"
    try:
        yield standing
    finally:
        standing.held.set()
        await runner.cleanup()
