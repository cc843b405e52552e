"""Answers: what goes back, and the one envelope that almost every error comes in.

The forms are those of Cal.com's API v2 (cal-api.md sections 4 to 8).
"""

import json as standard_json
import re
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

import msgspec
from msgspec import Struct
from starlette.types import Scope, Send

Header: TypeAlias = tuple[bytes, bytes]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_JSON: Header = (b"content-type", b"application/json; charset=utf-8")
_NOSNIFF: Header = (b"x-content-type-options", b"nosniff")

WHOLE, ANSWER = "calbell.whole", "answer"
"""The server's extension of ASGI, and what it has: a function that takes status, headers and body
at once, and says whether it could."""


class Answer(Struct, frozen=True):
    """A whole answer, with the headers that are its own."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = (_JSON,)

    async def send(self, scope: Scope, send: Send, extra: tuple[Header, ...] = ()) -> None:
        """It is on its way to the client."""
        length = (b"content-length", b"%d" % len(self.body))
        headers = [*self.headers, length, _NOSNIFF, *extra]
        extensions = scope.get("extensions")
        whole = extensions and extensions.get(WHOLE)
        if not whole or not whole[ANSWER](self.status, headers, self.body):
            start = "http.response.start"
            await send({"type": start, "status": self.status, "headers": headers})
            await send({"type": "http.response.body", "body": self.body})


class Problem(Struct, frozen=True):
    """An error that will go into the envelope: an exception class of Cal.com's, or an upper-snake
    word where its database failed. `reason` is HTTP's name of the status, in the details."""

    status: int
    code: str
    message: str
    details: object = None


def json(status: int, value: object) -> Answer:
    """Compact JSON; characters beyond ASCII stand as they are, but for what UTF-8 cannot say."""
    try:
        return Answer(status, msgspec.json.encode(value))
    except UnicodeEncodeError:
        # Half an emoji that a client sent is quoted to it as JavaScript does.
        text = standard_json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        escaped = _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
        return Answer(status, escaped.encode())


def bare(status: int, message: str) -> Answer:
    """The form without an envelope."""
    return json(status, {"statusCode": status, "message": message})


def enveloped(problem: Problem, url: str, now: datetime) -> Answer:
    """The problem in the envelope. `url` is path and query as asked for."""
    error: dict[str, object] = {"code": problem.code, "message": problem.message}
    if problem.details is not None:
        error["details"] = problem.details
    return json(
        problem.status,
        {"status": "error", "timestamp": iso(now), "path": url, "error": error},
    )


def problem(status: int, code: str, reason: str, message: str) -> Problem:
    """A problem with the details that Cal.com's own exceptions have."""
    details = {"message": message, "error": reason, "statusCode": status}
    return Problem(status, code, message, details)


def unauthorized(message: str) -> Problem:
    """The credential is not good, or there is none."""
    return problem(401, "UnauthorizedException", "Unauthorized", message)


def forbidden(message: str) -> Problem:
    """Whoever asks may not."""
    return problem(403, "ForbiddenException", "Forbidden", message)


def not_found(message: str) -> Problem:
    """There is no such thing, or not for this caller."""
    return problem(404, "NotFoundException", "Not Found", message)


def bad_request(message: str) -> Problem:
    """The request makes no sense."""
    return problem(400, "BadRequestException", "Bad Request", message)


def conflict(message: str) -> Problem:
    """It cannot be, beside what is there already."""
    return problem(409, "ConflictException", "Conflict", message)


DATABASE_FAILED = Problem(
    500, "INTERNAL_SERVER_ERROR", "There was an error, please try again later."
)
UNAVAILABLE = problem(
    503,
    "ServiceUnavailableException",
    "Service Unavailable",
    "The database cannot be asked now, please try again later.",
)


@lru_cache(maxsize=1024)
def iso(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`. What is kept in one list shares its times."""
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"
