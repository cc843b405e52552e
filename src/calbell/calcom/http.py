"""The way to a Cal.com instance over HTTP, with connections that are kept."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypeAlias

import aiohttp
from msgspec import Struct

from calbell.calcom.me import Asked, CannotTell, read_me

TIMEOUT: Final = timedelta(seconds=10)
"""Of one question in all. Cal.com's mobile app gives up after 30 seconds."""

CONNECTIONS: Final = 20
"""Questions under way at once."""

MOST_ANSWER_BYTES: Final = 256 * 1024
"""Of an answer about one thing."""

MOST_LIST_BYTES: Final = 8 * 1024 * 1024
"""Of a page of bookings with all that was answered in their forms."""

API_VERSION: Final = "2024-08-13"
"""The form of bookings that is read here."""


class Answered(Struct, frozen=True):
    """What Cal.com said, whatever the status; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Struct, frozen=True):
    """It said nothing; `reason` is ours. Whether it did what it was asked for is not known."""

    reason: str


Answer: TypeAlias = Answered | NoAnswer


def asked(answer: Answer) -> Asked:
    """Who is said to have sent the question for who he is."""
    if isinstance(answer, NoAnswer):
        return CannotTell(answer.reason)
    return read_me(answer.status, answer.body)


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
            answer = await self._within_time("GET", "/me", authorization, None, MOST_ANSWER_BYTES)
        finally:
            self._slots.release()
        return asked(answer)

    async def ask(
        self,
        method: str,
        path: str,
        authorization: str,
        body: bytes | None = None,
        *,
        longest: int = MOST_ANSWER_BYTES,
    ) -> Answer:
        """What it says to a request with this `Authorization` header and JSON body; `path` begins
        below the API's address and may have a query."""
        async with self._slots:
            return await self._within_time(method, path, authorization, body, longest)

    async def _within_time(
        self, method: str, path: str, authorization: str, body: bytes | None, longest: int
    ) -> Answer:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await self._exchange(method, path, authorization, body, longest)
        except TimeoutError:
            return NoAnswer("timeout")
        except (aiohttp.ClientError, OSError, UnicodeError):
            # Not the error itself: those of aiohttp hold the request with its credential.
            return NoAnswer("no connection")

    async def close(self) -> None:
        """All connections are closed. A later question opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(
        self, method: str, path: str, authorization: str, body: bytes | None, longest: int
    ) -> Answer:
        headers = {"authorization": authorization, "cal-api-version": API_VERSION}
        if body is not None:
            headers["content-type"] = "application/json"
        async with self._open_session().request(
            method,
            f"{self._base_url}{path}",
            headers=headers,
            data=body,
            allow_redirects=False,
        ) as response:
            read = bytearray()
            async for chunk in response.content.iter_any():
                read += chunk
                if len(read) > longest:
                    response.close()
                    return NoAnswer("too long an answer")
            told = {name.lower(): value for name, value in response.headers.items()}
            return Answered(response.status, told, bytes(read))

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
