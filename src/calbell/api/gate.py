"""The gate before all that users ask for: the request limit, then the credentials."""

from collections.abc import Hashable
from ipaddress import IPv6Address, IPv6Network

from msgspec import Struct

from calbell.api.answers import Header, Problem
from calbell.api.credentials import NOTHING_SENT, UNKNOWN_KEY, Caller, Credentials, Unasked
from calbell.api.limits import Allowance, RequestLimit
from calbell.api.requests import Call
from calbell.flows.surroundings import Clock

_WORDS = "CustomThrottlerGuard - Too many requests. Please try again later."
TOO_MANY = Problem(429, "ThrottlerException", _WORDS, _WORDS)


class Visit(Struct, frozen=True):
    """Somebody at the gate: the caller, or why he is not let in, and the headers that every answer
    to him carries."""

    who: Caller | Problem
    headers: tuple[Header, ...] = ()


class Gate:
    """Lets callers in, each so often a minute.

    Whatever stands in `Authorization` has a share of its own, good or not; where it is refused, it
    spends its address's share as well, so that nobody tries credentials out at any speed. For an
    address that has spent its share Cal.com is not asked any more, but who is known here still
    gets in from it.
    """

    def __init__(self, credentials: Credentials, limit: RequestLimit | None, clock: Clock) -> None:
        self._credentials = credentials
        self._limit = limit
        self._clock = clock

    async def admit(self, call: Call) -> Visit:
        """Who asks."""
        if self._limit is None:
            known = self._credentials.at_hand(call) or await self._credentials.user(
                call, may_ask=True
            )
            return Visit(TOO_MANY if isinstance(known, Unasked) else known)
        return await self._within(self._limit, call)

    async def _within(self, limit: RequestLimit, call: Call) -> Visit:
        now = self._clock()
        authorization = call.headers.get(b"authorization")
        address = address_bucket(call.address)
        allowance = limit.spend(hash(authorization) if authorization else address, now)
        if allowance.is_refused:
            return Visit(TOO_MANY, told(allowance))
        known = self._credentials.at_hand(call) or await self._credentials.user(
            call, may_ask=not limit.is_blocked(address, now)
        )
        if isinstance(known, Caller) or known is NOTHING_SENT:
            return Visit(known, told(allowance))
        of_address = limit.spend(address, now)
        if of_address.is_refused or isinstance(known, Unasked):
            return Visit(TOO_MANY, told(of_address))
        # Such a key is refused by Cal.com's limiter itself, before it counts.
        return Visit(known, () if known is UNKNOWN_KEY else told(allowance))


def told(allowance: Allowance) -> tuple[Header, ...]:
    """The three headers that say how much is left."""
    return (
        (b"x-ratelimit-limit-default", b"%d" % allowance.limit),
        (b"x-ratelimit-remaining-default", b"%d" % allowance.remaining),
        (b"x-ratelimit-reset-default", b"%d" % allowance.reset_seconds),
    )


def address_bucket(address: str) -> Hashable:
    """Whose share an address spends: over IPv6 whoever has one address has a network of them."""
    if ":" not in address:
        return address
    try:
        whole = IPv6Address(address)
    except ValueError:
        return address
    if (mapped := whole.ipv4_mapped) is not None:
        return str(mapped)
    return IPv6Network((whole, 64), strict=False)
