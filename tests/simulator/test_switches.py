"""The switches: behaviour of which the real service's is not known."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest

from calbell.simulator.orders import switched
from calbell.simulator.phones import Platform
from calbell.simulator.projects import Credentials, KeyState
from calbell.simulator.service import PushService
from calbell.simulator.wire import Request

Answer = tuple[int, Any]
Send = Callable[[object], Answer]

OK, GONE, TOO_BIG = (f"ExponentPushToken[{word}]" for word in ("ok", "gone", "toobig"))
FIRST = "@simulator/first"


def outcome(service: PushService, get_receipts: Send, answer: Answer) -> dict[str, Any]:
    """The receipt of the one ticket."""
    service.advance(2)
    (receipt,) = get_receipts([answer[1]["data"]["id"]])[1]["data"].values()
    told: dict[str, Any] = receipt
    return told


def test_s04_one_recipient_in_an_array_may_be_answered_with_an_object(
    service: PushService, send: Send
) -> None:
    assert isinstance(send({"to": [OK]})[1]["data"], list)
    switched(service, {"single_to_array": "object"})
    assert send({"to": [OK]})[1]["data"]["status"] == "ok"
    assert isinstance(send({"to": [OK, OK]})[1]["data"], list)
    assert isinstance(send([{"to": OK}])[1]["data"], list)


def of_bytes(size: int) -> dict[str, object]:
    """A message of exactly so many bytes as compact JSON without its recipient."""
    message: dict[str, object] = {"title": "\N{GRINNING FACE}", "data": {"pad": ""}}
    padding = size - len(msgspec.json.encode(message))
    return message | {"data": {"pad": "x" * padding}}


def test_s18_a_message_over_4096_bytes_fails_in_its_receipt(
    service: PushService, send: Send, get_receipts: Send
) -> None:
    fits = send({"to": OK} | of_bytes(4096))
    assert outcome(service, get_receipts, fits) == {"status": "ok"}
    answer = send({"to": OK} | of_bytes(4097))
    assert outcome(service, get_receipts, answer)["details"]["error"] == "MessageTooBig"
    assert len(service.displayed(OK)) == 1


def test_s18_or_in_its_ticket(service: PushService, send: Send) -> None:
    switched(service, {"too_big_at": "ticket"})
    ok, too_big, magic = (
        send({"to": token} | of_bytes(size))[1]["data"]
        for token, size in ((OK, 4096), (OK, 4097), (TOO_BIG, 100))
    )
    assert ok["status"] == "ok"
    assert too_big["details"] == magic["details"] == {"error": "MessageTooBig"}


def test_s18_the_recipients_do_not_count(service: PushService, send: Send) -> None:
    switched(service, {"too_big_at": "ticket"})
    _, body = send({"to": [OK] * 100} | of_bytes(4096))
    assert {ticket["status"] for ticket in body["data"]} == {"ok"}


def test_s20_an_error_ticket_may_have_an_id(service: PushService, send: Send) -> None:
    switched(service, {"error_ticket_has_id": True})
    service.set_project(FIRST, credentials=Credentials(android=KeyState.MISSING))
    token = service.add_device(Platform.ANDROID).token
    ticket = send({"to": token})[1]["data"]
    assert (ticket["status"], UUID(ticket["id"]).version) == ("error", 7)
    assert service.tickets == ()


def test_s21_an_error_ticket_may_be_without_details(service: PushService, send: Send) -> None:
    switched(service, {"omit_details": True})
    ticket = send({"to": GONE})[1]["data"]
    assert list(ticket) == ["status", "message"]


@pytest.mark.parametrize("status", [403, 401, 400])
def test_s29_the_status_of_a_missing_permission(
    service: PushService, send: Send, status: int
) -> None:
    switched(service, {"unauthorized_status": status})
    service.set_project(FIRST, push_security=True)
    assert send({"to": OK})[0] == status


def test_s46_receipts_may_be_open_under_push_security(
    service: PushService, send: Send, get_receipts: Send
) -> None:
    ticket = send({"to": OK})[1]["data"]["id"]
    service.set_project(FIRST, push_security=True)
    assert get_receipts([ticket])[0] == 403
    switched(service, {"open_receipts": True})
    assert get_receipts([ticket])[0] == 200


def test_s41_a_mismatch_may_be_told_flat(
    service: PushService, send: Send, get_receipts: Send
) -> None:
    switched(service, {"mismatch_shape": "flat"})
    mismatch = KeyState.MISMATCH
    service.set_project(FIRST, credentials=Credentials(mismatch, mismatch))
    codes = [
        outcome(service, get_receipts, send({"to": service.add_device(platform).token}))
        for platform in (Platform.ANDROID, Platform.IOS)
    ]
    assert [each["details"] for each in codes] == [
        {"error": "MismatchSenderId"},
        {"error": "InvalidProviderToken"},
    ]


def test_an_error_may_be_in_the_old_form(service: PushService, send: Send) -> None:
    switched(service, {"error_object": "legacy"})
    (error,) = send([{}])[1]["errors"]
    assert list(error) == ["code", "message", "isTransient"]


def test_s11_ids_may_be_of_version_4(service: PushService, send: Send) -> None:
    switched(service, {"id_version": 4})
    ids = {send({"to": OK})[1]["data"]["id"] for _ in range(9)}
    assert {UUID(each).version for each in ids} == {4}
    assert len(ids) == 9


def test_s28_a_refusal_for_the_rate_may_say_when_to_come_again(
    service: PushService, send: Send
) -> None:
    service.set_project(FIRST, rate_limit=1)
    refusals = [service.answer(_two()).headers.get("retry-after")]
    switched(service, {"retry_after": True})
    refusals.append(service.answer(_two()).headers.get("retry-after"))
    assert refusals == [None, "1"]


def test_unknown_fields_may_be_refused_and_the_old_ones_are_known(
    service: PushService, send: Send
) -> None:
    switched(service, {"unknown_fields": 400})
    old = {"_displayInForeground": True, "_contentAvailable": True}
    assert send([{"to": OK} | old])[0] == 200
    status, body = send([{"to": OK}, {"to": OK, "novelty": 1}])
    assert (status, body["errors"][0]["message"]) == (400, '"[1].novelty" is not allowed.')


def test_s13_a_malformed_token_may_be_told_like_an_unknown_one(
    service: PushService, send: Send
) -> None:
    switched(service, {"invalid_token_text": "legacy"})
    ticket = send({"to": "adsf"})[1]["data"]
    assert ticket["message"] == '"adsf" is not a registered push notification recipient'


def _two() -> Request:
    body = msgspec.json.encode({"to": [OK, OK]})
    return Request("POST", "/--/api/v2/push/send", body=body)
