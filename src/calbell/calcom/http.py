"""The way to a Cal.com instance over HTTP, with connections that are kept."""

import asyncio
from datetime import timedelta
from typing import Final

import aiohttp

from calbell.calcom.me import Asked, CannotTell, read_me

TIMEOUT: Final = timedelta(seconds=10)
"""Of one question in all. Cal.com's mobile app gives up after 30 seconds."""

CONNECTIONS: Final = 20
"""Questions under way at once."""

MOST_ANSWER_BYTES: Final = 256 * 1024


class CalcomApi:
    """The API v2 of the instance at `base_url` (`https://api.cal.com/v2`, no slash at its end).

    Proxies of the environment are not used, cookies are not kept and redirects are not followed:
    a credential goes to this instance and nowhere else.
    """

    def __init__(self, base_url: str, timeout: timedelta = TIMEOUT) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._session: aiohttp.ClientSession | None = None

    async def me(self, authorization: str) -> Asked:
        """Who the sender of this `Authorization` header is."""
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                await self._slots.acquire()
        except TimeoutError:
            # Many ask at once; that says nothing of the instance.
            return CannotTell("too many questions at once", is_down=False)
        try:
            return await self._within_time(authorization)
        finally:
            self._slots.release()

    async def _within_time(self, authorization: str) -> Asked:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await self._me(authorization)
        except TimeoutError:
            return CannotTell("timeout")
        except (aiohttp.ClientError, OSError, UnicodeError):
            # Not the error itself: those of aiohttp hold the request with its credential.
            return CannotTell("no connection")

    async def close(self) -> None:
        """All connections are closed. A later question opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _me(self, authorization: str) -> Asked:
        async with self._open_session().get(
            f"{self._base_url}/me",
            headers={"authorization": authorization},
            allow_redirects=False,
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MOST_ANSWER_BYTES:
                    response.close()
                    return CannotTell("too long an answer")
            return read_me(response.status, bytes(body))

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"user-agent": "calbell", "accept": "application/json"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session
