"""Misbehaviour on demand: the faults there are (F01 to F24, and those that cases ask for)."""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from calbell.simulator.phones import Platform
from calbell.simulator.projects import KeyState

Seconds = Annotated[float, Meta(ge=0)]


class Endpoint(StrEnum):
    """The endpoints that can be told to misbehave."""

    SEND = "send"
    RECEIPTS = "receipts"


class _Fault(msgspec.Struct, frozen=True, tag_field="fault", forbid_unknown_fields=True):
    """One kind of fault; its fields are the `options` it takes."""


# Answers in place of the honest one.


class TooManyRequests(_Fault, frozen=True, tag="F01"):
    """429; `retry_after` is sent as the header `Retry-After`: seconds, or an HTTP date."""

    retry_after: int | str | None = None


class ServerError(_Fault, frozen=True, tag="F02"):
    """500, before or after the request was carried out."""

    variant: Literal["before", "after"] = "before"


class BadGateway(_Fault, frozen=True, tag="F03"):
    """502 with a page of HTML."""


class Unavailable(_Fault, frozen=True, tag="F04"):
    """503 with a line of text."""

    variant: Literal["no upstream", "connection termination"] = "no upstream"


class GatewayTimeout(_Fault, frozen=True, tag="F05"):
    """504, although the request was carried out: the duplicate trap."""


class Garbage(_Fault, frozen=True, tag="F11"):
    """The request was carried out, and the answer to it is not one."""

    variant: Literal["html", "empty", "object", "null", "array"] = "html"
    status: Annotated[int, Meta(ge=200, le=599)] = 200


class BadReceipts(_Fault, frozen=True, tag="F17"):
    """getReceipts answers 429, 500, nothing at all, or an array in place of the map."""

    variant: Literal["429", "500", "nothing", "array"] = "array"


class BearerTurnsInvalid(_Fault, frozen=True, tag="F22"):
    """401, whatever the access token (S30)."""


class SeveralErrors(_Fault, frozen=True, tag="S31"):
    """400 with two errors, and a stack on the first."""


class ErrorsOnly(_Fault, frozen=True, tag="S32"):
    """200 with errors and no data."""


# The request or its answer does not come through whole.


class NoAnswer(_Fault, frozen=True, tag="F06"):
    """The request is carried out and never answered."""


class NotRead(_Fault, frozen=True, tag="F07"):
    """The connection is closed before the request was read; `refused` stops listening as well, for
    so many seconds of the real clock."""

    variant: Literal["closed", "refused"] = "closed"
    seconds: Seconds = 1.0


class Reset(_Fault, frozen=True, tag="F08"):
    """The connection is reset when the request was read, which was carried out or not."""

    variant: Literal["queued", "not queued"] = "queued"


class CutOff(_Fault, frozen=True, tag="F09"):
    """Half of the answer comes: less than its `content-length`, or chunks without an end."""

    variant: Literal["length", "chunked"] = "length"


class SlowAnswer(_Fault, frozen=True, tag="F10"):
    """The honest answer, late by seconds of the real clock: its head, and each byte of its body."""

    head_seconds: Seconds = 0.0
    byte_seconds: Seconds = 0.0


class Rerouted(_Fault, frozen=True, tag="F23"):
    """A redirect to the same place; or the honest answer on a connection that ends with it, which
    is said (`close`) or not (`idle`, so many seconds of the real clock after the answer)."""

    variant: Literal["301", "307", "close", "idle"] = "307"
    seconds: Seconds = 0.0


class ClockSkew(_Fault, frozen=True, tag="F24"):
    """Expo's clock is wrong: the header `Date` and `sentAt` in receipts."""

    seconds: float = 3600.0


# The honest answer, spoiled.


class WrongCount(_Fault, frozen=True, tag="F12"):
    """A ticket too few, one too many, or the tickets in another order."""

    variant: Literal["fewer", "more", "reordered"] = "fewer"


class DataAndErrors(_Fault, frozen=True, tag="F14"):
    """The honest tickets, and an error beside them."""


