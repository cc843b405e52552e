"""What Expo's answers come to: an HTTP reply in, an outcome out, never an exception.

The rows are those of expo-push.md sections 8 to 12.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final, TypeGuard, assert_never

import msgspec

from calbell.domain.outcomes import (
    Accepted,
    AllBarred,
    AllLater,
    AllUnclear,
    Answer,
    Delivered,
    Later,
    MixedProjects,
    NoReceipts,
    Receipt,
    Receipts,
    ReceiptsAnswer,
    ReceiptsRefused,
    Ticket,
    Tickets,
    Unclear,
    WholeRefused,
)
from calbell.expo.codes import Fate, error_outcome, short_code
from calbell.expo.transport import Reply

LONGEST_WAIT: Final = timedelta(hours=1)
"""No `Retry-After` holds us longer: Expo documents none (expo-push.md section 13), and an absurd
one must not silence a project for days."""

LONGEST_ID: Final = 64
"""Characters of a ticket id (expo-push.md section 8)."""

_LONGEST_PROJECT = 255
_NO_APNS = "Could not find APNs credentials"
"""What a ticket says that sometimes comes without `details` (section 8)."""

_PROJECT = re.compile(r"@[\w.-]+/[\w.-]*\w")
_MIXED_PROJECTS = "PUSH_TOO_MANY_EXPERIENCE_IDS"


class _Whole(Enum):
    """What a request that brought no tickets comes to."""

    REFUSED = "refused"
    LATER = "later"
    BARRED = "barred"
    UNCLEAR = "unclear"
    UNEXPLAINED = "unexplained"


_STATUSES: Final[Mapping[int, _Whole]] = {
    401: _Whole.BARRED,
    403: _Whole.BARRED,
    404: _Whole.LATER,
    405: _Whole.LATER,
    408: _Whole.UNCLEAR,
    413: _Whole.REFUSED,
    429: _Whole.LATER,
}
"""Sections 9 and 10, apart from the rules for hundreds. Credentials and a wrong address are no
fault of the messages, which stay pending until the operator has mended them. What is too large is,
whoever finds so: halves are smaller."""

_REQUEST_CODES: Final[Mapping[str, _Whole]] = {
    "VALIDATION_ERROR": _Whole.REFUSED,
    "API_ERROR": _Whole.REFUSED,
    _MIXED_PROJECTS: _Whole.REFUSED,
    "PUSH_TOO_MANY_NOTIFICATIONS": _Whole.REFUSED,
    "PUSH_TOO_MANY_RECEIPTS": _Whole.REFUSED,
    "UNAUTHORIZED": _Whole.BARRED,
    "TOO_MANY_REQUESTS": _Whole.LATER,
    "RATE_LIMIT_ERROR": _Whole.LATER,
    "INTERNAL_SERVER_ERROR": _Whole.UNCLEAR,
}
"""The codes of section 9, under whichever 4xx status says less. Only these refuse messages for good
(section 10): a page of a proxy, or a code that nobody knows, does not."""


def read_send(reply: Reply, tokens: Sequence[str]) -> Answer:
    """What the send request came to whose messages went to `tokens`, in this order."""
    if reply.status == 200:
        return _read_tickets(reply.body, tokens)
    if 300 <= reply.status < 400:
        return AllLater("REDIRECT", _wait(reply.headers))
    answer = _json_object(reply.body) or {}
    code = _request_code(answer)
    named = code or f"HTTP_{reply.status}"
    whole = _whole(reply.status, code)
    match whole:
        case _Whole.LATER:
            return AllLater(named, _wait(reply.headers))
        case _Whole.UNEXPLAINED:
            return AllLater(named, _wait(reply.headers), unexplained=True)
        case _Whole.BARRED:
            return AllBarred(named, reply.status == 401, _named_project(answer))
        case _Whole.UNCLEAR:
            return AllUnclear(named, _wait(reply.headers))
        case _Whole.REFUSED:
            projects = _projects(answer, tokens) if code == _MIXED_PROJECTS else None
            return WholeRefused(named) if projects is None else MixedProjects(projects)
        case _:
            assert_never(whole)


def read_receipts(reply: Reply) -> ReceiptsAnswer:
    """What the question for receipts came to. A receipt that makes no sense is left out, as if it
    were not there yet: it is asked for again."""
    answer = _json_object(reply.body)
    if reply.status != 200:
        code = _request_code(answer or {})
        named = code or f"HTTP_{reply.status}"
        # Asked in halves nothing is lost, whoever refused it.
        in_halves = _whole(reply.status, code) in (_Whole.REFUSED, _Whole.UNEXPLAINED)
        if in_halves and not 300 <= reply.status < 400:
            return ReceiptsRefused(named)
        return NoReceipts(named, _wait(reply.headers))
    match answer:
        case None:
            return NoReceipts("BAD_JSON")
        case {"errors": errors} if errors is not None:
            return NoReceipts(_request_code(answer) or "ERRORS")
        case {"data": {} as receipts}:
            read = ((id_, _receipt(receipt)) for id_, receipt in receipts.items())
            return Receipts(
                {id_: receipt for id_, receipt in read if receipt is not None and _is_id(id_)}
            )
        case _:
            return NoReceipts("NO_DATA")


def as_asked(receipts: Receipts, ticket_ids: Sequence[str]) -> Receipts:
    """The receipts of these tickets alone, under the ids as they were asked for. Expo may write an
    id in another case than before (expo-simulator.md F21)."""
    by_ticket = receipts.by_ticket
    folded = {id_.lower(): receipt for id_, receipt in by_ticket.items()}
    found = ((id_, by_ticket.get(id_) or folded.get(id_.lower())) for id_ in ticket_ids)
    return Receipts({id_: receipt for id_, receipt in found if receipt is not None})


def _read_tickets(body: bytes, tokens: Sequence[str]) -> Answer:
    answer = _json_object(body)
    match answer:
        case None:
            return AllUnclear("BAD_JSON")
        case {"errors": errors} if errors is not None:
            # Even an empty list is a failure for the official clients (section 8).
            return AllUnclear(_request_code(answer) or "ERRORS")
        case {"data": list() as tickets}:
            return _matched(tickets, tokens)
        case {"data": {} as ticket}:
            return _matched([ticket], tokens)
        case _:
            return AllUnclear("NO_DATA")


def _matched(tickets: Sequence[object], tokens: Sequence[str]) -> Answer:
    """Tickets by position, as long as nothing speaks against their order."""
    if len(tickets) != len(tokens):
        return AllUnclear("TICKET_COUNT")
    for ticket, token in zip(tickets, tokens, strict=True):
        match ticket:
            case {"details": {"expoPushToken": str(named)}} if named != token and named in tokens:
                # An error ticket names its phone: one of ours, and not the one in its place.
                return AllUnclear("TICKET_ORDER")
    return Tickets(tuple(map(_ticket, tickets)))


def _ticket(ticket: object) -> Ticket:
    """By `status` alone: error tickets have carried ids too (expo/expo#16215)."""
    match ticket:
        case {"status": "ok", "id": id_} if _is_id(id_):
            return Accepted(id_)
        case {"status": "ok"}:
            return Unclear("NO_TICKET_ID")
        case {"status": "error", "details": details}:
            return error_outcome(details, unexplained=Fate.LATER)
        case {"status": "error", "message": str(message)} if message.startswith(_NO_APNS):
            return Later("InvalidCredentials")
        case {"status": "error"}:
            return error_outcome(None, unexplained=Fate.LATER)
        case _:
            return Unclear("BAD_TICKET")


def _receipt(receipt: object) -> Receipt | None:
    match receipt:
        case {"status": "ok"}:
            return Delivered()
        case {"status": "error", "details": details}:
            return error_outcome(details, unexplained=Fate.REFUSED)
        case {"status": "error"}:
            return error_outcome(None, unexplained=Fate.REFUSED)
        case _:
            return None


def _is_id(value: object) -> TypeGuard[str]:
    """Whether a ticket can be kept and asked for by it: opaque, but not empty, not too long, and
    without what a database cannot keep."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def _whole(status: int, code: str | None) -> _Whole:
    known = _STATUSES.get(status)
    if known is not None:
        return known
    if 400 <= status < 500:
        return _REQUEST_CODES.get(code or "", _Whole.UNEXPLAINED)
    return _Whole.UNCLEAR


def _request_code(answer: Mapping[str, object]) -> str | None:
    """The code of the first error; or OAuth's, which comes without `errors` (section 9)."""
    match answer:
        case {"errors": [{"code": code}, *_]} | {"error": code}:
            return short_code(code)
        case _:
            return None


def _projects(
    answer: Mapping[str, object], tokens: Sequence[str]
) -> dict[str, tuple[str, ...]] | None:
    """Our tokens by the project that Expo names for them (section 14); `None` when that cannot be
    trusted: no map, no project, or a token in two."""
    match answer:
        case {"errors": [{"details": {} as details}, *_]}:
            pass
        case _:
            return None
    ours = set(tokens)
    projects: dict[str, tuple[str, ...]] = {}
    for project, listed in details.items():
        if not _is_project(project) or not isinstance(listed, list):
            return None
        if not all(isinstance(token, str) for token in listed):
            return None
        named = tuple(token for token in dict.fromkeys(listed) if token in ours)
        if named:
            projects[project] = named
    count = sum(len(named) for named in projects.values())
    distinct = {token for named in projects.values() for token in named}
    return projects if projects and count == len(distinct) else None


def _named_project(answer: Mapping[str, object]) -> str | None:
    """The project that a refused access token does not open, from the text (section 14)."""
    match answer:
        case {"errors": [{"message": str(message)}, *_]} if named := _PROJECT.search(message):
            return named[0] if _is_project(named[0]) else None
        case _:
            return None


def _is_project(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_PROJECT and name.isprintable()


def _json_object(body: bytes) -> dict[str, object] | None:
    """The body as a JSON object, or `None`. What msgspec refuses, such as half of a cut emoji, the
    standard library may still read."""
    answer: object
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return None
    return answer if isinstance(answer, dict) else None


def _wait(headers: Mapping[str, str]) -> timedelta | None:
    """`Retry-After`: seconds, or a date, which is held against the reply's own `Date`."""
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdigit():
        seconds = int(after) if len(after) < 10 else 10**9
        return min(timedelta(seconds=seconds), LONGEST_WAIT)
    until, now = _http_date(after), _http_date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return min(max(until - now, timedelta()), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
