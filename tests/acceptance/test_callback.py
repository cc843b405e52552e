"""Another program hears what a push could not do, however badly it answers at first."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest
from typing_extensions import override

from calbell.domain.notices import signature
from calbell.store import notices
from tests import payloads
from tests.acceptance.conftest import EngineName, NewDatabase
from tests.acceptance.programs import until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Meeting, Stand, User, with_unit

SECRET = "callback-secret-for-tests"
PATH = "/notices?key=private-part-of-the-address"


class Heard(NamedTuple):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def notice(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said


Answer = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, **headers: str) -> Answer:
    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(code)
        for name, value in headers.items():
            to.send_header(name, value)
        to.send_header("Content-Length", "0")
        to.end_headers()

    return answer


def endless(to: BaseHTTPRequestHandler) -> None:
    """It is well, and says so without an end."""
    to.send_response(200)
    to.end_headers()
    try:
        while True:
            to.wfile.write(b"well " * 10_000)
    except OSError:
        return


class Receiver(ThreadingHTTPServer):
    """A program that waits for notices: it answers as `answers` say, in turn, and then well."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard = list[Heard]()
        self.answers = list[Answer]()
        self.let_go = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                receiver.heard.append(Heard(self.path, named, body))
                answer = receiver.answers.pop(0) if receiver.answers else status(204)
                answer(self)

            do_GET = do_POST

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is said about it."""

        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def hang(self, _: BaseHTTPRequestHandler) -> None:
        """No answer comes."""
        self.let_go.wait(60)

    def of(self, kind: str) -> list[Heard]:
        return [one for one in self.heard if one.notice["kind"] == kind]

    def end(self) -> None:
        self.let_go.set()
        self.shutdown()
        self.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.end()


@pytest.fixture
def stand(
    engine: EngineName, new_database: NewDatabase, expo: Expo, receiver: Receiver
) -> Iterator[Stand]:
    """A Calbell that tells the receiver. No log line says the secret, or the address."""
    url = f"http://localhost:{receiver.server_address[1]}{PATH}"
    variables = {"CALBELL_CALLBACK_URL": url, "CALBELL_CALLBACK_SECRET": SECRET}
    stand = Stand(new_database(engine), expo, variables)
    stand.database.private |= {SECRET, "private-part-of-the-address"}
    yield stand
    stand.stop()


def booked(stand: Stand, host: User) -> Meeting:
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    return meeting


def callback(stand: Stand) -> notices.Callback:
    seen: notices.Callback = with_unit(stand.database.url, notices.callback, datetime.now(UTC))
    return seen


def all_taken(stand: Stand) -> None:
    until(lambda: callback(stand).waiting == 0 or None, "every notice to be taken")


def test_what_failed_is_heard_however_often_the_receiver_fails(
    stand: Stand, receiver: Receiver
) -> None:
    receiver.answers = [status(500), status(302, Location="/elsewhere")]
    host = stand.database.user()
    meeting = booked(stand, host)
    all_taken(stand)
    assert [one.path for one in receiver.heard] == [PATH] * 3
    assert len({one.body for one in receiver.heard}) == 1
    for one in receiver.heard:
        timestamp = one.headers["calbell-timestamp"]
        assert one.headers["calbell-signature"] == signature(SECRET, timestamp, one.body)
        assert abs(int(timestamp) - datetime.now(UTC).timestamp()) < 60
        assert one.headers["calbell-notice"] == one.notice["id"]
    data = receiver.heard[0].notice["data"]
    assert (data["userId"], data["bookingUid"]) == (host.id, meeting.uid)
    assert data["reasons"] == [{"state": "suppressed", "code": "no_device"}]
    metrics = stand.ask("GET", "/metrics", key=stand.admin_token).body.decode()
    labels = 'kind="notification.unreachable",outcome='
    assert f'calbell_notices_total{{{labels}"failed"}} 2.0' in metrics
    assert f'calbell_notices_total{{{labels}"taken"}} 1.0' in metrics


def test_a_gone_phone_and_the_news_that_it_missed_are_heard(
    stand: Stand, receiver: Receiver
) -> None:
    receiver.answers = [endless]
    host = stand.database.user()
    token = stand.phone(host)
    stand.expo.unregister(token)
    stand.settled(booked(stand, host).uid)
    until(lambda: len(receiver.heard) >= 2 or None, "both notices")
    all_taken(stand)
    (gone,), (missed,) = receiver.of("device.gone"), receiver.of("notification.unreachable")
    assert gone.notice["data"]["deviceId"] == "device-1"
    assert gone.notice["data"]["code"] == "DeviceNotRegistered"
    assert token.encode() not in gone.body
    assert missed.notice["data"]["reasons"] == [
        {"state": "unregistered", "code": "DeviceNotRegistered"}
    ]


def test_one_that_hangs_holds_nothing_up_and_loses_nothing(
    stand: Stand, receiver: Receiver
) -> None:
    receiver.answers = [receiver.hang]
    host = stand.database.user()
    booked(stand, host)
    until(lambda: receiver.heard or None, "the receiver to be asked")
    other = stand.database.user()
    token = stand.phone(other)
    stand.settled(booked(stand, other).uid)
    assert len(stand.expo.screen(token)) == 1
    stand.stop()
    assert callback(stand).waiting == 1
    stand.start()


def test_doctor_and_status_say_why_it_fails(stand: Stand, receiver: Receiver) -> None:
    receiver.answers = [status(401)] * 1_000
    booked(stand, stand.database.user())
    until(lambda: callback(stand).failure, "an attempt in vain")
    said = json.loads(stand.database.run("doctor", "--json", **stand.variables).out)
    (found,) = (one for one in said if one["check"] == "callback")
    assert found["state"] == "wrong"
    assert "status 401" in found["said"]
    assert "CALBELL_CALLBACK_SECRET" in found["remedy"]
    assert "status 401" in stand.database.run("status").out
