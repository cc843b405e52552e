"""Tokens without control calls: the magic ones, and those that apps ask for."""

from collections.abc import Callable
from typing import Any

import pytest

from calbell.simulator.phones import Platform
from calbell.simulator.service import PushService

Answer = tuple[int, Any]
Send = Callable[[object], Answer]
Call = Callable[..., Answer]

PROJECT_ID = "0b0a6a4c-41a7-4a5e-9c1e-8f1d5d0f7a11"


def magic(word: str) -> str:
    return f"ExponentPushToken[{word}]"


@pytest.mark.parametrize("token", [magic("ok"), magic("ok-Ada's phone"), "ExpoPushToken[ok-]"])
def test_s01_ok_is_delivered(service: PushService, send: Send, token: str) -> None:
    assert send({"to": token, "title": "Booked"})[1]["data"]["status"] == "ok"
    assert [shown.message.title for shown in service.displayed(token)] == ["Booked"]


def test_s12_gone_is_not_registered(send: Send) -> None:
    for token in (magic("gone"), magic("gone-1")):
        ticket = send({"to": token})[1]["data"]
        assert ticket["message"] == f'"{token}" is not a registered push notification recipient'


def test_s39_late_gone_has_an_ok_ticket_and_a_receipt_that_it_is_gone(
    service: PushService, send: Send, get_receipts: Send
) -> None:
    token = magic("late-gone-1")
    ticket = send({"to": token, "title": "Booked"})[1]["data"]["id"]
    service.advance(2)
    receipt = get_receipts([ticket])[1]["data"][ticket]
    assert receipt["message"] == "The recipient device is not registered with FCM."
    assert service.displayed(token) == ()


def test_s23_proj2_is_of_another_project_than_the_other_words(send: Send) -> None:
    status, body = send([{"to": [magic("ok"), magic("proj2"), magic("gone"), magic("late-gone")]}])
    assert (status, body["errors"][0]["code"]) == (400, "PUSH_TOO_MANY_EXPERIENCE_IDS")
    assert list(body["errors"][0]["details"].values()) == [
        [magic("ok"), magic("late-gone")],
        [magic("proj2")],
    ]


def test_s13_a_word_that_only_begins_like_a_magic_one_is_not_valid(send: Send) -> None:
    for token in (magic("okay"), magic("ok 1"), magic("OK"), magic("")):
        assert send({"to": token})[1]["data"]["message"].endswith("is not a valid Expo push token")


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("rate", "MessageRateExceeded"),
        ("nofcm", "InvalidCredentials"),
        ("noapns", "InvalidCredentials"),
    ],
)
def test_s16_s17_s19_words_that_fail_in_the_ticket(send: Send, word: str, code: str) -> None:
    ticket = send({"to": magic(f"{word}-1"), "title": "Booked"})[1]["data"]
    assert (ticket["status"], ticket["details"]["error"]) == ("error", code)
    assert ("APNs" in ticket["message"], "FCM" in ticket["message"]) == (
        word == "noapns",
        word == "nofcm",
    )


@pytest.mark.parametrize(
    ("word", "code"),
    [("toobig", "MessageTooBig"), ("badtoken", "DeveloperError"), ("sender", "ProviderError")],
)
def test_s18_s40_s41_words_that_fail_in_the_receipt(
    service: PushService, send: Send, get_receipts: Send, word: str, code: str
) -> None:
    ticket = send({"to": magic(word), "title": "Booked"})[1]["data"]["id"]
    service.advance(2)
    receipt = get_receipts([ticket])[1]["data"][ticket]
    assert (receipt["status"], receipt["details"]["error"]) == ("error", code)
    assert service.displayed(magic(word)) == ()


def test_s40_the_receipt_of_the_wrong_environment(
    service: PushService, send: Send, get_receipts: Send
) -> None:
    ticket = send({"to": magic("badtoken"), "title": "Booked"})[1]["data"]["id"]
    service.advance(2)
    assert get_receipts([ticket])[1]["data"][ticket] == {
        "status": "error",
        "message": "The Apple Push Notification service failed to send the notification "
        "(reason: BadDeviceToken, status code: 400).",
        "messageEnum": 1006,
        "messageParamValues": ["BadDeviceToken", "400"],
        "details": {
            "apns": {"reason": "BadDeviceToken", "statusCode": 400},
            "error": "DeveloperError",
            "errorCodeEnum": 2,
            "sentAt": 1_786_000_000,
        },
    }


