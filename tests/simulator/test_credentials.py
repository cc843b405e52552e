"""Keys and access tokens: what an app's owner must have left at Expo, and who may send."""

from collections.abc import Callable
from typing import Any

import pytest

from calbell.simulator.faults import BearerTurnsInvalid, BrokenCredentials, Endpoint
from calbell.simulator.phones import Platform
from calbell.simulator.projects import Credentials, KeyState
from calbell.simulator.service import PushService

Answer = tuple[int, Any]
Call = Callable[..., Answer]
Send = Callable[[object], Answer]

APP = "@owner/app"
SEND = "/--/api/v2/push/send"
RECEIPTS = "/--/api/v2/push/getReceipts"
IOS, ANDROID = Platform.IOS, Platform.ANDROID
MISSING, REVOKED, MISMATCH = KeyState.MISSING, KeyState.REVOKED, KeyState.MISMATCH

NO_FCM = {
    "status": "error",
    "message": "Unable to retrieve the FCM server key for the recipient's app. Make sure you have "
    "provided a server key as directed by the Expo FCM documentation.",
    "details": {"error": "InvalidCredentials", "fault": "developer"},
}


@pytest.fixture
def tokens(service: PushService) -> dict[Platform, str]:
    return {each: service.add_device(each, APP, app="com.owner.app").token for each in Platform}


def tickets(send: Send, tokens: dict[Platform, str]) -> list[dict[str, Any]]:
    _, body = send([{"to": [tokens[IOS], tokens[ANDROID]], "title": "Booked"}])
    told: list[dict[str, Any]] = body["data"]
    return told


def test_s16_without_a_key_for_fcm_android_is_refused_in_the_ticket(
    service: PushService, send: Send, tokens: dict[Platform, str]
) -> None:
    service.set_project(APP, credentials=Credentials(android=MISSING))
    ios, android = tickets(send, tokens)
    assert (ios["status"], android) == ("ok", NO_FCM)
    assert service.displayed(tokens[ANDROID]) == ()


def test_s17_without_a_key_for_apns_ios_is_refused_in_the_ticket(
    service: PushService, send: Send, tokens: dict[Platform, str]
) -> None:
    service.set_project(APP, credentials=Credentials(ios=MISSING))
    ios, android = tickets(send, tokens)
    assert android["status"] == "ok"
    assert ios == {
        "status": "error",
        "message": "Could not find APNs credentials for com.owner.app (@owner/app). You may need "
        "to generate or upload new push credentials.",
        "details": {"error": "InvalidCredentials"},
    }


def broken_receipts(
    service: PushService,
    send: Send,
    get_receipts: Send,
    tokens: dict[Platform, str],
    state: KeyState,
) -> list[dict[str, Any]]:
    service.set_project(APP, credentials=Credentials(state, state))
    ids = [ticket["id"] for ticket in tickets(send, tokens)]
    service.advance(2)
    _, body = get_receipts(ids)
    assert service.displayed(tokens[IOS]) == service.displayed(tokens[ANDROID]) == ()
    return [body["data"][each] for each in ids]


def test_s41_a_key_of_another_sender_shows_in_the_receipt(
    service: PushService, send: Send, get_receipts: Send, tokens: dict[Platform, str]
) -> None:
    _, android = broken_receipts(service, send, get_receipts, tokens, MISMATCH)
    assert android == {
        "status": "error",
        "message": "There was an unknown error with the FCM server. See this error's details for "
        "more information.",
        "details": {
            "error": "ProviderError",
            "fault": "fcm",
            "fcm": {"error": "MismatchSenderId"},
        },
    }


def test_s42_a_revoked_key_shows_in_the_receipt(
    service: PushService, send: Send, get_receipts: Send, tokens: dict[Platform, str]
) -> None:
    ios, android = broken_receipts(service, send, get_receipts, tokens, REVOKED)
    assert ios["details"] == {
        "error": "InvalidCredentials",
        "apns": {"reason": "InvalidProviderToken", "statusCode": 403},
    }
    assert android["message"] == (
        "Failed to authenticate with the FCM server. Ensure the FCM server key you uploaded is "
        "correct."
    )
    fcm = android["details"].pop("fcm")
    assert android["details"] == {"error": "InvalidCredentials", "fault": "developer"}
    assert (fcm["httpStatus"], fcm["response"][:6]) == (401, "<HTML>")


