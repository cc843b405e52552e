"""What operators and their monitors ask, and who may."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread

import pytest
from typing_extensions import override

from tests import payloads
from tests.acceptance.conftest import Stands
from tests.acceptance.stand import Meeting, Stand

CLOSED = ["/v1/bookings/x/timeline", "/metrics"]


@pytest.mark.parametrize("path", CLOSED)
def test_operators_pages_are_open_to_the_token_and_to_keys_of_the_role(
    stand: Stand, path: str
) -> None:
    good = [stand.admin_token, *(stand.database.key(role=role) for role in ("support", "admin"))]
    for key in good:
        assert stand.ask("GET", path, key=key).status in (200, 404)
    assert stand.ask("GET", path).status == 401
    bad = [
        "wrong",
        f"{stand.admin_token} ",
        stand.admin_token[:-1],
        "cal_wrong",
        stand.database.key(role="events"),
        stand.database.user().key,
    ]
    for key in bad:
        reply = stand.ask("GET", path, key=key)
        assert reply.status == 401, key
        assert reply.json()["error"]["code"] == "UnauthorizedException"


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("sent", [None, "anything"])
def test_without_a_token_configured_they_are_closed(
    stands: Stands, path: str, sent: str | None
) -> None:
    stand = stands("sqlite", CALBELL_ADMIN_TOKEN="")
    reply = stand.ask("GET", path, key=sent)
    assert reply.status == 403
    assert "CALBELL_ADMIN_TOKEN" in reply.json()["error"]["message"]


def test_an_operators_key_opens_them_without_a_token_configured(stands: Stands) -> None:
    # Of its own: where an operator has a key, nothing is closed to all.
    stand = stands("sqlite", CALBELL_ADMIN_TOKEN="", CALBELL_METRICS_OPEN="false")
    key = stand.database.key(role="support")
    assert stand.ask("GET", "/metrics", key=key).status == 200
    assert stand.ask("GET", "/metrics", key="cal_wrong").status == 401


def test_metrics_can_be_opened(stands: Stands) -> None:
    stand = stands("sqlite", CALBELL_ADMIN_TOKEN="", CALBELL_METRICS_OPEN="true")
    assert stand.ask("GET", "/metrics").status == 200
    assert stand.ask("GET", "/v1/bookings/x/timeline").status == 403


def test_metrics_count_what_happened(stand: Stand) -> None:
    def counted(sample: str) -> float:
        text = stand.ask("GET", "/metrics", key=stand.admin_token).body.decode()
        found = [line for line in text.splitlines() if line.startswith(f"{sample} ")]
        return float(found[0].split()[-1]) if found else 0

    before = {name: counted(name) for name in COUNTED}
    host = stand.database.user()
    stand.phone(host)
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    stand.settled(meeting.uid)
    stand.webhook(b"{}", signature="0" * 64)
    assert {name: counted(name) - before[name] for name in COUNTED} == COUNTED


COUNTED = {
    "calbell_registrations_total": 1,
    'calbell_events_total{state="taken",trigger="BOOKING_CREATED"}': 1,
    'calbell_refusals_total{reason="bad_signature"}': 1,
    'calbell_expo_requests_total{answer="tickets"}': 1,
    'calbell_attempts_total{outcome="accepted"}': 1,
    'calbell_receipts_total{outcome="delivered"}': 1,
}


def test_health_and_readiness_are_open_to_all(stand: Stand) -> None:
    for path in ("/healthz", "/readyz", "/healthz/"):
        reply = stand.ask("GET", path)
        assert (reply.status, reply.json()) == (200, {"status": "ok"})


def test_a_booking_that_nobody_heard_of_has_no_timeline(stand: Stand) -> None:
    reply = stand.ask("GET", "/v1/bookings/nothing/timeline", key=stand.admin_token)
    assert reply.status == 404
    assert reply.json()["error"]["code"] == "NotFoundException"


def test_the_console_is_there(stand: Stand) -> None:
    reply = stand.ask("GET", "/console/login")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"


def test_somebody_outside_hears_that_all_is_well(own_stand: Callable[..., Stand]) -> None:
    heard = SimpleQueue[str]()

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.put(self.path)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/ping/hidden-check"
        stand = own_stand(CALBELL_HEARTBEAT_URL=url)
        stand.database.private.add("hidden-check")
        try:
            assert heard.get(timeout=20) == "/ping/hidden-check"
        finally:
            server.shutdown()
            thread.join()
