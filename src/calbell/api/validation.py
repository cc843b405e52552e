"""Validation of a body as Cal.com does it: every failing property, with all its failing rules."""

import json as standard_json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from calbell.api.answers import Problem, bad_request
from calbell.api.endpoint import Call
from calbell.domain.push_tokens import is_push_token
from calbell.domain.subscription import Platform

Fields: TypeAlias = Mapping[str, object]


class Rule(Struct, frozen=True):
    """A rule's name at Cal.com, what it says, and when it is kept."""

    name: str
    text: str
    is_kept: Callable[[object], bool]


class Property(Struct, frozen=True):
    """A field of a body and its rules, in the order in which they are reported."""

    name: str
    rules: tuple[Rule, ...]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_not_empty(value: object) -> bool:
    return value is not None and value != ""


def _is_token(value: object) -> bool:
    return isinstance(value, str) and is_push_token(value)


TOKEN = Property(
    "token",
    (
        Rule(
            "matches",
            "token must be a valid Expo Push Token (ExponentPushToken[...])",
            _is_token,
        ),
        Rule("isNotEmpty", "token should not be empty", _is_not_empty),
        Rule("isString", "token must be a string", _is_text),
    ),
)
PLATFORM = Property(
    "platform",
    (
        Rule(
            "isEnum",
            "platform must be one of the following values: IOS, ANDROID",
            lambda value: isinstance(value, str) and value in Platform.__members__,
        ),
    ),
)
DEVICE_ID = Property(
    "deviceId",
    (
        Rule("isNotEmpty", "deviceId should not be empty", _is_not_empty),
        Rule("isString", "deviceId must be a string", _is_text),
    ),
)


def parsed(call: Call) -> object | Problem:
    """The JSON of the body; `{}` without a body, and for any content type that is not JSON."""
    kind = (call.header(b"content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json" or not call.body:
        return {}
    try:
        value: object = msgspec.json.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # A cut emoji makes a lone surrogate, which only the standard library takes.
        try:
            value = standard_json.loads(call.body)
        except (ValueError, RecursionError) as error:
            return bad_request(str(error))
    except RecursionError:
        return bad_request("too deep")
    if not isinstance(value, dict | list):
        return bad_request("the body must be an object")
    return value


def check(body: object, properties: Sequence[Property]) -> Problem | None:
    """What is wrong with the body, or `None`."""
    fields: Fields = body if isinstance(body, dict) else {}
    target: object = (
        {p.name: fields[p.name] for p in properties if p.name in fields}
        if isinstance(body, dict)
        else [None]
    )
    errors = []
    for one in properties:
        value = fields.get(one.name)
        broken = {rule.name: rule.text for rule in one.rules if not rule.is_kept(value)}
        if broken:
            entry: dict[str, object] = {"target": target}
            if one.name in fields:
                entry["value"] = value
            errors.append(entry | {"property": one.name, "children": [], "constraints": broken})
    if not errors:
        return None
    return Problem(400, "BadRequestException", "Bad Request Exception", {"errors": errors})
