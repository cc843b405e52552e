"""Misbehaviour on demand."""

import gzip
from collections.abc import Callable
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from calbell.simulator.fault_queue import FaultOrder
from calbell.simulator.faults import (
    BadGateway,
    BadReceipts,
    ClockSkew,
    DataAndErrors,
    Dropped,
    Endpoint,
    ErrorsOnly,
    Failing,
    Fault,
    Garbage,
    GatewayTimeout,
    LateGone,
    LateReceipts,
    NoAnswer,
    OddDelivery,
    Rerouted,
    ServerError,
    SeveralErrors,
    SomeFail,
    TooManyRequests,
    Unavailable,
    Unfamiliar,
    Wave,
    WrongCount,
)
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


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (BadGateway(), 502, b"502 Bad Gateway"),
        (Unavailable(), 503, b"no healthy upstream"),
        (
            Unavailable("connection termination"),
            503,
            b"upstream connect error or disconnect/reset before headers. reset reason: "
            b"connection termination",
        ),
    ],
)
def test_f03_f04_the_gateway_answers_alone(
    service: PushService, token: str, fault: Fault, status: int, text: bytes
) -> None:
    service.queue_fault(fault)
    answer = service.answer(_to(token))
    assert (answer.status, text in answer.body) == (status, True)
    assert answer.headers["content-type"].startswith("text/")
    assert service.tickets == ()


