"""Masked: the body of an event, shown without what it says of people."""

import json
from collections.abc import Mapping
from typing import Any, Final

_PLAIN: Final = frozenset(
    (
        *("triggerEvent", "event", "createdAt", "occurredAt", "type", "kind", "status", "uid"),
        *("bookingUid", "rescheduleUid", "fromReschedule", "eventTypeId", "eventTypeSlug"),
        *("startTime", "endTime", "start", "end", "startsAt", "endsAt", "length"),
        *("rescheduleStartTime", "rescheduleEndTime", "timeZone", "language", "locale"),
        *("currency", "paymentStatus", "provider"),
    )
)
"""Names whose values name nobody. Of all others, texts are hidden: what nobody knows is a
person's."""

_NEVER: Final = ("token", "secret", "password", "apikey", "credential")
"""Parts of names whose values are shown to nobody."""

HIDDEN = "•••"


LONGEST = 60_000
"""Characters that are shown."""

_LONG_NUMBER = 10_000_000
"""A number from this on could be somebody's telephone."""


def shown(raw: bytes, *, whole: bool) -> str:
    """The body, laid out: without texts that may be somebody's; `whole`: with all but secrets. What
    is no JSON is shown only whole. It is text that can be sent, and not longer than a page holds.
    """
    try:
        value = _masked(json.loads(raw.decode("utf-8", "replace")), None, whole=whole)
        text = json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw.decode("utf-8", "replace") if whole else f"{len(raw)} bytes that are no JSON"
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n…"


def _masked(value: Any, name: str | None, *, whole: bool) -> Any:
    match value:
        case Mapping():
            return {
                (key if whole or _is_name(key) else HIDDEN): _masked(one, key, whole=whole)
                for key, one in value.items()
            }
        case list():
            return [_masked(one, name, whole=whole) for one in value]
        case str() if name is not None and any(part in name.lower() for part in _NEVER):
            return HIDDEN if value else value
        case str() if not whole and name not in _PLAIN and value:
            return HIDDEN
        case int() if not whole and abs(value) >= _LONG_NUMBER:
            return HIDDEN
        case _:
            return value


def _is_name(key: str) -> bool:
    """Whether it is a field's name, and not an answer's or a person's."""
    return len(key) <= 40 and key.replace("_", "").isalnum() and key.isascii()
