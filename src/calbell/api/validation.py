"""Validation of a body as Cal.com does it: every failing property, with all its failing rules."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from calbell.api.answers import Problem
from calbell.api.bodies import Body
from calbell.domain.push_events import PushEvent
from calbell.domain.push_tokens import is_push_token
from calbell.domain.subscription import Platform


class Rule(Struct, frozen=True):
    """A rule's name at Cal.com, what it says, and when it is kept."""

    name: str
    text: str
    is_kept: Callable[[object], bool]


class Property(Struct, frozen=True):
    """A field of a body and its rules, in the order in which they are reported. `is_fine` tells
    whether all of them are kept."""

    name: str
    is_fine: Callable[[object], bool]
    rules: tuple[Rule, ...]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_not_empty(value: object) -> bool:
    return value is not None and value != ""


def _is_token(value: object) -> bool:
    return isinstance(value, str) and is_push_token(value)


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_platform(value: object) -> bool:
    return isinstance(value, str) and value in Platform.__members__


def _may_be_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _may_be_event(value: object) -> bool:
    return value is None or (isinstance(value, str) and value in PushEvent.__members__)


def _one_of(names: Sequence[str]) -> str:
    return f"must be one of the following values: {', '.join(names)}"


TOKEN = Property(
    "token",
    _is_token,
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
    _is_platform,
    (Rule("isEnum", f"platform {_one_of(tuple(Platform))}", _is_platform),),
)
DEVICE_ID = Property(
    "deviceId",
    _is_filled,
    (
        Rule("isNotEmpty", "deviceId should not be empty", _is_not_empty),
        Rule("isString", "deviceId must be a string", _is_text),
    ),
)
EVENT = Property(
    "event", _may_be_event, (Rule("isEnum", f"event {_one_of(tuple(PushEvent))}", _may_be_event),)
)
BOOKING_UID = Property(
    "bookingUid",
    _may_be_text,
    (Rule("isString", "bookingUid must be a string", _may_be_text),),
)


def check(body: Body, properties: Sequence[Property]) -> Problem | None:
    """What is wrong with the body, or `None`. Then each property in it is as its rules say."""
    fields = body if isinstance(body, dict) else {}
    for one in properties:
        if not one.is_fine(fields.get(one.name)):
            return _problem(body, fields, properties)
    return None


def _problem(body: Body, fields: dict[str, object], properties: Sequence[Property]) -> Problem:
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
    return Problem(400, "BadRequestException", "Bad Request Exception", {"errors": errors})