@pytest.mark.parametrize(
    ("variant", "body"),
    [
        ("html", b"<html>"),
        ("empty", b""),
        ("object", b"{}"),
        ("null", b"null"),
        ("array", b"[]"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_f11_the_answer_is_none_though_the_request_was_carried_out(
    service: PushService,
    token: str,
    variant: Literal["html", "empty", "object", "null", "array"],
    body: bytes,
    status: int,
) -> None:
    service.queue_fault(Garbage(variant, status))
    answer = service.answer(_to(token))
    assert (answer.status, answer.body[: len(body) or 1]) == (status, body)
    assert len(service.tickets) == 1


@pytest.mark.parametrize(
    ("variant", "places"),
    [("fewer", [0, 1]), ("more", [0, 1, 2, 2]), ("reordered", [2, 1, 0])],
)
def test_f12_the_tickets_do_not_fit(
    service: PushService,
    send: Send,
    token: str,
    variant: Literal["fewer", "more", "reordered"],
    places: list[int],
) -> None:
    service.queue_fault(WrongCount(variant))
    _, body = send({"to": [token] * 3})
    ids = [ticket.id for ticket in service.tickets]
    assert [ids.index(ticket["id"]) for ticket in body["data"]] == places


def test_f13_only_the_first_tickets_are_ok(service: PushService, send: Send, token: str) -> None:
    service.queue_fault(SomeFail(2))
    _, body = send({"to": [token] * 4, "title": "Booked"})
    codes = [ticket.get("details", {}).get("error") for ticket in body["data"]]
    assert codes == [None, None, "ExpoError", "ExpoError"]
    assert len(service.displayed(token)) == 2


def test_f14_s32_errors_beside_the_data_or_alone(
    service: PushService, send: Send, token: str
) -> None:
    service.queue_fault(DataAndErrors())
    service.queue_fault(ErrorsOnly())
    seen = [send([{"to": token}]) for _ in range(2)]
    assert [status for status, _ in seen] == [200, 200]
    assert [list(body) for _, body in seen] == [["data", "errors"], ["errors"]]
    assert len(service.tickets) == 1


def test_s31_several_errors_with_a_stack_on_the_first(service: PushService, send: Send) -> None:
    service.queue_fault(SeveralErrors())
    status, body = send([])
    assert (status, len(body["errors"])) == (400, 2)
    assert ["stack" in error for error in body["errors"]] == [True, False]


@pytest.mark.parametrize("seconds", [None, 1800.0])
def test_f15_receipts_come_late_or_never(
    service: PushService, send: Send, get_receipts: Send, token: str, seconds: float | None
) -> None:
    service.queue_fault(LateReceipts(seconds))
    ticket = send({"to": token})[1]["data"]["id"]
    service.advance(1799.9)
    seen = [list(get_receipts([ticket])[1]["data"])]
    service.advance(0.1)
    seen.append(list(get_receipts([ticket])[1]["data"]))
    assert seen == [[], [] if seconds is None else [ticket]]


def test_f15_receipts_are_absent_and_then_present(
    service: PushService, send: Send, get_receipts: Send, token: str
) -> None:
    ticket = send({"to": token})[1]["data"]["id"]
    service.advance(2)
    service.queue_fault(LateReceipts(), Endpoint.RECEIPTS)
    assert [list(get_receipts([ticket])[1]["data"]) for _ in range(2)] == [[], [ticket]]


def test_f16_an_app_turns_out_late_to_be_gone(
    service: PushService, send: Send, get_receipts: Send, token: str
) -> None:
    service.queue_fault(LateGone(20 * 3600.0))
    ticket = send({"to": token, "title": "Booked"})[1]["data"]["id"]
    service.advance(20 * 3600 - 1)
    assert get_receipts([ticket])[1]["data"] == {}
    assert send({"to": token})[1]["data"]["status"] == "ok"
    service.advance(1)
    receipt = get_receipts([ticket])[1]["data"][ticket]
    assert receipt["details"]["error"] == "DeviceNotRegistered"
    assert send({"to": token})[1]["data"]["status"] == "error"
    assert "Booked" not in [shown.message.title for shown in service.displayed(token)]


def test_f17_receipts_are_answered_with_errors_or_with_an_array(
    service: PushService, send: Send, get_receipts: Send, token: str
) -> None:
    ticket = send({"to": token})[1]["data"]["id"]
    service.advance(2)
    variants: list[Literal["429", "500", "array"]] = ["429", "500", "array"]
    for variant in variants:
        service.queue_fault(BadReceipts(variant), Endpoint.RECEIPTS)
    seen = [get_receipts([ticket]) for _ in range(4)]
    assert [status for status, _ in seen] == [429, 500, 200, 200]
    assert [body["data"] for _, body in seen[2:]] == [
        [{"status": "ok"}],
        {ticket: {"status": "ok"}},
    ]


@pytest.mark.parametrize("at", ["ticket", "receipt"])
def test_f19_a_wave_says_of_many_devices_that_they_are_gone(
    service: PushService, send: Send, get_receipts: Send, at: Literal["ticket", "receipt"]
) -> None:
    tokens = [service.add_device().token for _ in range(50)]
    service.queue_fault(Wave(0.6, at))
    told = send({"to": tokens})[1]["data"]
    if at == "receipt":
        service.advance(2)
        told = get_receipts([ticket["id"] for ticket in told])[1]["data"].values()
    codes = [each.get("details", {}).get("error") for each in told]
    assert (codes.count("DeviceNotRegistered"), codes.count(None)) == (30, 20)
    assert {ticket["status"] for ticket in send({"to": tokens})[1]["data"]} == {"ok"}


def test_f20_s52_a_provider_delivers_twice(
    service: PushService, send: Send, get_receipts: Send, token: str
) -> None:
    service.queue_fault(OddDelivery("twice"), times=2)
    ticket = send({"to": token, "title": "Booked"})[1]["data"]["id"]
    send({"to": token, "title": "Moved", "collapseId": "b"})
    service.advance(2)
    titles = [shown.message.title for shown in service.displayed(token)]
    assert titles == ["Booked", "Booked", "Moved"]
    assert list(get_receipts([ticket])[1]["data"]) == [ticket]


def test_f20_the_last_comes_first(service: PushService, send: Send, token: str) -> None:
    service.queue_fault(OddDelivery("reversed"))
    send([{"to": token, "title": title} for title in "abc"])
    service.advance(1)
    assert [shown.message.title for shown in service.displayed(token)] == ["c", "b", "a"]


def test_f20_a_provider_delivers_after_minutes(
    service: PushService, send: Send, token: str
) -> None:
    service.queue_fault(OddDelivery("late", 600))
    send({"to": token, "title": "Booked"})
    service.advance(599)
    seen = [len(service.displayed(token))]
    service.advance(1)
    seen.append(len(service.displayed(token)))
    assert seen == [0, 1]
    assert service.displayed(token)[0].shown_at == service.now


def test_f20_what_is_late_does_not_come_to_an_app_that_is_gone(
    service: PushService, send: Send, token: str
) -> None:
    service.queue_fault(OddDelivery("late", 600))
    send({"to": token, "title": "Booked"})
    service.change_device(token, registered=False)
    service.advance(600)
    assert service.displayed(token) == ()


def test_f21_a_code_that_nobody_knows(
    service: PushService, send: Send, get_receipts: Send, token: str
) -> None:
    ticket = send({"to": token})[1]["data"]["id"]
    service.advance(2)
    service.queue_fault(Unfamiliar("code"))
    service.queue_fault(Unfamiliar("code"), Endpoint.RECEIPTS)
    told = send([{"to": token}])[1]["data"][0], get_receipts([ticket])[1]["data"][ticket]
    assert [each["details"]["error"] for each in told] == ["SomethingNew"] * 2
    assert len(service.tickets) == 1


def test_f21_fields_and_details_that_nobody_knows(
    service: PushService, send: Send, token: str
) -> None:
    service.queue_fault(Unfamiliar("fields"))
    service.queue_fault(Unfamiliar("details"))
    _, fields = send([{"to": token}])
    assert set(fields) == {"data", "meta"}
    assert set(fields["data"][0]) == {"status", "id", "novelty"}
    assert send({"to": token})[1]["data"]["details"] == "in words"


def test_f21_ids_in_capitals_are_as_good(
    service: PushService, send: Send, get_receipts: Send, token: str
) -> None:
    service.queue_fault(Unfamiliar("capitals"))
    ticket = send([{"to": token}])[1]["data"][0]["id"]
    service.advance(2)
    assert ticket == ticket.upper() == service.tickets[0].id.upper()
    assert get_receipts([ticket])[1]["data"] == {ticket: {"status": "ok"}}
    service.queue_fault(Unfamiliar("capitals"), Endpoint.RECEIPTS)
    assert list(get_receipts([ticket.lower()])[1]["data"]) == [ticket]


@pytest.mark.parametrize("variant", ["301", "307"])
def test_f23_the_request_is_sent_elsewhere_and_not_carried_out(
    service: PushService, token: str, variant: Literal["301", "307"]
) -> None:
    service.queue_fault(Rerouted(variant))
    answer = service.answer(replace(_to(token), query="useFcmV1=true"))
    assert (answer.status, answer.headers["location"]) == (
        int(variant),
        "/--/api/v2/push/send?useFcmV1=true",
    )
    assert service.tickets == ()


def test_f24_expos_clock_is_wrong(service: PushService, get_receipts: Send, send: Send) -> None:
    service.queue_fault(ClockSkew(-3600.0))
    answer = service.answer(_to("ExponentPushToken[late-gone]"))
    assert answer.headers["date"] == "Thu, 06 Aug 2026 06:06:40 GMT"
    service.advance(2)
    (receipt,) = get_receipts([service.tickets[0].id])[1]["data"].values()
    assert receipt["details"]["sentAt"] == 1_786_000_000 - 3600


@pytest.mark.parametrize("code", ["MessageTooBig", "MessageRateExceeded", "ExpoError"])
def test_s19_s43_a_code_in_tickets_or_receipts(
    service: PushService,
    send: Send,
    get_receipts: Send,
    token: str,
    code: Literal["MessageTooBig", "MessageRateExceeded", "ExpoError"],
) -> None:
    service.queue_fault(Failing(code, "ticket"))
    service.queue_fault(Failing(code))
    refused, queued = (send({"to": token, "title": "Booked"})[1]["data"] for _ in range(2))
    service.advance(2)
    (receipt,) = get_receipts([queued["id"]])[1]["data"].values()
    assert refused["details"] == receipt["details"] == {"error": code}
    assert service.displayed(token) == ()


def test_s44_apns_dropped_the_connection(
    service: PushService, send: Send, get_receipts: Send, token: str
) -> None:
    service.queue_fault(Dropped())
    ticket = send({"to": token})[1]["data"]["id"]
    service.advance(2)
    assert get_receipts([ticket])[1]["data"][ticket] == {
        "status": "error",
        "message": "The Apple Push Notification service unexpectedly dropped the connection",
    }


def test_a_fault_of_a_token_befalls_no_other_recipient(
    service: PushService, send: Send, token: str
) -> None:
    other = service.add_device().token
    service.queue_fault(SomeFail(0), token=token)
    _, body = send([{"to": [other, token]}])
    assert [ticket["status"] for ticket in body["data"]] == ["ok", "error"]


def test_a_fault_lasts_from_a_time_to_a_time(service: PushService, token: str) -> None:
    order = FaultOrder("F04", after_seconds=60, for_seconds=3600)
    service.queue(order.checked())
    seen = []
    for seconds in (59, 1, 3599, 1):
        service.advance(seconds)
        seen.append(status(service, token))
    assert seen == [200, 503, 503, 200]


def test_a_request_that_gets_no_answer_has_no_status_in_the_log(
    service: PushService, token: str
) -> None:
    service.queue_fault(NoAnswer())
    service.answer(_to(token))
    (logged,) = service.requests
    assert (logged.fault, logged.status, len(service.tickets)) == ("F06", None, 1)


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
