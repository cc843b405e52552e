"""Sending: one ticket per recipient, or one refusal of the whole request."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from calbell.simulator.phones import Platform
from calbell.simulator.service import PushService

Answer = tuple[int, Any]
Send = Callable[[object], Answer]
Call = Callable[..., Answer]

UNKNOWN = "ExponentPushToken[0123456789abcdefghij_-]"


@pytest.fixture
def token(service: PushService) -> str:
    return service.add_device(project="@owner/app-a").token


@pytest.fixture
def other(service: PushService) -> str:
    return service.add_device(project="@owner/app-a").token


def statuses(answer: Answer) -> list[str]:
    return [ticket["status"] for ticket in answer[1]["data"]]


def refusal(answer: Answer) -> tuple[int, str, str]:
    """Status, code and message of the one error, whose form is the known one."""
    status, body = answer
    (error,) = body["errors"]
    assert error["type"] == "USER"
    assert UUID(error["requestId"]).version == 4
    assert "data" not in body
    return status, error["code"], error["message"]


def test_s01_one_object_is_answered_with_one_ticket(send: Send, token: str) -> None:
    status, body = send({"to": token, "title": "Booked"})
    assert status == 200
    assert body == {"data": {"status": "ok", "id": body["data"]["id"]}}
    assert UUID(body["data"]["id"]).version == 7


def test_s02_s09_an_array_of_one_is_answered_with_an_array_and_no_errors(
    send: Send, token: str
) -> None:
    status, body = send([{"to": token}])
    assert (status, list(body)) == (200, ["data"])
    assert [list(ticket) for ticket in body["data"]] == [["status", "id"]]


def test_s03_tickets_come_in_the_order_of_messages_and_recipients(
    send: Send, service: PushService, token: str, other: str
) -> None:
    _, body = send(
        [{"to": token, "title": "1"}, {"to": [other, token]}, {"to": other, "title": "3"}]
    )
    ids = [ticket["id"] for ticket in body["data"]]
    assert [(ticket.id, ticket.token) for ticket in service.tickets] == list(
        zip(ids, [token, other, token, other], strict=True)
    )


def test_s04_an_object_with_several_recipients_is_answered_with_an_array(
    send: Send, token: str, other: str
) -> None:
    assert statuses(send({"to": [token, other]})) == ["ok", "ok"]
    assert statuses(send({"to": [token]})) == ["ok"]


def test_s05_nothing_to_send_is_answered_with_nothing(send: Send) -> None:
    assert send([]) == (200, {"data": []})


def test_s06_the_same_token_twice_gets_two_tickets(
    send: Send, service: PushService, token: str
) -> None:
    _, body = send([{"to": [token, token], "title": "Booked"}])
    first, second = (ticket["id"] for ticket in body["data"])
    assert first != second
    assert [shown.ticket_id for shown in service.displayed(token)] == [first, second]


def test_s08_a_hundred_recipients_are_taken_in_one_request(send: Send, token: str) -> None:
    assert statuses(send({"to": [token] * 100})) == ["ok"] * 100


def test_s10_a_query_and_unknown_fields_are_taken_and_recorded(
    call: Call, service: PushService, token: str
) -> None:
    message = {"to": token, "_displayInForeground": True, "novelty": 1}
    status, _ = call("POST", "/--/api/v2/push/send?useFcmV1=true", message)
    (logged,) = service.requests
    assert (status, logged.query) == (200, "useFcmV1=true")
    assert b"novelty" in logged.body


def test_s11_ids_sort_as_the_tickets_came_also_within_a_millisecond(
    send: Send, service: PushService, token: str
) -> None:
    ids: list[str] = []
    for _ in range(3):
        ids += [ticket["id"] for ticket in send({"to": [token] * 100})[1]["data"]]
        service.advance(0.2)
    assert ids == sorted(set(ids))


def test_s12_a_well_formed_token_nobody_has_is_not_registered(send: Send) -> None:
    for unknown in (UNKNOWN, "ExpoPushToken[0123456789abcdefghij_-]", str(UUID(int=1))):
        assert send([{"to": unknown}])[1]["data"] == [
            {
                "status": "error",
                "message": f'"{unknown}" is not a registered push notification recipient',
                "details": {"error": "DeviceNotRegistered", "expoPushToken": unknown},
            }
        ]


@pytest.mark.parametrize(
    "malformed",
    ["ExponentPushToken[fake-xxx]", "adsf", "", "ExponentPushToken[0123456789abcdefghij__]\n"],
)
def test_s13_a_malformed_token_is_not_valid(send: Send, malformed: str) -> None:
    status, body = send([{"to": malformed}])
    assert status == 200
    assert body["data"] == [
        {
            "status": "error",
            "message": f'"{malformed}" is not a valid Expo push token',
            "details": {"error": "DeviceNotRegistered", "expoPushToken": malformed},
        }
    ]


def test_s14_a_bad_token_does_not_spoil_its_neighbours(
    send: Send, service: PushService, token: str
) -> None:
    assert statuses(send([{"to": [token, UNKNOWN]}, {"to": token}])) == ["ok", "error", "ok"]
    assert len(service.tickets) == 2


def test_s15_a_single_bad_token_is_answered_with_the_error_itself(send: Send) -> None:
    assert send({"to": "adsf"})[1]["data"]["status"] == "error"


@pytest.mark.parametrize("counts", [[101], [51, 50]], ids=["one array", "two arrays"])
def test_s22_more_than_a_hundred_recipients_are_refused(
    send: Send, service: PushService, token: str, counts: list[int]
) -> None:
    assert refusal(send([{"to": [token] * count} for count in counts])) == (
        400,
        "PUSH_TOO_MANY_NOTIFICATIONS",
        "You can send a maximum of 100 notifications per request (received 101); "
        "divide your requests.",
    )
    assert service.tickets == ()


def test_s23_two_projects_are_refused_and_every_known_token_is_named_once(
    send: Send, service: PushService, token: str, other: str
) -> None:
    stranger = service.add_device(project="@owner/app-b").token
    gone = service.add_device(project="@owner/app-b").token
    service.change_device(gone, registered=False)
    answer = send([{"to": [token, UNKNOWN, stranger]}, {"to": [other, token, gone]}])
    status, code, message = refusal(answer)
    assert (status, code) == (400, "PUSH_TOO_MANY_EXPERIENCE_IDS")
    assert message == (
        "All push notification messages in the same request must be for the same project; "
        "check the details field to investigate conflicting tokens."
    )
    assert answer[1]["errors"][0]["details"] == {
        "@owner/app-a": [token, other],
        "@owner/app-b": [stranger],
    }
    assert service.tickets == ()
    assert service.displayed(token) == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([{"title": "no to"}], '"[0].to" is required.'),
        ({"title": "no to"}, '"to" is required.'),
    ],
)
def test_s24_a_message_to_nobody_is_refused(send: Send, body: object, message: str) -> None:
    assert refusal(send(body)) == (400, "VALIDATION_ERROR", message)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"title": 5}, '"[2].title" must be a string.'),
        ({"title": None}, '"[2].title" must be a string.'),
        ({"data": "text"}, '"[2].data" must be of type object.'),
        ({"data": []}, '"[2].data" must be of type object.'),
        ({"to": [5]}, '"[2].to[0]" must be a string.'),
        ({"to": 5}, '"[2].to" must be a string or an array.'),
        ({"badge": 1.5}, '"[2].badge" must be a number.'),
        ({"sound": False}, '"[2].sound" must be a string or of type object.'),
        ({"contentAvailable": "yes"}, '"[2].contentAvailable" must be a boolean.'),
    ],
    ids=str,
)
def test_s25_a_field_of_the_wrong_type_refuses_the_whole_request(
    send: Send, service: PushService, token: str, field: dict[str, object], message: str
) -> None:
    body = [{"to": token}, {"to": token}, {"to": token} | field]
    assert refusal(send(body)) == (400, "VALIDATION_ERROR", message)
    assert service.tickets == ()


@pytest.mark.parametrize(
    "field",
    [{"priority": "urgent"}, {"interruptionLevel": "loud"}, {"ttl": -1}, {"badge": 0.5}],
    ids=str,
)
def test_s26_a_value_out_of_range_is_refused_by_name(
    send: Send, token: str, field: dict[str, object]
) -> None:
    status, code, message = refusal(send([{"to": token} | field]))
    assert (status, code) == (400, "VALIDATION_ERROR")
    assert message.startswith(f'"[0].{next(iter(field))}" ')


def test_the_fields_that_may_be_null_are_taken_as_null(send: Send, token: str) -> None:
    assert statuses(send([{"to": token, "sound": None, "channelId": None}])) == ["ok"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"to=x", b'{"to":"\xff"}', b"[" * 100_000],
    ids=["empty", "cut off", "a form", "not UTF-8", "too deep"],
)
def test_s27_what_is_not_json_is_refused(send: Send, body: bytes) -> None:
    expected = (400, "VALIDATION_ERROR", "The request body is not valid JSON.")
    assert refusal(send(body)) == expected


def test_half_an_emoji_is_a_question_mark_and_a_whole_one_stays(
    send: Send, service: PushService, token: str
) -> None:
    message = rf'{{"to":"{token}","title":"\ud83d","body":"\ud83d\ude00"}}'
    assert send(message.encode())[0] == 200
    (shown,) = service.displayed(token)
    assert (shown.message.title, shown.message.body) == ("?", "\N{GRINNING FACE}")


@pytest.mark.parametrize("scalar", [5, "text", None, True])
def test_s27_a_scalar_is_refused(send: Send, scalar: object) -> None:
    expected = (400, "VALIDATION_ERROR", '"value" must be of type object.')
    assert refusal(send(scalar)) == expected


def test_s28_the_601st_notification_within_a_second_refuses_its_request(
    send: Send, service: PushService, token: str
) -> None:
    for _ in range(6):
        assert send({"to": [token] * 100})[0] == 200
        service.advance(0.1)
    answer = send({"to": [token]})
    assert refusal(answer) == (
        429,
        "TOO_MANY_REQUESTS",
        "Exceeded 600 notifications per second, please try again.",
    )
    assert answer[1]["errors"][0]["isTransient"] is True
    assert len(service.tickets) == 600


def test_s28_the_window_slides_and_what_was_refused_does_not_count(
    send: Send, service: PushService, token: str
) -> None:
    service.set_project("@owner/app-a", rate_limit=3)
    assert send({"to": [token, token]})[0] == 200
    service.advance(0.5)
    assert send({"to": token})[0] == 200
    service.advance(0.25)
    assert send({"to": token})[0] == 429
    service.advance(0.25)
    assert send({"to": [token, token]})[0] == 200
    assert send({"to": token})[0] == 429


def test_s28_each_project_has_its_window_and_unknown_tokens_count_for_none(
    send: Send, service: PushService, token: str
) -> None:
    service.set_project("@owner/app-a", rate_limit=1)
    stranger = service.add_device(project="@owner/app-b").token
    assert [send({"to": [token, UNKNOWN]})[0], send({"to": stranger})[0]] == [200, 200]
    assert send({"to": token})[0] == 429


def test_a_rate_limit_of_0_is_none(send: Send, service: PushService, token: str) -> None:
    service.set_project("@owner/app-a", rate_limit=0)
    assert {send({"to": [token] * 100})[0] for _ in range(7)} == {200}


@pytest.mark.parametrize("path", ["/--/api/v2/push/nowhere", "/", "/--/api/v2/push/send/"])
def test_s33_there_is_nothing_at_other_paths(call: Call, path: str) -> None:
    assert refusal(call("POST", path))[:2] == (404, "NOT_FOUND")


def test_s33_only_post_is_taken(call: Call) -> None:
    assert refusal(call("GET", "/--/api/v2/push/send"))[:2] == (405, "NOT_FOUND")


def test_s51_a_device_that_is_registered_again_is_sent_to_again(
    send: Send, service: PushService, token: str
) -> None:
    seen = []
    for registered in (False, True):
        service.change_device(token, registered=registered)
        seen.append(send({"to": token})[1]["data"]["status"])
    assert seen == ["error", "ok"]


def test_platforms_do_not_matter_to_tickets(send: Send, service: PushService) -> None:
    android = service.add_device(Platform.ANDROID).token
    assert statuses(send([{"to": [service.add_device().token, android]}])) == ["ok", "ok"]
