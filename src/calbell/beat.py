"""The way of a heartbeat: one address, which may hold a secret and is never logged."""

import asyncio
from datetime import timedelta
from typing import Final

import aiohttp

TIMEOUT: Final = timedelta(seconds=10)


class BeatAddress:
    """An address that waits for a heartbeat. Proxies of the environment are not used, cookies are
    not kept, and what is answered is not read."""

    def __init__(self, url: str, timeout: timedelta = TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout

    async def ask(self) -> str | None:
        """It was asked for, once; why that failed, in a word."""
        try:
            async with (
                asyncio.timeout(self._timeout.total_seconds()),
                aiohttp.ClientSession(
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers={"user-agent": "calbell"},
                    trust_env=False,
                ) as session,
                session.get(self._url) as response,
            ):
                return None if response.status < 400 else f"status {response.status}"
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError, UnicodeError, ValueError):
            # Not the error itself: it holds the address.
            return "no connection"
