"""The way to Expo over HTTP/1.1, with connections that are kept."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Final

import aiohttp
from msgspec import Struct

from calbell.expo.transport import AnswerLost, NotTransmitted, Reply

CONNECT_TIMEOUT: Final = timedelta(seconds=5)
"""For name, socket and TLS together (expo-push.md section 13)."""

MOST_ANSWER_BYTES: Final = 8 * 1024 * 1024
"""Of an unpacked answer. The largest real ones, 1000 receipts, stay under 1 MiB."""

_KEPT_IDLE_SECONDS = 15.0
"""Short, because a request on a connection that the far end is just closing is lost, and nobody
knows whether it was read."""


class _Progress(Struct):
    """How far a request came: without a connection, nothing of it can have left."""

    has_connection: bool = False


class HttpTransport:
    """Posts to `base_url` (without a slash at its end), at most `connections` at once; further ones
    wait, within their own `timeout`, which is for one request in all.

    Proxies of the environment are not used and cookies are not kept.
    """

    def __init__(self, base_url: str, timeout: timedelta, connections: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._slots = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The answer, of whatever status; its body ends at `MOST_ANSWER_BYTES`.

        `NotTransmitted` is raised exactly when no connection came about. On a kept connection that
        the far end had closed the answer counts as lost: the request may have been read.
        """
        progress = _Progress()
        # A timeout is an OSError; a UnicodeError comes from a host name that no DNS can hold.
        with suppress(aiohttp.ClientError, OSError, UnicodeError):
            async with asyncio.timeout(self._timeout.total_seconds()), self._slots:
                return await self._exchange(self._base_url + path, body, headers, progress)
        # Raised out here, because the errors of aiohttp hold the request with its access token.
        raise AnswerLost if progress.has_connection else NotTransmitted

    async def close(self) -> None:
        """All connections are closed. A later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(
        self, url: str, body: bytes, headers: Mapping[str, str], progress: _Progress
    ) -> Reply:
        async with self._open_session().post(
            url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=progress
        ) as response:
            return Reply(
                response.status,
                {name.lower(): value for name, value in response.headers.items()},
                await _read(response),
            )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Unlimited, because `_slots` limits: so waiting for a slot is not connecting.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_IDLE_SECONDS),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=min(self._timeout, CONNECT_TIMEOUT).total_seconds()
                ),
                headers={"accept-encoding": "gzip, deflate", "user-agent": "calbell"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                trace_configs=[_connection_trace()],
            )
        return self._session


def _connection_trace() -> aiohttp.TraceConfig:
    """Notes in the request's `_Progress` that it has a connection, new (TLS included) or kept. That
    is surer than the kinds of aiohttp's errors: some of them are raised before and after."""
    trace = aiohttp.TraceConfig()

    async def note(_session: object, context: SimpleNamespace, _parameters: object) -> None:
        context.trace_request_ctx.has_connection = True

    trace.on_connection_create_end.append(note)
    trace.on_connection_reuseconn.append(note)
    return trace


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body; what goes beyond the limit is cut off together with the connection."""
    chunks: list[bytes] = []
    room = MOST_ANSWER_BYTES
    async for chunk in response.content.iter_any():
        chunks.append(chunk[:room])
        room -= len(chunk)
        if room < 0:
            response.close()
            break
    return b"".join(chunks)
