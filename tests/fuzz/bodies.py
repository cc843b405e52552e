"""What may stand in a body: what is right, a little wrong, and beyond sense."""

import gzip
import json
import zlib
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeAlias
from urllib.parse import urlencode

from hypothesis import strategies as st

from tests import payloads
from tests.api.desk import APP_PUSH, GOOD

Bytes: TypeAlias = st.SearchStrategy[bytes]

# In the middle, because hypothesis is fond of ends.
one_in_twenty = st.integers(0, 19).map(lambda number: number == 11)
one_in_fifty = st.integers(0, 49).map(lambda number: number == 31)

odd_text = st.sampled_from(
    [
        "",
        "\0",
        "\ud83d",
        "\r\nset-cookie: a=b",
        "\N{SNOWMAN}",
        "é",
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "' or 1=1 --",
        "{{7*7}}",
        "{uid}",
        "%s%n%(x)s",
        "a" * 5000,
        "\u202etxt.exe",
        "\u2028",
        "-1",
        "99999999999999999999",
        "1e400",
        "0x10",
        "NaN",
        "2026-11-25T12:00:00Z",
        "9999-12-31",
        "0001-01-01T00:00:00+23:59",
        "Europe/Berlin",
        "evt_",
        "bk1",
        "cal_",
        "ExponentPushToken[]",
        "ExponentPushToken[x]",
    ]
)
text = odd_text | st.text(max_size=12)
words = st.sampled_from(["Standup", "Ada", "1:1 / Zoë", "\N{BELL}"])
names = st.one_of(words, words, words, text)
numbers = st.sampled_from([0, -1, 1, 7, 8, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, 1e308])
scalars = st.none() | st.booleans() | numbers | st.floats() | text
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


