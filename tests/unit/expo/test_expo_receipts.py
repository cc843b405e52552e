"""What became of tickets: every row of expo-push.md sections 11 and 12."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.outcomes import (
    Delivered,
    Gone,
    Later,
    NoReceipts,
    Receipt,
    Receipts,
    ReceiptsAnswer,
    ReceiptsRefused,
    Refused,
)
from calbell.expo.answers import as_asked, read_receipts
from calbell.expo.transport import Reply

ID = "019fd9c9-25c4-7399-971e-6cc8bafe54fd"


def asked(answer: object, status: int = 200) -> ReceiptsAnswer:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read_receipts(Reply(status, {}, body))


def failed(details: object) -> dict[str, object]:
    return {"status": "error", "message": "about a phone", "details": details, "__debug": {}}


def provider(name: str, **said: object) -> dict[str, object]:
    return failed({"error": "ProviderError", "fault": name, name: said})


@pytest.mark.parametrize(
    ("receipt", "outcome"),
    [
        ({"status": "ok"}, Delivered()),
        ({"status": "ok", "details": {"error": "ExpoError"}, "__debug": {}}, Delivered()),
        # the codes of section 12
        (
            failed({"error": "DeviceNotRegistered", "errorCodeEnum": 3, "sentAt": 1786065266}),
            Gone("DeviceNotRegistered"),
        ),
        (
            failed({"error": "DeviceNotRegistered", "fcm": {"error": "NotRegistered"}}),
            Gone("DeviceNotRegistered"),
        ),
        (failed({"error": "MessageTooBig"}), Refused("MessageTooBig")),
        (failed({"error": "MessageRateExceeded"}), Later("MessageRateExceeded")),
        (failed({"error": "MismatchSenderId"}), Refused("MismatchSenderId")),
        (failed({"error": "InvalidProviderToken"}), Later("InvalidProviderToken")),
        (
            failed({"error": "InvalidCredentials", "fcm": {"httpStatus": 401, "response": "<H>"}}),
            Later("InvalidCredentials"),
        ),
        (
            failed({"error": "InvalidCredentials", "apns": {"reason": "InvalidProviderToken"}}),
            Later("InvalidCredentials"),
        ),
        (failed({"error": "ExpoError"}), Later("ExpoError", most=50)),
        (failed({"error": "DeviceOnHoliday"}), Refused("DeviceOnHoliday")),
        # DeveloperError is kept with what Apple or Google said
        (failed({"error": "DeveloperError"}), Refused("DeveloperError")),
        (
            failed(
                {"apns": {"reason": "BadDeviceToken", "statusCode": 400}, "error": "DeveloperError"}
            ),
            Refused("DeveloperError:BadDeviceToken"),
        ),
        (
            failed({"error": "DeveloperError", "fcm": {"error": "INVALID_ARGUMENT"}}),
            Refused("DeveloperError:INVALID_ARGUMENT"),
        ),
        (
            failed({"error": "DeveloperError", "apns": {"reason": "Reason" * 10}}),
            Refused("DeveloperError:" + ("Reason" * 10)[:49]),
        ),
        (
            failed({"error": "DeveloperError", "apns": {"reason": "Where is it?"}}),
            Refused("DeveloperError"),
        ),
        # ProviderError goes by what they said
        (provider("fcm", error="MismatchSenderId"), Refused("MismatchSenderId")),
        (provider("fcm", error="SENDER_ID_MISMATCH"), Refused("ProviderError:SENDER_ID_MISMATCH")),
        (provider("fcm", error="Unavailable"), Later("ProviderError:Unavailable", most=3)),
        (
            provider("fcm", error="InternalServerError"),
            Later("ProviderError:InternalServerError", most=3),
        ),
        (provider("fcm", httpStatus=503, response="<H>"), Later("ProviderError:503", most=3)),
        (
            provider("apns", reason="ServiceUnavailable"),
            Later("ProviderError:ServiceUnavailable", most=3),
        ),
        (provider("apns", statusCode=500), Later("ProviderError:500", most=3)),
        (provider("apns", reason="InvalidProviderToken"), Later("InvalidProviderToken")),
        (provider("apns", reason="BadTopic"), Refused("ProviderError:BadTopic")),
        # section 12 keeps the token of every ProviderError
        (provider("fcm", error="NotRegistered"), Refused("ProviderError:NotRegistered")),
        (provider("fcm", error=[5]), Refused("ProviderError")),
        (failed({"error": "ProviderError"}), Refused("ProviderError")),
        # no code
        ({"status": "error", "message": "unexpectedly dropped"}, Later("NO_CODE", most=5)),
        (failed(None), Later("NO_CODE", most=5)),
        (failed("The phone is on holiday"), Later("NO_CODE", most=5)),
        (failed("DeviceNotRegistered"), Gone("DeviceNotRegistered")),
        (failed({"error": {"code": "MessageTooBig"}}), Refused("MessageTooBig")),
        (failed({"fcm": {"error": "NotRegistered"}}), Gone("NotRegistered")),
        (failed({"fcm": {"error": "MismatchSenderId"}}), Refused("MismatchSenderId")),
        (failed({"apns": {"reason": "BadDeviceToken"}}), Refused("BadDeviceToken")),
        (failed({"apns": {"reason": "Shutdown", "statusCode": 503}}), Later("Shutdown", most=5)),
        (failed({"apns": {"reason": "InvalidProviderToken"}}), Later("InvalidProviderToken")),
        (failed({"apns": {"reason": "NeverHeardOf"}}), Later("NeverHeardOf", most=5)),
    ],
)
def test_a_receipt_by_its_status_and_code(receipt: object, outcome: Receipt) -> None:
    assert asked({"data": {ID: receipt}}) == Receipts({ID: outcome})


def test_tickets_without_a_receipt_are_absent() -> None:
    assert asked({"data": {}}) == Receipts({})


@pytest.mark.parametrize("receipt", [None, 5, "ok", [], {}, {"status": "pending"}, {"id": ID}])
def test_a_receipt_that_makes_no_sense_is_not_there_yet(receipt: object) -> None:
    assert asked({"data": {"a": {"status": "ok"}, "b": receipt}}) == Receipts({"a": Delivered()})


@pytest.mark.parametrize("ticket_id", ["", "x" * 65, "a\0b", "\ud83d"])
def test_an_id_that_can_be_none_of_ours_is_left_out(ticket_id: str) -> None:
    assert asked({"data": {ticket_id: {"status": "ok"}}}) == Receipts({})


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (200, b"", "BAD_JSON"),
        (200, b"<html>", "BAD_JSON"),
        (200, b'{"data":{', "BAD_JSON"),
        (200, [], "BAD_JSON"),
        (200, {}, "NO_DATA"),
        (200, {"data": None}, "NO_DATA"),
        (200, {"data": [{"status": "ok"}]}, "NO_DATA"),
        (200, {"data": {}, "errors": []}, "ERRORS"),
        (200, {"errors": [{"code": "INTERNAL_SERVER_ERROR"}]}, "INTERNAL_SERVER_ERROR"),
        (401, {"error": "invalid_token"}, "invalid_token"),
        (403, {"errors": [{"code": "UNAUTHORIZED"}]}, "UNAUTHORIZED"),
        (429, b"", "HTTP_429"),
        (500, {"data": {ID: {"status": "ok"}}}, "HTTP_500"),
        (302, b"", "HTTP_302"),
    ],
)
def test_a_question_that_failed(status: int, answer: object, code: str) -> None:
    assert asked(answer, status) == NoReceipts(code)


def test_a_question_that_expo_does_not_take_as_it_is() -> None:
    answer = {"errors": [{"code": "PUSH_TOO_MANY_RECEIPTS"}]}
    assert asked(answer, 400) == ReceiptsRefused("PUSH_TOO_MANY_RECEIPTS")


@pytest.mark.parametrize("answer", [{"errors": []}, b"<html>", {"errors": [{"code": "NEW"}]}])
def test_a_question_that_is_refused_without_a_known_code_is_asked_in_parts(answer: object) -> None:
    assert isinstance(asked(answer, 400), ReceiptsRefused)


def test_how_long_to_wait_before_receipts_are_asked_for_again() -> None:
    reply = Reply(429, {"retry-after": "7"}, b"")
    assert read_receipts(reply) == NoReceipts("HTTP_429", timedelta(seconds=7))


def test_receipts_are_told_under_the_ids_that_were_asked_for() -> None:
    """Expo may write ids in another case, and may answer what nobody asked."""
    answer = Receipts({"ABC": Delivered(), "d": Gone("x"), "D": Refused("y"), "?": Delivered()})
    assert as_asked(answer, ["abc", "D", "absent"]) == Receipts(
        {"abc": Delivered(), "D": Refused("y")}
    )


JSON = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["ok", "error", "ProviderError"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "errors", "status", "details", "error", "fcm", "apns", "reason"]
            )
            | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
BODIES = st.binary() | st.one_of(
    JSON, st.fixed_dictionaries({"data": st.dictionaries(st.text(), JSON)})
).map(lambda value: json.dumps(value).encode())


@settings(deadline=None)
@given(st.sampled_from([200, 200, 200, 302, 400, 429, 500]), BODIES)
def test_no_answer_raises(status: int, body: bytes) -> None:
    match read_receipts(Reply(status, {}, body)):
        case Receipts(by_ticket):
            assert status == 200
            assert all(0 < len(ticket_id) <= 64 for ticket_id in by_ticket)
        case NoReceipts(code) | ReceiptsRefused(code):
            assert 0 < len(code) <= 64
