"""A simulated Expo that takes its time, as a program: it prints its address, and ends on SIGTERM.

A push request waits before it has its effect and again before its answer leaves, so that whoever
is killed meanwhile cannot know which of the two it was. `POST /_test/delays/{before}/{after}`
sets how many seconds each takes; what waits then goes on at once.

`GET /_test/taken/{first}` tells of the messages in the next so many requests from that one on: how
many requests these are, and of each message when it was taken, its event's id, its phone's token,
and its key.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any, cast

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from calbell.cli.server import HttpServer, stop_signals
from calbell.simulator.app import create_app
from calbell.simulator.request_log import LoggedRequest
from calbell.simulator.service import PushService
from calbell.simulator.telling import decoded

CONTROL = "/_test/delays/"
TAKEN = "/_test/taken/"
PAGE = 1000
MANY = 1_000_000


class Slow:
    """An application that answers as `app` does, later."""

    def __init__(self, app: ASGIApp, service: PushService) -> None:
        self._app = app
        self._service = service
        self._before = self._after = 0.0
        self._changed = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(CONTROL):
            self._before, self._after = map(float, path.removeprefix(CONTROL).split("/"))
            self._changed.set()
            self._changed = asyncio.Event()
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
        elif path.startswith(TAKEN):
            first = int(path.removeprefix(TAKEN))
            page = self._service.log.entries[first : first + PAGE]
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send(
                {
                    "type": "http.response.body",
                    "body": msgspec.json.encode([len(page), taken(page)]),
                }
            )
        elif path.endswith("/push/send"):
            await self._wait(self._before)
            await self._app(scope, receive, self._late(send))
        else:
            await self._app(scope, receive, send)

    async def _wait(self, seconds: float) -> None:
        """So long, or until the delays are changed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _late(self, send: Send) -> Send:
        async def send_late(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._wait(self._after)
            await send(message)

        return send_late


def taken(requests: Sequence[LoggedRequest]) -> list[tuple[float, str, str, str]]:
    """The messages of those among these that were accepted."""
    messages = [
        (request.at, message)
        for request in requests
        if request.path.endswith("/push/send") and request.status == 200
        for message in cast(list[dict[str, Any]], decoded(request))
    ]
    return [
        (at, one["data"]["eventId"], one["to"], one.get("collapseId") or one["tag"])
        for at, one in messages
    ]


async def main() -> None:
    service = PushService(time.time, Random(), 0.1, keep_requests=MANY, keep_displayed=MANY)
    service.set_project("@simulator/first", rate_limit=0)
    server = HttpServer(Slow(create_app(service), service), "127.0.0.1", 0)
    with stop_signals() as stopped:
        server.start()
        sys.stdout.write(f"Slow Expo simulator on {server.url}\n")
        sys.stdout.flush()
        await stopped.wait()
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