def _fields(**right: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object of these fields, mostly right; some wrong, some missing, one too many."""

    def spoilt(value: dict[str, Any], name: str, wrong: object, how: str) -> dict[str, Any]:
        match how:
            case "spoil":
                return {**value, name: wrong}
            case "drop":
                return {key: one for key, one in value.items() if key != name}
            case "add":
                return {**value, str(wrong)[:20]: wrong}
            case _:
                return value

    how = st.sampled_from([*["leave"] * 7, "spoil", "spoil", "drop", "add"])
    return st.builds(spoilt, st.fixed_dictionaries(right), st.sampled_from([*right]), values, how)


tokens = st.sampled_from([GOOD["token"], "ExponentPushToken[bbbbbbbbbbbbbbbbbbbbbb]"]) | text.map(
    lambda inner: f"ExponentPushToken[{inner}]"
)
platforms = st.sampled_from(["IOS", "ANDROID"])
news = st.sampled_from(["BOOKING_CONFIRMED", "BOOKING_CANCELLED", "BOOKING_REQUESTED"])
days = st.sampled_from(["2026-11-26T10:00:00Z", "2027-01-01T00:00:00+01:00"])
later_days = st.sampled_from(["2027-02-01T10:00:00.5Z", "2027-02-02T00:00:00-11:00"])
uids = st.one_of(*[st.sampled_from(["bk1", "bk2", "bk3"])] * 3, text)
people = _fields(email=st.sampled_from(["a@example.com", "b@example.com"]), name=names)

_hours = _fields(
    **{"from": st.just("22:00"), "to": st.just("07:00"), "weekdays": st.just(["monday"])},
    timeZone=st.sampled_from(["Europe/Berlin", "Mars/Base"]),
    passive=st.booleans(),
)

_addresses = st.sampled_from(["c@example.com", "d@example.com", "e@example.com"])

_BODIES: dict[str, st.SearchStrategy[Any]] = {
    f"POST {APP_PUSH}": _fields(token=tokens, platform=platforms, deviceId=names),
    f"DELETE {APP_PUSH}": _fields(token=tokens),
    "POST /v1/me/devices/test": _fields(event=news, bookingUid=uids),
    "PATCH /v1/me/preferences": _fields(
        enabled=st.booleans(),
        reminders=st.lists(st.integers(1, 50_000), max_size=3),
        quietHours=_hours | st.none(),
        events=st.dictionaries(news, st.booleans(), max_size=2),
        ownActions=st.booleans(),
        privacy=st.sampled_from(["full", "no_names", "minimal"]),
    ),
    "POST /v1/events": _fields(
        event=news,
        booking=_fields(
            uid=uids,
            title=names,
            start=days,
            end=later_days,
            organizer=people,
            attendees=st.lists(people, max_size=2),
        ),
    ),
    "POST /v1/users": _fields(
        id=st.integers(7, 20),
        emails=st.lists(_addresses, min_size=1, max_size=3),
        name=names,
        timeZone=st.sampled_from(["Europe/Berlin", "Asia/Tokyo", "UTC"]),
        locale=st.sampled_from(["de", "pt-BR"]),
        timeFormat=st.sampled_from([12, 24]),
    ),
    "POST /v1/keys": _fields(
        userId=st.sampled_from([7, 8, 999]), name=names, expiresOn=st.dates().map(str)
    )
    | _fields(role=st.sampled_from(["admin", "events", "support"]), name=names),
}


def _inside(value: object, depth: int, pick: int, wrong: object) -> object:
    """The value with one thing in it replaced."""
    if depth and isinstance(value, dict) and value:
        name = sorted(value)[pick % len(value)]
        return {**value, name: _inside(value[name], depth - 1, pick // 7, wrong)}
    if depth and isinstance(value, list) and value:
        at = pick % len(value)
        return [*value[:at], _inside(value[at], depth - 1, pick // 7, wrong), *value[at + 1 :]]
    return wrong


_MAKERS: tuple[Callable[..., Any], ...] = (
    payloads.created,
    payloads.requested,
    payloads.rescheduled,
    payloads.cancelled,
)
_good_hooks = st.builds(lambda make, uid: make(uid=uid), st.sampled_from(_MAKERS), uids)
hooks = _good_hooks | st.builds(
    _inside, _good_hooks, st.integers(1, 4), st.integers(0, 10**6), values
)
_hook_bodies = hooks.map(payloads.body)


def as_json(value: object) -> bytes:
    """The value as JSON of Python's making: NaN, surrogates and all."""
    return json.dumps(value).encode()


nested = st.builds(
    lambda open_, close, deep: open_ * deep + close * deep,
    st.sampled_from([b"[", b'{"a":', b'{"booking":[']),
    st.sampled_from([b"", b"]", b"}"]),
    st.sampled_from([50, 500, 1200, 30_000]),
)
large = st.sampled_from(
    [
        b"x" * (100 * 1024 + 1),
        b'{"token":"' + b"y" * (100 * 1024) + b'"}',
        b" " * (1024 * 1024 + 1),
        b"[" + b"1," * 40_000 + b"1]",
        gzip.compress(b" " * 5_000_000),
        zlib.compress(b"[" * 200_000),
        b"1" * 90_000,
    ]
)
broken = st.sampled_from(
    [b"", b"{", b'{"a":}', b"\xff\xfe{}", b"\xef\xbb\xbf{}", b'{"token":"\\ud83d"}', b"\0"]
)
_raw: Bytes = st.one_of(st.binary(max_size=60), broken, values.map(as_json))
# Rare, because they are what takes long.
_seldom: Bytes = one_in_twenty.flatmap(lambda is_it: nested | large if is_it else _raw)

EVENT = f"evt_{sha256(payloads.body(payloads.created())).hexdigest()[:24]}"
"""The id of the event that came in before everything else."""

_RIGHT_FORM = {"user": "7", "event": "BOOKING_CONFIRMED", "uid": "bk1", "id": EVENT}
_names = st.sampled_from([*_RIGHT_FORM, "token", "q", "now", "x"])
forms = st.one_of(
    st.just(_RIGHT_FORM),
    st.builds(lambda name, wrong: {**_RIGHT_FORM, name: wrong}, _names, text),
    st.dictionaries(_names, text, max_size=4),
)
_form_bodies = forms.map(lambda form: urlencode(form, encoding="utf-8", errors="replace")).map(
    str.encode
)


_nothing = st.just(b"")


def body_of(route: str) -> Bytes:
    """Bodies for this route."""
    if route.startswith("POST /webhooks"):
        return st.one_of(_hook_bodies, _hook_bodies, _seldom)
    if route.startswith("POST /console"):
        return st.one_of(_form_bodies, _form_bodies, _seldom)
    own = _BODIES.get(route)
    if own is None:
        return st.one_of(_nothing, _nothing, _nothing, _seldom)
    said = own.map(as_json)
    return st.one_of(said, said, said, said, said.map(gzip.compress), _seldom)
