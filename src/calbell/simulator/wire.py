"""What goes over the wire: requests, responses, refusals and their packing."""

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import UUID

import msgspec

from calbell.simulator.manners import Manner
from calbell.simulator.switches import DEFAULT, Switches

BODY_CAP = 2 * 1024 * 1024
"""Bytes of a request body, packed or unpacked, beyond which it is not read (expo-simulator.md
section 3)."""

_WORTH_PACKING = 1024
_GZIP = 16 + zlib.MAX_WBITS
_encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct, frozen=True):
    """One HTTP request; `path` is percent-encoded as it came, header names are lower-case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""


class Response(msgspec.Struct, frozen=True):
    """One HTTP answer, complete but for `content-length`; and how it goes, if not simply."""

    status: int
    headers: dict[str, str]
    body: bytes
    manner: Manner | None = None


class Refused(Exception):
    """The request as a whole is answered with an error, and nothing of it is queued."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, list[str]] | None = None,
        is_transient: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.is_transient = is_transient
        self.headers = headers or {}

    def response(self, request_id: UUID, switches: Switches = DEFAULT) -> Response:
        """This refusal in the form that expo-push.md section 9 gives."""
        answer = json_response({"errors": [self.error(request_id, switches)]}, self.status)
        return Response(self.status, answer.headers | self.headers, answer.body)

    def error(self, request_id: UUID, switches: Switches = DEFAULT) -> dict[str, object]:
        """The one error, to stand among `errors`."""
        is_legacy = switches.error_object == "legacy"
        error: dict[str, object] = {"code": self.code}
        if not is_legacy:
            error["type"] = "USER"
        error["message"] = self.message
        if self.details is not None:
            error["details"] = self.details
        error["isTransient"] = self.is_transient
        if not is_legacy:
            error["requestId"] = str(request_id)
        return error


class BearerInvalid(Exception):
    """The access token is none, which is said in OAuth's form and not as an error (S30)."""

    def response(self) -> Response:
        told = {"error": "invalid_token", "error_description": "The bearer token is invalid"}
        return json_response(told, 401)


def invalid(message: str) -> Refused:
    return Refused(400, "VALIDATION_ERROR", message)


def not_found(message: str) -> Refused:
    return Refused(404, "NOT_FOUND", message)


def too_many_requests(limit: int, retry_after: int | str | None = None) -> Refused:
    """The refusal of S28, which carries a `Retry-After` only when told to (F01)."""
    return Refused(
        429,
        "TOO_MANY_REQUESTS",
        f"Exceeded {limit} notifications per second, please try again.",
        is_transient=True,
        headers={} if retry_after is None else {"retry-after": str(retry_after)},
    )


def server_error() -> Refused:
    return Refused(500, "INTERNAL_SERVER_ERROR", "An unknown error occurred.", is_transient=True)


def too_large() -> Refused:
    return Refused(413, "PAYLOAD_TOO_LARGE", f"The request body is over {BODY_CAP} bytes.")


def json_response(value: object, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json; charset=utf-8"}, _encode(value))


def http_date(at: float) -> str:
    """The time as the header `Date` has it."""
    return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)


def unpacked(request: Request) -> bytes:
    """The body without its gzip, never more than `BODY_CAP` bytes, however much it promises."""
    body = request.body
    if len(body) > BODY_CAP:
        raise too_large()
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return body
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(body, BODY_CAP + 1)
    except zlib.error:
        raise invalid("The request body is not valid gzip.") from None
    if len(plain) > BODY_CAP:
        raise too_large()
    if not stream.eof or stream.unused_data:
        raise invalid("The request body is not valid gzip.")
    return plain


def packed(response: Response, request: Request) -> Response:
    """The response, gzipped where that pays and the client takes it (S07)."""
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    if not takes_gzip or len(response.body) <= _WORTH_PACKING:
        return response
    stream = zlib.compressobj(level=1, wbits=_GZIP)
    body = stream.compress(response.body) + stream.flush()
    headers = response.headers | {"content-encoding": "gzip", "vary": "accept-encoding"}
    return Response(response.status, headers, body, response.manner)
