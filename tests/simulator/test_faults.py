"""Misbehaviour on demand."""

import gzip
from collections.abc import Callable
from typing import Any, Literal

import pytest

from calbell.simulator.faults import Endpoint, GatewayTimeout, ServerError, TooManyRequests
from calbell.simulator.service import PushService
from calbell.simulator.wire import Request

Send = Callable[[object], tuple[int, Any]]


@pytest.fixture
def token(service: PushService) -> str:
    return service.add_device().token


def status(service: PushService, token: str) -> int:
    return service.answer(_to(token)).status


def _to(token: str) -> Request:
    body = f'[{{"to":"{token}","title":"Booked"}}]'.encode()
    return Request("POST", "/--/api/v2/push/send", "", {}, body)


@pytest.mark.parametrize("retry_after", [None, 3, "Fri, 07 Aug 2026 08:00:00 GMT"])
def test_f01_too_many_requests_may_say_when_to_come_again(
    service: PushService, token: str, retry_after: int | str | None
) -> None:
    service.queue_fault(TooManyRequests(retry_after))
    answer = service.answer(_to(token))
    said = None if retry_after is None else str(retry_after)
    assert (answer.status, answer.headers.get("retry-after")) == (429, said)
    assert b'"code":"TOO_MANY_REQUESTS"' in answer.body
    assert service.tickets == ()


@pytest.mark.parametrize(("variant", "queued"), [("before", 0), ("after", 1)])
def test_f02_a_server_error_before_or_after_queueing(
    service: PushService,
    send: Send,
    token: str,
    variant: Literal["before", "after"],
    queued: int,
) -> None:
    service.queue_fault(ServerError(variant))
    code, body = send({"to": token, "title": "Booked"})
    (error,) = body["errors"]
    assert (code, error["code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert (error["message"], error["isTransient"]) == ("An unknown error occurred.", True)
    assert len(service.tickets) == len(service.displayed(token)) == queued


def test_f02_happens_before_queueing_unless_told_otherwise(
    service: PushService, token: str
) -> None:
    service.queue_fault(ServerError())
    assert status(service, token) == 500
    assert service.tickets == ()


def test_f05_a_gateway_timeout_hides_that_the_message_was_delivered(
    service: PushService, token: str
) -> None:
    service.queue_fault(GatewayTimeout())
    answer = service.answer(_to(token))
    assert answer.status == 504
    assert answer.headers["content-type"] == "text/html"
    assert b"504 Gateway Time-out" in answer.body
    assert len(service.displayed(token)) == 1


def test_a_fault_hides_a_refusal_too(service: PushService) -> None:
    service.queue_fault(GatewayTimeout())
    assert service.answer(Request("POST", "/--/api/v2/push/send", body=b"{")).status == 504


def test_a_fault_strikes_once_unless_told_otherwise(service: PushService, token: str) -> None:
    service.queue_fault(ServerError())
    assert [status(service, token) for _ in range(2)] == [500, 200]


def test_a_fault_strikes_as_often_as_told_from_the_nth_request_on(
    service: PushService, token: str
) -> None:
    service.queue_fault(ServerError(), nth=2, times=2)
    assert [status(service, token) for _ in range(4)] == [200, 500, 500, 200]


def test_a_fault_told_0_times_strikes_until_reset(service: PushService, token: str) -> None:
    service.queue_fault(ServerError(), times=0)
    assert {status(service, token) for _ in range(5)} == {500}
    service.reset()
    assert status(service, token) == 200


def test_of_two_faults_the_one_queued_first_strikes_and_both_count(
    service: PushService, token: str
) -> None:
    service.queue_fault(TooManyRequests())
    service.queue_fault(ServerError(), nth=2)
    service.queue_fault(GatewayTimeout(), nth=2)
    assert [status(service, token) for _ in range(4)] == [429, 500, 504, 200]


def test_a_fault_of_a_token_strikes_only_requests_that_name_it(
    service: PushService, token: str
) -> None:
    other = service.add_device().token
    service.queue_fault(ServerError(), token=token)
    assert [status(service, each) for each in (other, token, token)] == [200, 500, 200]


def test_a_fault_of_a_token_looks_into_gzip_and_passes_over_what_it_cannot_unpack(
    service: PushService, token: str
) -> None:
    plain = _to(token)
    service.queue_fault(ServerError(), token=token)
    headers = {"content-encoding": "gzip"}
    bodies = [plain.body, gzip.compress(plain.body)]
    requests = [Request("POST", plain.path, "", headers, body) for body in bodies]
    assert [service.answer(request).status for request in requests] == [400, 500]


def test_a_fault_waits_for_a_post(service: PushService, token: str) -> None:
    service.queue_fault(ServerError())
    assert service.answer(Request("GET", "/--/api/v2/push/send")).status == 405
    assert status(service, token) == 500


def test_a_fault_of_one_endpoint_leaves_the_other_alone(
    service: PushService, get_receipts: Send, token: str
) -> None:
    service.queue_fault(ServerError(), Endpoint.RECEIPTS)
    assert status(service, token) == 200
    assert [get_receipts([])[0] for _ in range(2)] == [500, 200]


def test_the_log_names_the_fault_that_a_request_met(service: PushService, token: str) -> None:
    service.queue_fault(GatewayTimeout())
    for _ in range(2):
        status(service, token)
    assert [(each.fault, each.status) for each in service.requests] == [("F05", 504), (None, 200)]
