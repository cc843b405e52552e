"""Single paths lead to Calbell and the rest to Cal.com: the proxies of docs/how-to run as they are
written there."""

import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import msgspec
import pytest

from calbell.calcom.signature import sign
from tests import payloads
from tests.acceptance.conftest import Stands
from tests.acceptance.proxies import FILES, HOST, Certificate, Proxy, ProxyName, StandIn, program
from tests.acceptance.stand import APP_PUSH, Meeting, Stand

TOKEN = "ExponentPushToken[aaaaaaaaaaaaaaaaaaaaaa]"

AT_CALBELL = [
    ("POST", APP_PUSH),
    ("DELETE", APP_PUSH),
    ("POST", f"{APP_PUSH}/"),
    ("POST", f"/api{APP_PUSH}"),
    ("POST", f"/api{APP_PUSH}/?a=b"),
    ("POST", "/webhooks/cal"),
    ("POST", "/webhooks/cal/3f9c0a"),
    ("GET", "/v1/me/devices"),
    ("PATCH", "/v1/me/preferences"),
]
AT_CAL_COM = [
    ("GET", "/v2/me"),
    ("GET", "/api/v2/me"),
    ("GET", "/v2/bookings?status=upcoming&take=2"),
    ("POST", "/v2/bookings/uid1/confirm"),
    ("GET", "/v2/webhooks"),
    ("DELETE", "/v2/notifications/subscriptions/slack"),
    ("POST", f"{APP_PUSH}s"),
    ("POST", f"{APP_PUSH}/else"),
    ("POST", "/webhooks/calendar"),
    ("GET", "/"),
    # What is the operator's has no way in from outside.
    ("GET", "/metrics"),
    ("GET", "/console"),
    ("GET", "/console/login"),
    ("GET", "/readyz"),
    ("GET", "/docs"),
    ("POST", "/v1/events"),
    ("GET", "/v1/users"),
    ("GET", "/v1/keys"),
    ("GET", "/v1/bookings/uid1/timeline"),
]


class Behind(NamedTuple):
    """A proxy in front of two stand-ins that say who they are."""

    proxy: Proxy
    calbell: StandIn
    calcom: StandIn


@pytest.fixture(params=["nginx", "caddy"], scope="module")
def name(request: pytest.FixtureRequest) -> ProxyName:
    """Each test runs with each proxy that is installed."""
    found: ProxyName = request.param
    program(found)
    return found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def calcom() -> Iterator[StandIn]:
    stand_in = StandIn("Cal.com")
    yield stand_in
    stand_in.stop()


@pytest.fixture(scope="module")
def behind(
    name: ProxyName,
    certificate: Certificate,
    calcom: StandIn,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Behind]:
    calbell = StandIn("Calbell")
    proxy = Proxy(
        name,
        tmp_path_factory.mktemp("proxy"),
        calbell=calbell.address,
        calcom=calcom.address,
        certificate=certificate,
    )
    proxy.start()
    yield Behind(proxy, calbell, calcom)
    proxy.stop()
    calbell.stop()


@pytest.fixture
def put_before(
    name: ProxyName,
    certificate: Certificate,
    calcom: StandIn,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Proxy]]:
    """`put_before(address)` is a running proxy before the Calbell, or whatever, at this address."""
    with ExitStack() as running:

        def put(calbell: str) -> Proxy:
            proxy = Proxy(
                name,
                tmp_path_factory.mktemp("front"),
                calbell=calbell,
                calcom=calcom.address,
                certificate=certificate,
            )
            proxy.start()
            running.callback(proxy.stop)
            return proxy

        yield put


@pytest.fixture
def front(put_before: Callable[[str], Proxy], sqlite_stand: Stand) -> Proxy:
    """A proxy before the running Calbell."""
    return put_before(sqlite_stand.url.removeprefix("http://"))


def test_the_proxys_own_program_finds_nothing_wrong(behind: Behind) -> None:
    ended = behind.proxy.check()
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    ("method", "path", "where"),
    [(*asked, "Calbell") for asked in AT_CALBELL] + [(*asked, "Cal.com") for asked in AT_CAL_COM],
)
def test_each_path_leads_to_the_one_who_answers_it_and_arrives_as_it_was(
    behind: Behind, method: str, path: str, where: str
) -> None:
    reply = behind.proxy.ask(method, path)
    assert (reply.status, reply.body.decode()) == (200, where)
    seen = (behind.calbell if where == "Calbell" else behind.calcom).seen[-1]
    assert (seen.method, seen.path) == (method, path)


@pytest.mark.parametrize("path", [APP_PUSH, "/webhooks/cal", "/v1/me/devices", "/v2/bookings"])
def test_who_asks_is_passed_on_and_nobody_can_pretend_to_be_elsewhere(
    behind: Behind, path: str
) -> None:
    body = b'{"a": "\xc3\xa9"}'
    behind.proxy.ask(
        "POST",
        path,
        body,
        {
            "Authorization": "Bearer cal_x",
            "X-Cal-Signature-256": "abc",
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Proto": "http",
        },
    )
    seen = (behind.calcom if path == "/v2/bookings" else behind.calbell).seen[-1]
    assert seen.body == body
    assert seen.headers["authorization"] == "Bearer cal_x"
    assert seen.headers["x-cal-signature-256"] == "abc"
    assert seen.headers["host"] == HOST
    assert seen.headers["x-forwarded-for"] == "127.0.0.1"
    assert seen.headers["x-forwarded-proto"] == "https"


