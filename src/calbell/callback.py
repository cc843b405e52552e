"""The way of a notice: one address, which may hold a secret and is never logged. It leads out of
the operator's own network, or to exactly the place in it that the setting names."""

import asyncio
import socket
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from typing_extensions import override

TIMEOUT: Final = timedelta(seconds=10)
PRIVATE: Final = "private address"
NO_NAME: Final = "no such name"
_NAT64: Final = IPv6Network("64:ff9b::/96")


class PrivateAddress(Exception):
    """A name leads to a private, loopback or link-local address."""


class CallbackAddress:
    """An address that waits for notices. Proxies of the environment are not used, cookies are not
    kept, no redirect is followed, and what is answered is not read.

    A name is resolved for each attempt, and what is connected to is what was looked at: so that it
    cannot say one thing first and another one then.
    """

    def __init__(self, url: str, timeout: timedelta = TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout

    async def post(self, body: bytes, headers: Mapping[str, str]) -> str | None:
        """It was sent, once; why nobody took it, in a word."""
        connector = aiohttp.TCPConnector(resolver=_Looking(), use_dns_cache=False, force_close=True)
        try:
            async with (
                asyncio.timeout(self._timeout.total_seconds()),
                aiohttp.ClientSession(
                    connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
                ) as session,
                session.post(
                    self._url, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                return _failure(response.status)
        except PrivateAddress:
            return PRIVATE
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError, UnicodeError, ValueError):
            # Not the error itself: it holds the address.
            return "no connection"

    async def leads_nowhere(self) -> str | None:
        """Why nothing can be sent there, in a word, as far as that is seen without sending."""
        url = urlsplit(self._url)
        host = url.hostname or ""
        if _literal(host) is not None:
            return None
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                await _Looking().resolve(host, url.port or 443)
        except PrivateAddress:
            return PRIVATE
        except TimeoutError:
            return "timeout"
        except (OSError, UnicodeError):
            return NO_NAME
        return None


class _Looking(ThreadedResolver):
    """Resolves names to public addresses alone; `localhost` to this machine's own alone. Literal
    addresses never come here: they are meant as they are written."""

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        is_own = host.rstrip(".").lower() == "localhost"
        for one in found:
            address = ip_address(one["host"].partition("%")[0])
            if not (address.is_loopback if is_own else is_public(address)):
                raise PrivateAddress
        return found


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it leads out into the world, also where an IPv4 address is inside of it."""
    match address:
        case IPv4Address():
            return address.is_global and not address.is_multicast
        case IPv6Address():
            inner = address.ipv4_mapped or address.sixtofour
            if address in _NAT64:
                inner = IPv4Address(int(address) & 0xFFFFFFFF)
            if inner is not None:
                return is_public(inner)
            return address.is_global and not address.is_multicast and address.teredo is None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _failure(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    return "redirect" if 300 <= status < 400 else f"status {status}"