class Unfamiliar(_Fault, frozen=True, tag="F21"):
    """An unknown error code, unknown fields, `details` as a string, or ids in capitals."""

    variant: Literal["code", "fields", "details", "capitals"] = "code"


# What becomes of single notifications.


class SomeFail(_Fault, frozen=True, tag="F13"):
    """The first `ok` tickets are ok, the others `ExpoError`."""

    ok: Annotated[int, Meta(ge=0)] = 1


class LateReceipts(_Fault, frozen=True, tag="F15"):
    """On send: the receipts are ready so many seconds after their tickets, or never. On receipts:
    none is ready for the request."""

    seconds: Seconds | None = None


class LateGone(_Fault, frozen=True, tag="F16"):
    """The tickets are ok; the receipts say, so much later, that the app is gone, and it is."""

    seconds: Seconds = 14 * 60.0


class BrokenCredentials(_Fault, frozen=True, tag="F18"):
    """As long as it strikes, the project's key is in this state, on one platform or on both."""

    platform: Platform | None = None
    state: KeyState = KeyState.MISSING


class Wave(_Fault, frozen=True, tag="F19"):
    """A share of the recipients is said not to be registered, though it is."""

    share: Annotated[float, Meta(ge=0, le=1)] = 1.0
    at: Literal["ticket", "receipt"] = "ticket"


class OddDelivery(_Fault, frozen=True, tag="F20"):
    """The phones get it twice, the last of the request first, or so many seconds later."""

    variant: Literal["twice", "reversed", "late"] = "twice"
    seconds: Seconds = 600.0


class Failing(_Fault, frozen=True, tag="S43"):
    """This code, in the tickets or in the receipts (S19, S43)."""

    code: Literal["MessageTooBig", "MessageRateExceeded", "ExpoError"] = "ExpoError"
    at: Literal["ticket", "receipt"] = "receipt"


class Dropped(_Fault, frozen=True, tag="S44"):
    """The receipts say that APNs dropped the connection, without a code."""


InPlaceFault: TypeAlias = (
    TooManyRequests
    | ServerError
    | BadGateway
    | Unavailable
    | GatewayTimeout
    | Garbage
    | BadReceipts
    | BearerTurnsInvalid
    | SeveralErrors
    | ErrorsOnly
)
"""What is answered in place of the honest answer."""

WireFault: TypeAlias = NoAnswer | NotRead | Reset | CutOff | SlowAnswer | Rerouted | ClockSkew
"""What befalls the request or its answer on the way."""

RetoldFault: TypeAlias = WrongCount | DataAndErrors | Unfamiliar
"""What is made of the honest answer."""

NotificationFault: TypeAlias = (
    SomeFail | LateReceipts | LateGone | BrokenCredentials | Wave | OddDelivery | Failing | Dropped
)
"""What befalls its notifications, each for itself."""

Fault: TypeAlias = InPlaceFault | WireFault | RetoldFault | NotificationFault

_ALL = get_args(Fault)
SUPPORTED = tuple(sorted(str(kind.__struct_config__.tag) for kind in _ALL))

_ONLY_OF_SEND = (
    WrongCount,
    SomeFail,
    LateGone,
    BrokenCredentials,
    Wave,
    OddDelivery,
    Failing,
    Dropped,
)


def fault_id(fault: Fault) -> str:
    return str(fault.__struct_config__.tag)


def endpoints_of(fault: Fault) -> tuple[Endpoint, ...]:
    """Where the fault can happen; the first is meant where none is named."""
    match fault:
        case BadReceipts():
            return (Endpoint.RECEIPTS,)
        case LateReceipts():
            return (Endpoint.SEND, Endpoint.RECEIPTS)
        case WrongCount():
            return (Endpoint.SEND,)
        case _ if isinstance(fault, NotificationFault):
            return (Endpoint.SEND,)
        case _:
            return (Endpoint.SEND, Endpoint.RECEIPTS)