def test_f18_credentials_break_in_mid_run_and_are_mended(
    service: PushService, send: Send, tokens: dict[Platform, str]
) -> None:
    service.queue_fault(BrokenCredentials(ANDROID), nth=2, times=2)
    seen = [[ticket["status"] for ticket in tickets(send, tokens)] for _ in range(4)]
    assert seen == [["ok", "ok"], ["ok", "error"], ["ok", "error"], ["ok", "ok"]]


def test_f18_both_platforms_may_break_in_any_way(
    service: PushService, send: Send, get_receipts: Send, tokens: dict[Platform, str]
) -> None:
    service.queue_fault(BrokenCredentials(state=REVOKED))
    ids = [ticket["id"] for ticket in tickets(send, tokens)]
    service.advance(2)
    codes = [each["details"]["error"] for each in get_receipts(ids)[1]["data"].values()]
    assert codes == ["InvalidCredentials"] * 2


@pytest.fixture
def secured(service: PushService) -> None:
    """The owner's access token is "good", that of another owner "other"."""
    service.set_project(APP, push_security=True, access_tokens=("good",))
    service.set_project("@other/app", access_tokens=("other",))


@pytest.mark.usefixtures("secured")
@pytest.mark.parametrize("bearer", [None, "Bearer other"])
def test_s29_under_push_security_only_the_owner_sends(
    service: PushService, call: Call, tokens: dict[Platform, str], bearer: str | None
) -> None:
    status, body = call("POST", SEND, {"to": tokens[IOS]}, bearer)
    assert (status, body["errors"][0]["code"]) == (403, "UNAUTHORIZED")
    assert body["errors"][0]["message"] == (
        "Insufficient permissions to send push notifications to @owner/app"
    )
    assert service.tickets == ()


@pytest.mark.usefixtures("secured")
def test_s29_the_owners_access_token_is_good_for_all_the_owners_projects(
    service: PushService, call: Call, tokens: dict[Platform, str]
) -> None:
    sibling = service.add_device(project="@owner/sibling").token
    service.set_project("@owner/sibling", push_security=True)
    for token in (tokens[IOS], sibling):
        assert call("POST", SEND, {"to": token}, "Bearer good")[0] == 200


@pytest.mark.usefixtures("secured")
def test_s29_without_push_security_anybody_sends(service: PushService, call: Call) -> None:
    token = service.add_device(project="@other/app").token
    for bearer in (None, "Bearer good"):
        assert call("POST", SEND, {"to": token}, bearer)[0] == 200


@pytest.mark.usefixtures("secured")
@pytest.mark.parametrize("path", [SEND, RECEIPTS])
@pytest.mark.parametrize("bearer", ["Bearer unknown", "Bearer", "good", "Basic good", ""])
def test_s30_a_bearer_that_is_none_is_refused_before_the_fields_are_read(
    call: Call, path: str, bearer: str
) -> None:
    body = {"error": "invalid_token", "error_description": "The bearer token is invalid"}
    assert call("POST", path, {"title": 5}, bearer) == (401, body)
    assert call("POST", path, b"not json", bearer)[0] == 400


def test_f22_the_bearer_turns_invalid_in_mid_run(
    service: PushService, call: Call, tokens: dict[Platform, str]
) -> None:
    service.set_project(APP, access_tokens=("good",))
    service.queue_fault(BearerTurnsInvalid(), nth=2)
    seen = [call("POST", SEND, {"to": tokens[IOS]}, "Bearer good") for _ in range(3)]
    assert [status for status, _ in seen] == [200, 401, 200]
    assert "errors" not in seen[1][1]


@pytest.mark.usefixtures("secured")
def test_s46_under_push_security_receipts_are_the_owners_too(
    service: PushService, call: Call, tokens: dict[Platform, str]
) -> None:
    _, sent = call("POST", SEND, {"to": tokens[IOS]}, "Bearer good")
    ids = {"ids": [sent["data"]["id"]]}
    service.advance(2)
    assert call("POST", RECEIPTS, ids)[0] == 403
    assert call("POST", RECEIPTS, ids, "Bearer good")[1]["data"] != {}
    assert call("POST", RECEIPTS, {"ids": ["unknown"]})[0] == 200


def test_f22_receipts_are_refused_alike(service: PushService, get_receipts: Send) -> None:
    service.queue_fault(BearerTurnsInvalid(), Endpoint.RECEIPTS)
    assert [get_receipts([])[0] for _ in range(2)] == [401, 200]
