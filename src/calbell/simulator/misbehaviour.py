"""What a fault makes of the answer to a request."""

from collections.abc import Callable
from typing import assert_never

from msgspec.structs import replace

from calbell.simulator import faults
from calbell.simulator.faults import Fault, InPlaceFault, WireFault
from calbell.simulator.manners import Broken, Last, Refusing, Silence, Slow, Truncated
from calbell.simulator.projects import RATE_LIMIT
from calbell.simulator.retelling import changed, retold
from calbell.simulator.wire import (
    BearerInvalid,
    Refused,
    Request,
    Response,
    http_date,
    json_response,
    server_error,
    too_many_requests,
)
from calbell.simulator.world import World

_PAGE = (
    "<html>\r\n<head><title>{title}</title></head>\r\n"
    "<body><center><h1>{title}</h1></center></body>\r\n</html>\r\n"
)
_NO_UPSTREAM = "no healthy upstream"
_CUT_UPSTREAM = (
    "upstream connect error or disconnect/reset before headers. "
    "reset reason: connection termination"
)
_NOTHING = Response(0, {}, b"")

Honest = Callable[[], Response]


def spoiled(fault: Fault, world: World, request: Request, honest: Honest) -> Response:
    """The answer that the client gets in place of the honest one, which may be carried out."""
    if isinstance(fault, faults.InPlaceFault):
        return _in_place(fault, world, honest)
    if isinstance(fault, faults.WireFault):
        return _on_the_wire(fault, world, request, honest)
    if isinstance(fault, faults.RetoldFault):
        return retold(fault, honest(), world.request_id())
    if isinstance(fault, faults.LateReceipts) and request.path.endswith("getReceipts"):
        return changed(honest(), lambda _: {})
    return honest()


def _in_place(fault: InPlaceFault, world: World, honest: Honest) -> Response:
    match fault:
        case faults.TooManyRequests(retry_after=retry_after):
            raise too_many_requests(RATE_LIMIT, retry_after)
        case faults.ServerError(variant=variant):
            if variant == "after":
                honest()
            raise server_error()
        case faults.BadGateway():
            return _page(502, "502 Bad Gateway")
        case faults.Unavailable(variant=variant):
            text = _NO_UPSTREAM if variant == "no upstream" else _CUT_UPSTREAM
            return Response(503, {"content-type": "text/plain"}, text.encode())
        case faults.GatewayTimeout():
            honest()
            return _page(504, "504 Gateway Time-out")
        case faults.Garbage():
            honest()
            return _garbage(fault)
        case faults.BadReceipts():
            return _bad_receipts(fault, honest)
        case faults.BearerTurnsInvalid():
            raise BearerInvalid
        case faults.SeveralErrors():
            return _several_errors(world)
        case faults.ErrorsOnly():
            return json_response({"errors": [server_error().error(world.request_id())]})
        case _:
            assert_never(fault)


def _on_the_wire(fault: WireFault, world: World, request: Request, honest: Honest) -> Response:
    match fault:
        case faults.NotRead(variant=variant, seconds=seconds):
            manner = Broken(reset=False) if variant == "closed" else Refusing(seconds)
            return replace(_NOTHING, manner=manner)
        case faults.Reset(variant=variant):
            answer = honest() if variant == "queued" else _NOTHING
            return replace(answer, manner=Broken(reset=True))
        case faults.NoAnswer():
            return replace(honest(), manner=Silence())
        case faults.CutOff(variant=variant):
            return replace(honest(), manner=Truncated(chunked=variant == "chunked"))
        case faults.SlowAnswer(head_seconds=head_seconds, byte_seconds=byte_seconds):
            return replace(honest(), manner=Slow(head_seconds, byte_seconds))
        case faults.Rerouted():
            return _rerouted(fault, request, honest)
        case faults.ClockSkew(seconds=seconds):
            answer = honest()
            return replace(
                answer, headers=answer.headers | {"date": http_date(world.now + seconds)}
            )
        case _:
            assert_never(fault)


def _page(status: int, title: str) -> Response:
    return Response(status, {"content-type": "text/html"}, _PAGE.format(title=title).encode())


def _garbage(fault: faults.Garbage) -> Response:
    match fault.variant:
        case "html":
            return _page(fault.status, "Welcome")
        case "empty":
            return Response(fault.status, {"content-type": "application/json"}, b"")
        case "object":
            return json_response({}, fault.status)
        case "null":
            return json_response(None, fault.status)
        case "array":
            return json_response([], fault.status)


def _bad_receipts(fault: faults.BadReceipts, honest: Honest) -> Response:
    match fault.variant:
        case "429":
            raise too_many_requests(RATE_LIMIT)
        case "500":
            raise server_error()
        case "nothing":
            return replace(honest(), manner=Silence())
        case "array":
            return changed(honest(), lambda receipts: list(receipts.values()))


def _several_errors(world: World) -> Response:
    first = Refused(400, "VALIDATION_ERROR", '"[0].to" is required.').error(world.request_id())
    second = Refused(400, "VALIDATION_ERROR", '"[1].title" must be a string.').error(
        world.request_id()
    )
    first["details"] = {"index": 0}
    first["stack"] = 'ValidationError: "[0].to" is required.\n    at send (/app/push.js:1:1)'
    return json_response({"errors": [first, second]}, 400)


def _rerouted(fault: faults.Rerouted, request: Request, honest: Honest) -> Response:
    match fault.variant:
        case "301" | "307":
            query = f"?{request.query}" if request.query else ""
            return Response(int(fault.variant), {"location": request.path + query}, b"")
        case "close":
            answer = honest()
            return replace(answer, headers=answer.headers | {"connection": "close"})
        case "idle":
            return replace(honest(), manner=Last(fault.seconds))