@pytest.mark.parametrize(("word", "at_last"), [("slowreceipt", True), ("noreceipt", False)])
def test_f15_words_whose_receipts_are_late_or_never_come(
    service: PushService, send: Send, get_receipts: Send, word: str, at_last: bool
) -> None:
    ticket = send({"to": magic(word), "title": "Booked"})[1]["data"]["id"]
    service.advance(1799)
    seen = [ticket in get_receipts([ticket])[1]["data"]]
    service.advance(1)
    seen.append(ticket in get_receipts([ticket])[1]["data"])
    assert seen == [False, at_last]
    assert len(service.displayed(magic(word))) == 1


def asked(call: Call, **changes: object) -> Answer:
    body: dict[str, object] = {
        "type": "fcm",
        "deviceId": "phone-1",
        "appId": "com.cal",
        "projectId": PROJECT_ID,
    }
    body |= {"development": True, "deviceToken": "native"}
    named = {key: value for key, value in (body | changes).items() if value is not None}
    return call("POST", "/--/api/v2/push/getExpoPushToken", named)


def test_s53_an_app_gets_a_token_that_can_be_sent_to(
    service: PushService, call: Call, send: Send
) -> None:
    status, body = asked(call)
    token = body["data"]["expoPushToken"]
    assert (status, len(token)) == (200, len(magic("x" * 22)))
    assert send({"to": token})[1]["data"]["status"] == "ok"
    assert [(each.token, each.platform) for each in service.devices] == [(token, Platform.ANDROID)]


def test_s53_an_app_gets_its_token_again_and_is_registered_by_asking(
    service: PushService, call: Call
) -> None:
    token = asked(call)[1]["data"]["expoPushToken"]
    service.change_device(token, registered=False)
    assert asked(call)[1]["data"]["expoPushToken"] == token
    assert service.devices[0].registered


@pytest.mark.parametrize(
    "change",
    [
        {"deviceId": "phone-2"},
        {"appId": "com.other"},
        {"projectId": PROJECT_ID.replace("0", "1")},
        {"projectId": None, "experienceId": "@owner/slug"},
    ],
    ids=str,
)
def test_s53_another_phone_app_or_project_gets_another_token(
    call: Call, change: dict[str, object]
) -> None:
    assert asked(call)[1] != asked(call, **change)[1]


def test_s53_a_project_id_is_the_same_in_capitals(call: Call) -> None:
    assert asked(call)[1] == asked(call, projectId=PROJECT_ID.upper())[1]


def test_s53_after_a_reset_an_app_gets_a_new_token(
    service: PushService, call: Call, send: Send
) -> None:
    before = asked(call)[1]["data"]["expoPushToken"]
    service.reset()
    token = asked(call)[1]["data"]["expoPushToken"]
    assert token != before
    assert send({"to": [before, token]})[1]["data"][1]["status"] == "ok"


def test_s53_the_platform_is_that_of_the_native_service(service: PushService, call: Call) -> None:
    asked(call, type="apns")
    assert service.devices[0].platform is Platform.IOS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"projectId": "mine"}, '"projectId": Invalid uuid.'),
        (
            {"projectId": None},
            "Must supply exactly one of [experienceId, projectId].",
        ),
        (
            {"experienceId": "@owner/slug"},
            "Must supply exactly one of [experienceId, projectId].",
        ),
        ({"deviceId": None}, '"deviceId" is required.'),
    ],
    ids=str,
)
def test_s53_a_request_that_names_no_project_is_refused(
    service: PushService, call: Call, change: dict[str, object], message: str
) -> None:
    status, body = asked(call, **change)
    assert (status, body["errors"][0]["code"]) == (400, "VALIDATION_ERROR")
    assert body["errors"][0]["message"] == message
    assert service.devices == ()
