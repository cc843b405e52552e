"""The gate before all that users ask for: the request limit, then the credentials."""

from collections.abc import Hashable
from ipaddress import IPv6Address, IPv6Network

from msgspec import Struct

from calbell.api.answers import Header, Problem
from calbell.api.credentials import (
    CALCOM_IS_SILENT,
    NOTHING_SENT,
    UNKNOWN_KEY,
    Caller,
    Credentials,
    Unasked,
    sent,
)
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

    Whatever is sent as a credential has a share of its own, good or not. One that nobody knows at
    once spends its address's share as well, and gives it back where it turns out to be good: so
    Cal.com is not asked any more often for an address than a user may ask here. From an address
    that has spent its share, only who is known here gets in.
    """

    def __init__(self, credentials: Credentials, limit: int, clock: Clock) -> None:
        self._credentials = credentials
        self._of_credentials = RequestLimit(limit) if limit else None
        # Apart, so that no number of credentials makes the blocks of addresses forgotten.
        self._of_addresses = RequestLimit(limit)
        self._clock = clock

    async def admit(self, call: Call) -> Visit:
        """Who asks."""
        if self._of_credentials is None:
            known = self._credentials.at_hand(call) or await self._credentials.user(
                call, may_ask=True
            )
            return Visit(TOO_MANY if isinstance(known, Unasked) else known)
        now, credential = self._clock(), sent(call)
        address = address_bucket(call.address)
        if not credential:
            allowance = self._of_addresses.spend(address, now)
            return Visit(TOO_MANY if allowance.is_refused else NOTHING_SENT, told(allowance))
        allowance = self._of_credentials.spend(hash(credential), now)
        if allowance.is_refused:
            return Visit(TOO_MANY, told(allowance))
        at_hand = self._credentials.at_hand(call)
        if at_hand is not None:
            return Visit(at_hand, told(allowance))
        return await self._ask(call, address, allowance)

    async def _ask(self, call: Call, address: Hashable, allowance: Allowance) -> Visit:
        now = self._clock()
        may_ask = not self._of_addresses.is_blocked(address, now)
        if may_ask:
            self._of_addresses.spend(address, now)
        known = await self._credentials.user(call, may_ask=may_ask)
        if isinstance(known, Caller) or known is CALCOM_IS_SILENT:
            if may_ask:
                self._of_addresses.give_back(address, now)
            return Visit(known, told(allowance))
        if not may_ask or isinstance(known, Unasked):
            return Visit(TOO_MANY, told(self._of_addresses.spend(address, now)))
        # An unknown key is refused by Cal.com's limiter itself, before it counts.
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
