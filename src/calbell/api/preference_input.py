"""What a user sends of his preferences, read as a merge patch, or every property that is wrong.

Names may be nested, or joined with dots. Cal.com's names of the same things are understood as well
(cal-webhooks.md section 13). Unknown ones are refused: a misspelt switch that does nothing would be
worse.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Final, TypeAlias, cast

from msgspec import Struct

from calbell.api.answers import Problem
from calbell.domain.preferences import LONGEST_BEFORE, MOST_REMINDERS, TIME_OF_DAY
from calbell.domain.privacy import Privacy, at_least
from calbell.domain.push_events import PushEvent
from calbell.domain.quiet_hours import Weekday
from calbell.domain.time_zones import is_time_zone

MOST_ERRORS: Final = 20
"""That are listed: each quotes what was sent."""

DEEPEST: Final = 3
"""Names within names."""


_Leaves: TypeAlias = Iterator[tuple[str, object]]


class Switch(Struct, frozen=True):
    """One thing that can be chosen: the rule for its value at Cal.com's validator, and in words.
    `None` goes with all of them."""

    rule: str
    allowed: str
    is_fine: Callable[[object], bool]


def _is_time_of_day(value: object) -> bool:
    return isinstance(value, str) and TIME_OF_DAY.fullmatch(value) is not None


def _are_weekdays(value: object) -> bool:
    if not isinstance(value, list) or not all(isinstance(day, str) for day in value):
        return False
    return len(set(value)) == len(value) and set(value) <= set(Weekday)


def _is_zone(value: object) -> bool:
    return isinstance(value, str) and is_time_zone(value)


def _are_minutes(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_REMINDERS
        and all(_is_whole(one) and 1 <= one <= LONGEST_BEFORE for one in value)
    )


def _is_whole(value: object) -> bool:
    """As in JavaScript, 10.0 is."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_empty(value: object) -> bool:
    return value == {}


_BOOLEAN = Switch("isBoolean", "must be a boolean value", _is_boolean)
_TIME = Switch("matches", "must be a time of day from 00:00 to 23:59", _is_time_of_day)
_OBJECT = Switch("isObject", "must be an object", _is_empty)

_SWITCHES: Final = {
    "enabled": _BOOLEAN,
    "events": _OBJECT,
    **{f"events.{kind}": _BOOLEAN for kind in PushEvent},
    "quietHours": _OBJECT,
    "quietHours.from": _TIME,
    "quietHours.to": _TIME,
    "quietHours.weekdays": Switch(
        "isEnum", f"must be a list of some of: {', '.join(Weekday)}; each once", _are_weekdays
    ),
    "quietHours.timeZone": Switch(
        "isTimeZone", "must be an IANA time zone, such as Europe/Berlin", _is_zone
    ),
    "quietHours.passive": _BOOLEAN,
    "reminders": Switch(
        "isInt",
        f"must be a list of at most {MOST_REMINDERS} whole numbers from 1 to {LONGEST_BEFORE}: "
        "minutes before the start",
        _are_minutes,
    ),
    "ownActions": _BOOLEAN,
}

_AT_CALCOM: Final = {"notifications.enabled": "enabled"} | {
    f"{kind.lower()}.channel.app_push": f"events.{kind}" for kind in PushEvent
}
_OTHER_CHANNELS: Final = frozenset(
    f"{kind.lower()}.channel.{channel}"
    for kind in PushEvent
    for channel in ("web_push", "slack", "telegram")
)
_KNOWN: Final = ("privacy", *_SWITCHES, *_AT_CALCOM)


def patch_in(body: dict[str, object], least: Privacy) -> dict[str, object] | Problem:
    """The patch, in the form of `Choices`, or what is wrong with each property that is.

    `least` is the operator's privacy.
    """
    patch: dict[str, object] = {}
    errors = list[dict[str, object]]()
    said: dict[str, object] = {}
    for path, value in _leaves(body):
        name = _AT_CALCOM.get(path, path)
        broken = _broken(path, name, value, least)
        if broken is None and _says_otherwise(said, name, value):
            broken = ("isUnique", f"{path} must not be said twice")
        if broken is not None:
            errors.append(_error(path, value, *broken))
            if len(errors) == MOST_ERRORS:
                break
            continue
        said[name] = value
        _put(patch, name, value)
    return refused(errors) if errors else patch


def wrong(name: str, rule: str, text: str) -> Problem:
    """What is wrong with one property in view of what was chosen before."""
    return refused([{"target": {}, "property": name, "children": [], "constraints": {rule: text}}])


def refused(errors: list[dict[str, object]]) -> Problem:
    """The form of all that Cal.com's validator refuses."""
    return Problem(400, "BadRequestException", "Bad Request Exception", {"errors": errors})


def _leaves(
    body: dict[str, object], path: str = "", depth: int = 1
) -> Iterator[tuple[str, object]]:
    for name, value in body.items():
        if isinstance(value, dict) and value and depth < DEEPEST:
            yield from _leaves(value, f"{path}{name}.", depth + 1)
        else:
            yield f"{path}{name}", value


def _broken(path: str, name: str, value: object, least: Privacy) -> tuple[str, str] | None:
    if name == "privacy":
        allowed = at_least(least)
        if value is None or value in allowed:
            return None
        return "isEnum", f"{path} must be one of the following values: {', '.join(allowed)}"
    switch = _SWITCHES.get(name)
    if switch is None:
        return "whitelistValidation", f"property {path} should not exist{_hint(path)}"
    if value is None or switch.is_fine(value):
        return None
    return switch.rule, f"{path} {switch.allowed}"


def _hint(path: str) -> str:
    if path in _OTHER_CHANNELS:
        return ": of the channels only app_push is served here"
    near = get_close_matches(path, _KNOWN, 1) if len(path) < 80 else []
    return f"; did you mean {near[0]}?" if near else ""


def _says_otherwise(said: dict[str, object], name: str, value: object) -> bool:
    """Whether the same was said before, under another name or within another object."""
    group = name.partition(".")[0]
    if name in said and said[name] != value:
        return True
    if name != group:
        return group in said and said[group] is None
    return value is None and any(other.startswith(f"{name}.") for other in said)


def _put(patch: dict[str, object], name: str, value: object) -> None:
    group, _, inner = name.partition(".")
    if name == "reminders" and isinstance(value, list):
        value = list(dict.fromkeys(int(minutes) for minutes in value))
    if not inner:
        patch[group] = value
        return
    cast(dict[str, object], patch.setdefault(group, {}))[inner] = value


def _error(path: str, value: object, rule: str, text: str) -> dict[str, object]:
    return {
        "target": {path: value},
        "value": value,
        "property": path,
        "children": [],
        "constraints": {rule: text},
    }
