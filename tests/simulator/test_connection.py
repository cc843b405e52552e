"""Faults of the connection, seen from the other end of a real one."""

import errno
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse, IncompleteRead, RemoteDisconnected

import pytest

from calbell.simulator.faults import (
    CutOff,
    Endpoint,
    Fault,
    NoAnswer,
    NotRead,
    Rerouted,
    Reset,
    ServerError,
    SlowAnswer,
)
from calbell.simulator.service import PushService

SEND = "/--/api/v2/push/send"
OK = "ExponentPushToken[ok]"
MESSAGES = json.dumps([{"to": OK, "title": "Booked"}]).encode()


def post(connection: HTTPConnection, body: bytes = MESSAGES) -> HTTPResponse:
    connection.request("POST", SEND, body)
    return connection.getresponse()


@pytest.fixture
def another(address: tuple[str, int]) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection(*address, timeout=10)) as connection:
        yield connection


def test_f06_there_is_no_answer_though_it_was_carried_out(
    served: PushService, address: tuple[str, int], another: HTTPConnection
) -> None:
    served.queue_fault(NoAnswer())
    impatient = HTTPConnection(*address, timeout=0.2)
    with closing(impatient), pytest.raises(TimeoutError):
        post(impatient)
    assert post(another).status == 200
    assert len(served.displayed(OK)) == 2


def test_f07_the_connection_is_closed_before_the_request_is_read(
    served: PushService, address: tuple[str, int], another: HTTPConnection
) -> None:
    served.queue_fault(NotRead())
    with socket.create_connection(address, timeout=10) as half:
        half.sendall(f"POST {SEND} HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n".encode())
        assert half.recv(1) == b""
    assert post(another).status == 200
    assert [(each.fault, each.status, each.body) for each in served.requests] == [
        ("F07", None, b""),
        (None, 200, MESSAGES),
    ]
    assert len(served.tickets) == 1


def test_f07_waits_for_its_request_and_for_faults_that_are_due_before_it(
    served: PushService, connection: HTTPConnection
) -> None:
    served.queue_fault(ServerError())
    served.queue_fault(NotRead(), nth=2)
    served.queue_fault(NotRead(), Endpoint.RECEIPTS)
    response = post(connection)
    assert (response.status, len(response.read())) == (500, int(response.headers["content-length"]))
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        post(connection)
    assert served.tickets == ()


def test_f07_connections_are_refused_for_a_while(
    served: PushService, address: tuple[str, int], connection: HTTPConnection
) -> None:
    served.queue_fault(NotRead("refused", 0.3))
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        post(connection)
    with socket.socket() as refused:
        assert refused.connect_ex(address) == errno.ECONNREFUSED
    assert until_it_listens(address) == 200
    assert len(served.tickets) == 1


def until_it_listens(address: tuple[str, int]) -> int:
    deadline = time.monotonic() + 10
    while True:
        with closing(HTTPConnection(*address, timeout=10)) as connection:
            try:
                return post(connection).status
            except ConnectionRefusedError:
                assert time.monotonic() < deadline


@pytest.mark.parametrize(("fault", "queued"), [(Reset(), 1), (Reset("not queued"), 0)])
def test_f08_the_connection_is_reset_when_the_request_was_read(
    served: PushService, connection: HTTPConnection, fault: Fault, queued: int
) -> None:
    served.queue_fault(fault)
    with pytest.raises(ConnectionResetError):
        post(connection)
    assert len(served.displayed(OK)) == queued


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
@pytest.mark.parametrize("fault", [CutOff(), CutOff("chunked")])
def test_f09_half_of_the_answer_comes(
    served: PushService, connection: HTTPConnection, fault: Fault, accepted: str
) -> None:
    served.queue_fault(fault)
    connection.request("POST", SEND, MESSAGES, {"accept-encoding": accepted})
    response = connection.getresponse()
    with pytest.raises(IncompleteRead) as cut:
        response.read()
    assert response.status == 200
    assert cut.value.partial.startswith(b'{"data":[')
    assert len(served.displayed(OK)) == 1


def test_f10_the_head_is_late(served: PushService, connection: HTTPConnection) -> None:
    served.queue_fault(SlowAnswer(head_seconds=0.2))
    begun = time.monotonic()
    response = post(connection)
    assert time.monotonic() - begun >= 0.19
    assert json.loads(response.read())["data"][0]["status"] == "ok"


def test_f10_the_body_comes_byte_by_byte(served: PushService, connection: HTTPConnection) -> None:
    served.queue_fault(SlowAnswer(byte_seconds=0.001))
    begun = time.monotonic()
    response = post(connection)
    body = response.read()
    assert time.monotonic() - begun >= 0.001 * len(body)
    assert json.loads(body)["data"][0]["status"] == "ok"


def test_f10_a_client_that_waits_no_longer_is_not_waited_for(
    served: PushService, address: tuple[str, int], another: HTTPConnection
) -> None:
    served.queue_fault(SlowAnswer(head_seconds=3600))
    impatient = HTTPConnection(*address, timeout=0.1)
    with closing(impatient), pytest.raises(TimeoutError):
        post(impatient)
    deadline = time.monotonic() + 10
    while parallel_now(served, another) > 1:
        assert time.monotonic() < deadline
    assert len(served.displayed(OK)) == 1


def parallel_now(served: PushService, connection: HTTPConnection) -> int:
    """How many requests to the push service are under way, with one of its own."""
    served.log.clear()
    connection.request("POST", SEND, b"[]")
    connection.getresponse().read()
    return served.log.max_parallel


def test_f23_a_connection_may_end_with_its_answer(
    served: PushService, connection: HTTPConnection
) -> None:
    served.queue_fault(Rerouted("close"))
    response = post(connection)
    assert (response.status, response.will_close) == (200, True)
    assert response.headers["connection"] == "close"


def test_f23_an_idle_connection_is_closed_without_a_word(
    served: PushService, address: tuple[str, int]
) -> None:
    served.queue_fault(Rerouted("idle", 0.05))
    with socket.create_connection(address, timeout=10) as raw:
        head = f"POST {SEND} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(MESSAGES)}\r\n\r\n"
        raw.sendall(head.encode() + MESSAGES)
        answer = b""
        while chunk := raw.recv(4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection:" not in answer.lower()


def test_an_answer_tells_the_simulators_time(
    served: PushService, connection: HTTPConnection
) -> None:
    served.advance(10 * 365 * 86400)
    response = post(connection)
    assert response.headers.get_all("date") == [
        time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(served.now))
    ]
