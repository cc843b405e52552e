"""Reading JSON bodies, and saying what is wrong with one in Expo's words."""

import json
import re
from typing import Final, TypeVar

import msgspec

from calbell.simulator.wire import Refused, invalid

Shape = TypeVar("Shape")

_COMPLAINT: Final = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<where>.*)`)?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<field>.+)`")
_EXPECTED: Final = re.compile(r"Expected `(?P<types>[a-z| ]+)`, got .*")
_EXPECTED_NAMES: Final = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "a boolean",
    "array": "an array",
    "object": "of type object",
    "null": "null",
}
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<field>.+)`")
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_NOT_JSON = (msgspec.DecodeError, ValueError, RecursionError)


def parsed(body: bytes) -> msgspec.Raw:
    """The body, which is one JSON value or is refused (S27).

    Half of an emoji, escaped, is JSON to JavaScript but not to msgspec: it becomes `?`.
    """
    try:
        if _ESCAPED_SURROGATE.search(body):
            body = json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace")
        return msgspec.json.decode(body, type=msgspec.Raw)
    except _NOT_JSON:
        raise _not_json() from None


def shaped(decoder: msgspec.json.Decoder[Shape], value: msgspec.Raw) -> Shape:
    """What the JSON value says, which has the decoder's shape or is refused (S24, S25)."""
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise misshapen(error) from None
    except _NOT_JSON:
        raise _not_json() from None


def misshapen(error: msgspec.ValidationError) -> Refused:
    """The refusal that names the field, such as `"[2].title" must be a string.`

    Only the texts of "is required", "must be a string" and "must be of type object" are known
    (expo-push.md section 9); the others are formed after them.
    """
    complaint = _COMPLAINT.fullmatch(str(error))
    what, where = complaint.group("what", "where") if complaint else (str(error), None)
    place = (where or "").removeprefix(".")
    if missing := _MISSING.fullmatch(what):
        return invalid(f'"{_inside(place, missing["field"])}" is required.')
    if unknown := _UNKNOWN.fullmatch(what):
        return invalid(f'"{_inside(place, unknown["field"])}" is not allowed.')
    if expected := _EXPECTED.fullmatch(what):
        return invalid(f'"{place or "value"}" must be {_named(expected["types"].split(" | "))}.')
    return invalid(f'"{place or "value"}" is not valid: {what}.')


def _inside(place: str, field: str) -> str:
    return f"{place}.{field}" if place else field


def _named(types: list[str]) -> str:
    if "object" in types and "array" in types:
        return _EXPECTED_NAMES["object"]
    return " or ".join(_EXPECTED_NAMES[name] for name in types if name != "null" or types == [name])


def _not_json() -> Refused:
    return invalid("The request body is not valid JSON.")
