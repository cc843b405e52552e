"""Misbehaviour on demand: which faults there are, and which request meets one."""

from collections.abc import Callable
from enum import StrEnum
from typing import Literal, get_args

import msgspec

from calbell.simulator.projects import RATE_LIMIT
from calbell.simulator.wire import Refused, Request, Response, unpacked


class Endpoint(StrEnum):
    """The endpoints that can be told to misbehave."""

    SEND = "send"
    RECEIPTS = "receipts"


class TooManyRequests(
    msgspec.Struct, frozen=True, tag_field="fault", tag="F01", forbid_unknown_fields=True
):
    """429; `retry_after` is sent as the header `Retry-After`: seconds, or an HTTP date."""

    retry_after: int | str | None = None


class ServerError(
    msgspec.Struct, frozen=True, tag_field="fault", tag="F02", forbid_unknown_fields=True
):
    """500, before or after the request was carried out."""

    variant: Literal["before", "after"] = "before"


class GatewayTimeout(
    msgspec.Struct, frozen=True, tag_field="fault", tag="F05", forbid_unknown_fields=True
):
    """504, although the request was carried out: the duplicate trap."""


Fault = TooManyRequests | ServerError | GatewayTimeout

_GATEWAY_TIMEOUT_PAGE = (
    b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n"
    b"<body><center><h1>504 Gateway Time-out</h1></center></body>\r\n</html>\r\n"
)

SUPPORTED = tuple(kind.__struct_config__.tag for kind in get_args(Fault))


def fault_id(fault: Fault) -> str:
    return str(fault.__struct_config__.tag)


class QueuedFault(msgspec.Struct, frozen=True):
    """A fault that waits for its requests: those to `on` that name `token`, if one is given.

    It begins with the `nth` of them from now and strikes `times` times; 0 means until reset.
    """

    fault: Fault
    on: Endpoint = Endpoint.SEND
    token: str | None = None
    nth: int = 1
    times: int = 1


class _Armed:
    __slots__ = ("met", "queued", "struck")

    def __init__(self, queued: QueuedFault) -> None:
        self.queued = queued
        self.met = 0
        self.struck = 0

    @property
    def is_due(self) -> bool:
        return self.met >= self.queued.nth

    @property
    def is_spent(self) -> bool:
        return 0 < self.queued.times <= self.struck


class FaultQueue:
    """The queued faults; of several that are due, the one queued first strikes."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, queued: QueuedFault) -> None:
        self._armed.append(_Armed(queued))

    def strike(self, endpoint: Endpoint, request: Request) -> Fault | None:
        """The fault that this request meets. The request counts for every fault it matches."""
        matching = [each for each in self._armed if _matches(each.queued, endpoint, request)]
        for each in matching:
            each.met += 1
        due = next((each for each in matching if each.is_due), None)
        if due is None:
            return None
        due.struck += 1
        self._armed = [each for each in self._armed if not each.is_spent]
        return due.queued.fault


def spoiled(fault: Fault, honest: Callable[[], Response]) -> Response:
    """The answer that the client gets in place of the honest one, which may be carried out."""
    match fault:
        case TooManyRequests(retry_after=retry_after):
            raise too_many_requests(RATE_LIMIT, retry_after)
        case ServerError(variant=variant):
            if variant == "after":
                honest()
            raise Refused(
                500, "INTERNAL_SERVER_ERROR", "An unknown error occurred.", is_transient=True
            )
        case GatewayTimeout():
            honest()
            return Response(504, {"content-type": "text/html"}, _GATEWAY_TIMEOUT_PAGE)


def too_many_requests(limit: int, retry_after: int | str | None = None) -> Refused:
    """The refusal of S28, which carries a `Retry-After` only when told to (F01)."""
    return Refused(
        429,
        "TOO_MANY_REQUESTS",
        f"Exceeded {limit} notifications per second, please try again.",
        is_transient=True,
        headers={} if retry_after is None else {"retry-after": str(retry_after)},
    )


def _matches(queued: QueuedFault, endpoint: Endpoint, request: Request) -> bool:
    if queued.on is not endpoint:
        return False
    if queued.token is None:
        return True
    try:
        return queued.token.encode() in unpacked(request)
    except Refused:
        return False
