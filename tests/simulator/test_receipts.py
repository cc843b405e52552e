"""Receipts: the later outcome of a ticket."""

from collections.abc import Callable
from typing import Any

import pytest

from calbell.simulator.phones import Platform
from calbell.simulator.service import PushService

Answer = tuple[int, Any]
Post = Callable[[object], Answer]
Call = Callable[..., Answer]

DAY = 24 * 3600.0


@pytest.fixture
def token(service: PushService) -> str:
    return service.add_device(Platform.ANDROID).token


@pytest.fixture
def sent(send: Post) -> Callable[[str], str]:
    """Sends to the token; the ticket's id."""
    return lambda token: str(send({"to": token, "title": "Booked"})[1]["data"]["id"])


def test_s34_a_receipt_is_ready_a_delay_after_its_ticket(
    service: PushService, get_receipts: Post, sent: Callable[[str], str], token: str
) -> None:
    ticket = sent(token)
    service.advance(1.9)
    assert get_receipts([ticket]) == (200, {"data": {}})
    service.advance(0.1)
    assert get_receipts([ticket]) == (200, {"data": {ticket: {"status": "ok"}}})


def test_s35_ids_without_a_receipt_are_left_out(
    service: PushService, get_receipts: Post, sent: Callable[[str], str], token: str
) -> None:
    ready = sent(token)
    service.advance(2)
    pending = sent(token)
    unknown = "019fd9c9-25c4-7399-971e-6cc8bafe54fd"
    _, body = get_receipts([pending, unknown, "not an id", ready, ""])
    assert body == {"data": {ready: {"status": "ok"}}}


def test_s36_a_receipt_is_kept_for_a_day(
    service: PushService, get_receipts: Post, sent: Callable[[str], str], token: str
) -> None:
    ticket = sent(token)
    service.advance(DAY - 1)
    assert list(get_receipts([ticket])[1]["data"]) == [ticket]
    service.advance(1)
    assert get_receipts([ticket]) == (200, {"data": {}})
    assert service.tickets == ()


def test_s37_a_thousand_ids_are_answered_and_duplicates_once(
    service: PushService, get_receipts: Post, sent: Callable[[str], str], token: str
) -> None:
    ticket = sent(token)
    service.advance(2)
    assert get_receipts([ticket] * 1000) == (200, {"data": {ticket: {"status": "ok"}}})


def test_s37_more_than_a_thousand_ids_are_refused(get_receipts: Post) -> None:
    status, body = get_receipts(["x"] * 1001)
    assert (status, body["errors"][0]["code"]) == (400, "PUSH_TOO_MANY_RECEIPTS")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, '"ids" is required.'),
        ({"ids": "x"}, '"ids" must be an array.'),
        ({"ids": ["x", 5]}, '"ids[1]" must be a string.'),
        ([], '"value" must be of type object.'),
    ],
)
def test_s38_ids_of_the_wrong_shape_are_refused(call: Call, body: object, message: str) -> None:
    status, answer = call("POST", "/--/api/v2/push/getReceipts", body)
    assert (status, answer["errors"][0]["code"]) == (400, "VALIDATION_ERROR")
    assert answer["errors"][0]["message"] == message


def test_s38_no_ids_are_answered_with_no_receipts(get_receipts: Post) -> None:
    assert get_receipts([]) == (200, {"data": {}})


def test_s39_an_app_removed_before_the_receipt_is_gone_and_showed_nothing(
    service: PushService, get_receipts: Post, sent: Callable[[str], str], token: str
) -> None:
    earlier = sent(token)
    service.advance(2)
    ticket = sent(token)
    service.change_device(token, registered=False)
    service.advance(2)
    assert get_receipts([earlier, ticket])[1]["data"] == {
        earlier: {"status": "ok"},
        ticket: {
            "status": "error",
            "message": "The recipient device is not registered with FCM.",
            "messageEnum": 7,
            "messageParamValues": [],
            "details": {
                "error": "DeviceNotRegistered",
                "errorCodeEnum": 3,
                "sentAt": 1_786_000_002,
            },
            "__debug": {},
        },
    }
    assert [shown.ticket_id for shown in service.displayed(token)] == [earlier]


def test_s39_the_tickets_of_other_phones_are_not_touched(
    service: PushService, get_receipts: Post, sent: Callable[[str], str], token: str
) -> None:
    ticket = sent(service.add_device().token)
    service.change_device(token, registered=False)
    service.advance(2)
    assert get_receipts([ticket])[1]["data"] == {ticket: {"status": "ok"}}


def test_s39_on_ios_it_is_apns_that_says_so(
    service: PushService, get_receipts: Post, sent: Callable[[str], str]
) -> None:
    token = service.add_device(Platform.IOS).token
    ticket = sent(token)
    service.change_device(token, registered=False)
    service.advance(2)
    receipt = get_receipts([ticket])[1]["data"][ticket]
    assert receipt["details"]["error"] == "DeviceNotRegistered"
    assert receipt["details"]["apns"] == {"reason": "Unregistered", "statusCode": 410}


def test_s45_a_receipt_says_the_same_again_whatever_became_of_the_device(
    service: PushService, get_receipts: Post, sent: Callable[[str], str], token: str
) -> None:
    delivered = sent(token)
    service.advance(2)
    lost = sent(token)
    service.change_device(token, registered=False)
    service.advance(2)
    first = get_receipts([delivered, lost])
    service.change_device(token, registered=True)
    assert get_receipts([delivered, lost]) == first
    assert [receipt["status"] for receipt in first[1]["data"].values()] == ["ok", "error"]


def test_s47_receipts_of_several_projects_are_read_together(
    service: PushService, get_receipts: Post, sent: Callable[[str], str], token: str
) -> None:
    tickets = [sent(token), sent(service.add_device(project="@owner/other").token)]
    service.advance(2)
    assert list(get_receipts(tickets)[1]["data"]) == tickets