@pytest.mark.parametrize("path", [APP_PUSH, "/webhooks/cal", "/v1/me/devices"])
def test_no_connection_to_calbell_is_kept_until_calbell_closes_it(
    behind: Behind, path: str
) -> None:
    behind.proxy.ask("POST", path)
    assert behind.calbell.seen[-1].headers["connection"] == "close"


def test_a_phone_registers_through_it_and_is_removed_again(
    front: Proxy, sqlite_stand: Stand
) -> None:
    user = sqlite_stand.database.user()
    headers = {"Authorization": f"Bearer {user.key}", "Content-Type": "application/json"}
    body = msgspec.json.encode({"token": TOKEN, "platform": "IOS", "deviceId": "d"})
    for path in (APP_PUSH, f"/api{APP_PUSH}"):
        reply = front.ask("POST", path, body, headers)
        assert reply.status == 201
        assert reply.json()["data"]["userId"] == user.id
    reply = front.ask("DELETE", APP_PUSH, body, headers)
    assert (reply.status, reply.json()["status"]) == (200, "success")
    assert front.ask("DELETE", APP_PUSH, body, headers).status == 404
    assert front.ask("GET", "/v2/me", headers=headers).body == b"Cal.com"


def test_too_long_a_body_is_refused_in_calbells_words(front: Proxy) -> None:
    for path, size in ((APP_PUSH, 102_401), ("/webhooks/cal", 1_048_577)):
        reply = front.ask("POST", path, b"x" * size)
        assert reply.status == 413
        assert reply.body == b'{"statusCode":413,"message":"request entity too large"}'


def test_the_longest_webhook_that_calbell_takes_comes_through(
    front: Proxy, sqlite_stand: Stand
) -> None:
    host = sqlite_stand.database.user()
    body = payloads.body(Meeting(host).webhook(payloads.created))
    body += b" " * (1_048_576 - len(body))
    headers = {"X-Cal-Signature-256": sign(body, sqlite_stand.secret)}
    reply = front.ask("POST", "/webhooks/cal", body, headers)
    assert (reply.status, reply.json()["status"]) == (200, "success")


def test_each_client_behind_it_has_an_allowance_of_its_own(
    name: ProxyName, put_before: Callable[[str], Proxy], stands: Stands
) -> None:
    stand = stands("sqlite", CALBELL_TRUSTED_PROXIES="127.0.0.1", CALBELL_RATE_LIMIT_API_KEY="2")
    proxy = put_before(stand.url.removeprefix("http://"))
    greedy, other = {
        "nginx": ("127.0.1.1", "127.0.1.2"),
        "caddy": ("127.0.2.1", "127.0.2.2"),
    }[name]
    for expected in (401, 401, 429):
        assert proxy.ask("POST", APP_PUSH, client=greedy).status == expected
    forged = {"X-Forwarded-For": "203.0.113.9"}
    assert proxy.ask("POST", APP_PUSH, headers=forged, client=greedy).status == 429
    assert proxy.ask("POST", APP_PUSH, client=other).status == 401


def test_what_is_cal_coms_works_on_while_calbell_is_down(
    put_before: Callable[[str], Proxy],
) -> None:
    gone = StandIn("gone")
    gone.stop()
    proxy = put_before(gone.address)
    assert proxy.ask("POST", APP_PUSH).status == 502
    assert proxy.ask("GET", "/v2/bookings").body == b"Cal.com"


# Debian has no Traefik: its file is read as TOML, and its rules as their language says.

TRAEFIK: dict[str, Any] = tomllib.loads((FILES / "traefik.toml").read_text())["http"]
MATCHER = re.compile(r"(Path|PathPrefix)\(`([^`]+)`\)")


def takes(rule: str, path: str) -> bool:
    """Whether a rule of the forms `Host && (Path || ...)` or `Host` takes this path."""
    matchers = MATCHER.findall(rule)
    rest = MATCHER.sub("_", rule).replace(" ", "")
    alternatives = "||".join("_" * len(matchers))
    assert rest == f"Host(`{HOST}`)" + (f"&&({alternatives})" if matchers else "")
    return not matchers or any(
        path == value if kind == "Path" else path.startswith(value) for kind, value in matchers
    )


@pytest.mark.parametrize(
    ("path", "where"),
    [(path, "calbell") for _, path in AT_CALBELL] + [(path, "calcom") for _, path in AT_CAL_COM],
)
def test_by_traefiks_rules_each_path_leads_to_the_one_who_answers_it(path: str, where: str) -> None:
    bare = path.partition("?")[0]
    taking = [router for router in TRAEFIK["routers"].values() if takes(router["rule"], bare)]
    assert max(taking, key=lambda router: int(router["priority"]))["service"] == where


def test_every_name_in_traefiks_file_is_one_that_is_there() -> None:
    assert {one["service"] for one in TRAEFIK["routers"].values()} == set(TRAEFIK["services"])
    balancers = [service["loadBalancer"] for service in TRAEFIK["services"].values()]
    used = {one["serversTransport"] for one in balancers if "serversTransport" in one}
    assert used == set(TRAEFIK["serversTransports"])


def test_traefik_leaves_connections_before_calbell_closes_them() -> None:
    waits = TRAEFIK["serversTransports"]["calbell"]["forwardingTimeouts"]
    assert waits == {"dialTimeout": "5s", "responseHeaderTimeout": "30s", "idleConnTimeout": "2s"}
