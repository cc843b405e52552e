"""What may be asked: requests that are right, a little wrong, and beyond sense."""

from hypothesis import strategies as st
from msgspec import Struct

from tests.api.test_routes import EVERY_METHOD, USERS, WHO_MAY
from tests.fuzz.bodies import EVENT, body_of, one_in_fifty, one_in_twenty

CONSOLE = (
    "GET /console",
    "GET /console/bookings",
    "GET /console/booking",
    "GET /console/people",
    "GET /console/person",
    "GET /console/events",
    "GET /console/event",
    "GET /console/live",
    "GET /console/login",
    "GET /console/style.css",
    "POST /console/booking/again",
    "POST /console/person/test",
    "POST /console/event/reveal",
    "POST /console/event/replay",
    "POST /console/events/replay",
    "POST /console/login",
    "POST /console/logout",
)
ELSEWHERE = "elsewhere"
"""The route of what has none."""

ROUTES = (*sorted(WHO_MAY), *CONSOLE)
WEBHOOKS = ("/webhooks/cal", "/webhooks/cal/{source}")


WHO = (
    "nobody",
    "stranger",
    "user",
    "user",
    "other",
    "calcom",
    "events",
    "support",
    "admin",
    "token",
    "token",
)
SIGNED = ("well", "well", "with another", "badly", "not", "with the old")


class Asked(Struct, frozen=True, kw_only=True):
    """One request. Who asks, and how well it is signed, are words that the world turns into
    credentials of its own; `leaves`: the client is gone before its body is whole."""

    route: str
    method: str
    path: str
    query: str
    body: bytes
    pieces: int
    headers: tuple[tuple[str, str], ...]
    who: str
    signed: str
    form_key: bool
    leaves: bool
    seconds: int


_header_text = st.text(st.characters(max_codepoint=255), max_size=30) | st.sampled_from(
    ["", "0", "-1", "99999999999", "\r\nx: y", "\0", "close", "*", "null", "a" * 9000]
)
_names = st.sampled_from(
    [
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "content-type",
        "accept",
        "accept-encoding",
        "x-forwarded-for",
        "x-forwarded-proto",
        "forwarded",
        "host",
        "origin",
        "referer",
        "sec-fetch-site",
        "cookie",
        "authorization",
        "idempotency-key",
        "x-cal-signature-256",
        "x-cal-client-id",
        "x-cal-secret-key",
        "cal-api-version",
        "range",
        "if-none-match",
        "upgrade",
        "expect",
        "last-event-id",
        "x-http-method-override",
        "",
        "a b",
        "x-\xff",
    ]
)
_right_headers = st.sampled_from(
    [
        ("content-type", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "application/json; charset=utf-16"),
        ("content-type", "application/json; charset=utf-7"),
        ("content-encoding", "gzip"),
        ("content-encoding", "deflate"),
        ("content-encoding", "gzip, gzip"),
        ("idempotency-key", "one"),
        ("idempotency-key", "two"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "http://evil.example"),
    ]
)
_odd_headers = st.lists(_right_headers | st.tuples(_names, _header_text), max_size=4).map(tuple)
headers = st.one_of(st.just(()), st.just(()), _odd_headers)

_path_text = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20) | (
    st.sampled_from(
        ["%00", "%ed%a0%80", "%2e%2e%2f", "..", "//", "%0d%0aset-cookie:%20a=b", "%", "a" * 3000]
    )
)
_ids = st.sampled_from(["7", "8", "999", "1", "bk1", "bk2", "12345"]) | _path_text
_pairs = st.tuples(
    st.sampled_from(["uid", "id", "q", "after", "limit", "test", "of", "from", "to", "now", "x"]),
    st.sampled_from(["7", "1", "bk1", "overview", "booking", "test", "2026-11-25"]) | _path_text,
)
_QUERIES = {
    "GET /console/booking": ("uid=bk1", "uid=bk1&now"),
    "GET /console/event": (f"id={EVENT}",),
    "GET /console/live": ("of=overview", "of=booking&uid=bk1", "of=test&test=1"),
    "GET /console/people": ("", "q=ada"),
    "GET /console/person": ("id=7", "id=8"),
}
"""What pages are asked for by their own links."""

queries = st.just("") | st.lists(_pairs, max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
_methods = st.sampled_from([*EVERY_METHOD, "OPTIONS", "CONNECT", "PROPFIND", "get", "", "\xff"])
_elsewhere = st.builds(
    lambda root, rest: f"{root}/{rest}",
    st.sampled_from(["", "/v2", "/v1/me", "/api/v2", "/v1", "/console", "/webhooks/cal", "/docs"]),
    _path_text,
)


def _may(route: str) -> tuple[str, ...]:
    """Who may, so that not most of what is asked is refused for that alone."""
    if "/console" in route:
        return ("token",)
    may = WHO_MAY.get(route, set())
    return tuple(sorted(may | {"other"} if may == USERS else may)) or WHO


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    """One request, to any route there is or to none."""
    route = draw(st.sampled_from([*ROUTES, ELSEWHERE, ELSEWHERE]))
    if route == ELSEWHERE:
        method, path = draw(_methods), draw(_elsewhere).partition("?")[0]
    else:
        method, _, path = route.partition(" ")
        if draw(one_in_twenty):
            method = draw(_methods)
        for name in ("{source}", "{uid}", "{id}"):
            if name in path:
                own = st.just("the-path") if name == "{source}" else _ids
                path = path.replace(name, draw(own | _ids).partition("?")[0])
    own_headers: tuple[tuple[str, str], ...] = ()
    if draw(st.integers(0, 7)) != 5:
        form = path.startswith("/console")
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        own_headers = (("content-type", kind),)
    return Asked(
        route=route,
        method=method,
        path=path,
        query=draw(queries | st.sampled_from(_QUERIES.get(route, ("",)))),
        body=draw(body_of(route)),
        pieces=draw(st.integers(1, 3)),
        headers=own_headers + draw(headers),
        who=draw(st.sampled_from(WHO) | st.sampled_from(_may(route))),
        signed=draw(st.sampled_from(SIGNED)),
        form_key=draw(st.booleans()),
        leaves=draw(one_in_fifty),
        seconds=draw(st.sampled_from([0, 1, 1, 30])),
    )
