"""Bodies of `/v2` and `/v1/me`, read as Cal.com's parser reads them (cal-api.md sections 2 and 7).

The parser comes before everything else: before the route, the limit and the credentials.
"""

import json
import re
import zlib
from typing import Final, NoReturn, TypeAlias

import msgspec

from calbell.api.answers import Answer, Problem, bad_request, bare
from calbell.api.json_syntax import complaint
from calbell.api.requests import USER_BODY, Call

Body: TypeAlias = dict[str, object] | list[object]

TOO_LARGE: Final = bare(413, "request entity too large")

_JSON: Final = re.compile(r"\s*application/json\s*(?:;|$)", re.IGNORECASE)
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^\s";]+)', re.IGNORECASE)
UTF_8: Final = "utf-8-sig"
_CODECS: Final = {
    "utf-8": UTF_8,
    "utf-7": "utf-7",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf-32": "utf-32",
    "utf-32le": "utf-32-le",
    "utf-32be": "utf-32-be",
}
_WINDOWS: Final = {"gzip": 31, "deflate": 15}
"""What zlib is told of the form of the data."""

DEEP: Final = 200
"""Brackets, below which nothing is nested too deeply to be quoted."""
LONG: Final = 400
"""Digits, above which JavaScript has no finite number."""

_GZIP_BROKEN: Final = bad_request("incorrect header check")


def decoded(call: Call) -> Body | Answer | Problem:
    """The object or list that was sent; `{}` without a body, and for a content type that is not
    JSON. Else what is answered, whoever asks and for whatever path."""
    if not call.body and b"content-length" not in call.headers:
        return {}
    kind = call.header(b"content-type") or ""
    codec = UTF_8
    if kind != "application/json":
        if _JSON.match(kind) is None:
            return {}
        charset = named[1] if (named := _CHARSET.search(kind)) else "utf-8"
        if charset.lower() not in _CODECS:
            return bare(415, f'unsupported charset "{charset.upper()}"')
        codec = _CODECS[charset.lower()]
    raw = _unpacked(call)
    if not isinstance(raw, bytes):
        return raw
    return _parsed(raw, codec) if raw else {}


def _unpacked(call: Call) -> bytes | Answer | Problem:
    encoding = (call.header(b"content-encoding") or "identity").lower()
    if encoding == "identity":
        return call.body
    window = _WINDOWS.get(encoding)
    if window is None:
        return bare(415, f'unsupported content encoding "{encoding}"')
    unpacking = zlib.decompressobj(window)
    try:
        raw = unpacking.decompress(call.body, USER_BODY + 1)
    except zlib.error:
        return _GZIP_BROKEN
    if len(raw) > USER_BODY:
        return TOO_LARGE
    return raw if unpacking.eof else bad_request("unexpected end of file")


def _parsed(raw: bytes, codec: str) -> Body | Problem:
    if codec == UTF_8:
        try:
            return _shallow(raw, _object_or_list(msgspec.json.decode(raw)))
        except (ValueError, RecursionError):
            # Half an emoji, a byte that is no UTF-8 and a BOM are taken at Cal.com all the same.
            pass
    text = raw.decode(codec, "replace")
    try:
        value: object = json.loads(text, parse_constant=_refuse, parse_int=_number)
        return _shallow(raw, _object_or_list(value))
    except (ValueError, RecursionError):
        return bad_request(complaint(text) or "Maximum call stack size exceeded")


def _object_or_list(value: object) -> Body:
    if isinstance(value, dict | list):
        return value
    raise ValueError


def _shallow(raw: bytes, body: Body) -> Body:
    """The body, if it can be quoted in an answer: what is read just so may be too deep to write."""
    if raw.count(b"[") + raw.count(b"{") > DEEP:
        json.dumps(body)
    return body


def _number(digits: str) -> int | float:
    """As in JavaScript, a number may be too long to be exact."""
    return int(digits) if len(digits) < LONG else float(digits)


def _refuse(constant: str) -> NoReturn:
    """`NaN` and `Infinity` are no JSON."""
    raise ValueError(constant)
