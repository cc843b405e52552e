"""What a send request came to, by status and body: every row of expo-push.md sections 8 to 10."""

import json
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calbell.domain.outcomes import (
    Accepted,
    AllBarred,
    AllLater,
    AllUnclear,
    Answer,
    Gone,
    Later,
    MixedProjects,
    Refused,
    Ticket,
    Tickets,
    Unclear,
    WholeRefused,
)
from calbell.expo.answers import LONGEST_WAIT, read_send
from calbell.expo.transport import Reply

A, B, C = (f"ExponentPushToken[{letter * 22}]" for letter in "abc")
ID = "019fd9c9-25c4-7399-971e-6cc8bafe54fd"
OK = {"status": "ok", "id": ID}


def sent(
    answer: object, *tokens: str, status: int = 200, headers: dict[str, str] | None = None
) -> Answer:
    """What a request to `tokens` (by default one) comes to when Expo answers so."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read_send(Reply(status, headers or {}, body), tokens or (A,))


def failed(details: object) -> dict[str, object]:
    return {"status": "error", "message": f"about {A}", "details": details}


# Tickets.


def test_tickets_come_in_the_order_of_the_messages() -> None:
    gone = {"details": {"error": "DeviceNotRegistered", "expoPushToken": B}, "status": "error"}
    answer = {"data": [OK, gone, {"id": "x", "status": "ok", "new": 1}], "more": {}}
    assert sent(answer, A, B, C) == Tickets(
        (Accepted(ID), Gone("DeviceNotRegistered"), Accepted("x"))
    )


def test_a_single_ticket_may_be_an_object() -> None:
    assert sent({"data": OK}) == Tickets((Accepted(ID),))
    assert sent({"data": OK}, A, B) == AllUnclear("TICKET_COUNT")


def test_no_message_no_ticket() -> None:
    assert read_send(Reply(200, {}, b'{"data":[]}'), ()) == Tickets(())


@pytest.mark.parametrize(
    ("ticket", "outcome"),
    [
        (OK, Accepted(ID)),
        ({"status": "ok", "id": ID.upper()}, Accepted(ID.upper())),
        ({"status": "ok", "id": "x" * 64, "details": {"error": "ExpoError"}}, Accepted("x" * 64)),
        ({"status": "ok"}, Unclear("NO_TICKET_ID")),
        ({"status": "ok", "id": ""}, Unclear("NO_TICKET_ID")),
        ({"status": "ok", "id": None}, Unclear("NO_TICKET_ID")),
        ({"status": "ok", "id": 7}, Unclear("NO_TICKET_ID")),
        ({"status": "ok", "id": "x" * 65}, Unclear("NO_TICKET_ID")),
        ({"status": "ok", "id": "a\0b"}, Unclear("NO_TICKET_ID")),
        ({"status": "ok", "id": "\ud83d"}, Unclear("NO_TICKET_ID")),
        ({"status": "OK", "id": ID}, Unclear("BAD_TICKET")),
        ({"id": ID}, Unclear("BAD_TICKET")),
        ({}, Unclear("BAD_TICKET")),
        (None, Unclear("BAD_TICKET")),
        ("ok", Unclear("BAD_TICKET")),
        ([OK], Unclear("BAD_TICKET")),
        # the codes of section 12
        (failed({"error": "DeviceNotRegistered", "expoPushToken": A}), Gone("DeviceNotRegistered")),
        (failed({"error": "MessageTooBig"}), Refused("MessageTooBig")),
        (failed({"error": "MismatchSenderId"}), Refused("MismatchSenderId")),
        (failed({"error": "DeveloperError"}), Refused("DeveloperError")),
        (
            failed({"error": "InvalidCredentials", "fault": "developer"}),
            Later("InvalidCredentials"),
        ),
        (failed({"error": "InvalidProviderToken"}), Later("InvalidProviderToken")),
        (failed({"error": "MessageRateExceeded"}), Later("MessageRateExceeded")),
        (failed({"error": "ExpoError"}), Later("ExpoError", most=50)),
        (failed({"error": "ProviderError"}), Later("ProviderError", most=3)),
        (
            failed({"error": "ProviderError", "fcm": {"error": "MismatchSenderId"}}),
            Refused("MismatchSenderId"),
        ),
        # no code
        ({"status": "error", "message": "dropped the connection"}, Later("NO_CODE", most=5)),
        ({"status": "error", "id": ID, "details": None}, Later("NO_CODE", most=5)),
        (failed({}), Later("NO_CODE", most=5)),
        (failed([]), Later("NO_CODE", most=5)),
        (failed({"error": None}), Later("NO_CODE", most=5)),
        # a new code
        (failed({"error": "DeviceOnHoliday"}), Refused("DeviceOnHoliday")),
        (failed({"error": "messaging/third-party"}), Refused("messaging_third_party")),
        # shapes to be tolerated (section 11)
        (failed("DeviceNotRegistered"), Gone("DeviceNotRegistered")),
        (failed("The phone is on holiday"), Later("NO_CODE", most=5)),
        (failed({"error": {"code": "DeviceNotRegistered"}}), Gone("DeviceNotRegistered")),
        (failed({"error": {"error": "ExpoError", "n": 1}}), Later("ExpoError", most=50)),
        (failed({"error": {"n": 1}}), Later("NO_CODE", most=5)),
        # nothing but a short word is kept
        (failed({"error": f'"{A}" is bad'}), Refused("UNREADABLE_CODE")),
        (failed({"error": A}), Refused("UNREADABLE_CODE")),
        (failed({"error": "x" * 65}), Refused("UNREADABLE_CODE")),
        (failed({"error": ["ExpoError"]}), Refused("UNREADABLE_CODE")),
        (failed({"error": "Gerät"}), Refused("UNREADABLE_CODE")),
    ],
)
def test_a_ticket_by_its_status_and_code(ticket: object, outcome: Ticket) -> None:
    assert sent({"data": [ticket]}) == Tickets((outcome,))


def test_one_odd_ticket_does_not_spoil_the_others() -> None:
    assert sent({"data": [OK, 5, OK]}, A, B, C) == Tickets(
        (Accepted(ID), Unclear("BAD_TICKET"), Accepted(ID))
    )


def test_half_an_emoji_in_a_message_does_not_spoil_the_tickets() -> None:
    body = rb'{"data":[{"status":"error","message":"\ud83d","details":{"error":"ExpoError"}}]}'
    assert sent(body) == Tickets((Later("ExpoError", most=50),))


def test_tickets_out_of_order_are_noticed_by_the_token_they_name() -> None:
    gone = failed({"error": "DeviceNotRegistered", "expoPushToken": A})
    assert sent({"data": [gone, OK]}, A, B) == Tickets((Gone("DeviceNotRegistered"), Accepted(ID)))
    assert sent({"data": [OK, gone]}, A, B) == AllUnclear("TICKET_ORDER")


def test_a_token_that_is_none_of_ours_says_nothing_about_the_order() -> None:
    gone = failed({"error": "DeviceNotRegistered", "expoPushToken": "ExponentPushToken[...]"})
    assert sent({"data": [gone]}) == Tickets((Gone("DeviceNotRegistered"),))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"data": []}, "TICKET_COUNT"),
        ({"data": [OK, OK]}, "TICKET_COUNT"),
        (b"", "BAD_JSON"),
        (b"<html>hello</html>", "BAD_JSON"),
        (b'{"data":[{"status":"ok","id":"x"}', "BAD_JSON"),
        (b"\xff\xfe\x00", "BAD_JSON"),
        pytest.param(b"[" * 100_000, "BAD_JSON", id="deep"),
        (None, "BAD_JSON"),
        ([OK], "BAD_JSON"),
        (7, "BAD_JSON"),
        ({}, "NO_DATA"),
        ({"data": None}, "NO_DATA"),
        ({"data": "ok"}, "NO_DATA"),
        ({"data": [OK], "errors": []}, "ERRORS"),
        ({"data": [OK], "errors": [{"code": "INTERNAL_SERVER_ERROR"}]}, "INTERNAL_SERVER_ERROR"),
        ({"errors": [{"message": "no code"}]}, "ERRORS"),
        ({"errors": "odd"}, "ERRORS"),
    ],
)
def test_an_answer_that_cannot_be_trusted_leaves_all_unclear(answer: object, code: str) -> None:
    assert sent(answer) == AllUnclear(code)


def test_errors_that_are_null_are_none() -> None:
    assert sent({"data": [OK], "errors": None}) == Tickets((Accepted(ID),))


# The whole request.


def errors(code: object, **more: object) -> dict[str, object]:
    return {"errors": [{"code": code, "message": f"about {A}", **more}, {"code": "SECOND"}]}


def strange(code: str) -> Answer:
    """Refused, and nobody whom we understand said why."""
    return AllLater(code, unexplained=True)


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        (400, errors("VALIDATION_ERROR"), WholeRefused("VALIDATION_ERROR")),
        (400, errors("API_ERROR"), WholeRefused("API_ERROR")),
        (400, errors("PUSH_TOO_MANY_NOTIFICATIONS"), WholeRefused("PUSH_TOO_MANY_NOTIFICATIONS")),
        (400, errors("SOMETHING_NEW"), strange("SOMETHING_NEW")),
        (400, errors(f"{A} is bad"), strange("HTTP_400")),
        (400, errors(None), strange("HTTP_400")),
        (400, {"errors": []}, strange("HTTP_400")),
        (400, {"errors": ["odd"]}, strange("HTTP_400")),
        (400, b"<html>", strange("HTTP_400")),
        (404, errors("NOT_FOUND"), AllLater("NOT_FOUND")),
        (405, b"", AllLater("HTTP_405")),
        (407, b"<html>", strange("HTTP_407")),
        (400, {"error": "Bad Request"}, strange("HTTP_400")),
        (422, errors("VALIDATION_ERROR"), WholeRefused("VALIDATION_ERROR")),
        (413, errors("PAYLOAD_TOO_LARGE"), WholeRefused("PAYLOAD_TOO_LARGE")),
        (413, b"Request Entity Too Large", WholeRefused("HTTP_413")),
        (422, b"", strange("HTTP_422")),
        # credentials: the messages stay pending
        (
            401,
            {"error": "invalid_token", "error_description": "..."},
            AllBarred("invalid_token", True),
        ),
        (401, b"", AllBarred("HTTP_401", True)),
        (403, errors("UNAUTHORIZED"), AllBarred("UNAUTHORIZED")),
        (403, b"<html>", AllBarred("HTTP_403")),
        (400, errors("UNAUTHORIZED"), AllBarred("UNAUTHORIZED")),
        # too much
        (429, errors("TOO_MANY_REQUESTS", isTransient=True), AllLater("TOO_MANY_REQUESTS")),
        (429, errors("RATE_LIMIT_ERROR"), AllLater("RATE_LIMIT_ERROR")),
        (429, b"slow down", AllLater("HTTP_429")),
        (400, errors("TOO_MANY_REQUESTS"), AllLater("TOO_MANY_REQUESTS")),
        # a redirect took nothing
        (301, b"", AllLater("REDIRECT")),
        (307, errors("NOT_FOUND"), AllLater("REDIRECT")),
        (304, b"", AllLater("REDIRECT")),
        # it may have been sent
        (408, b"", AllUnclear("HTTP_408")),
        (500, errors("INTERNAL_SERVER_ERROR"), AllUnclear("INTERNAL_SERVER_ERROR")),
        (400, errors("INTERNAL_SERVER_ERROR"), AllUnclear("INTERNAL_SERVER_ERROR")),
        (500, errors("UNAUTHORIZED"), AllUnclear("UNAUTHORIZED")),
        (502, b"<html>502 Bad Gateway</html>", AllUnclear("HTTP_502")),
        (503, b"no healthy upstream", AllUnclear("HTTP_503")),
        (504, b"504 Gateway Time-out", AllUnclear("HTTP_504")),
        (503, {"data": [OK]}, AllUnclear("HTTP_503")),
        (204, b"", AllUnclear("HTTP_204")),
        (201, {"data": [OK]}, AllUnclear("HTTP_201")),
        (101, b"", AllUnclear("HTTP_101")),
        (999, b"", AllUnclear("HTTP_999")),
    ],
)
def test_a_request_without_tickets(status: int, answer: object, outcome: Answer) -> None:
    assert sent(answer, status=status) == outcome


MIXED = "PUSH_TOO_MANY_EXPERIENCE_IDS"


def mixed(details: object) -> Answer:
    return sent(errors(MIXED, details=details), A, B, C, status=400)


def test_mixed_projects_name_our_tokens_by_project() -> None:
    assert mixed({"@o/a": [A], "@o/b": [B, C, B]}) == MixedProjects({"@o/a": (A,), "@o/b": (B, C)})


def test_mixed_projects_may_leave_tokens_out() -> None:
    assert mixed({"@o/a": [C], "@o/b": [A]}) == MixedProjects({"@o/a": (C,), "@o/b": (A,)})


def test_tokens_that_are_not_ours_are_left_out() -> None:
    assert mixed({"@o/a": [A, "ExponentPushToken[?]"], "@o/b": ["?"]}) == MixedProjects(
        {"@o/a": (A,)}
    )


@pytest.mark.parametrize(
    "details",
    [
        None,
        "text",
        [],
        {},
        {"@o/a": A},
        {"@o/a": [A, 5]},
        {"@o/a": None, "@o/b": [B]},
        {"@o/a": []},
        {"@o/a": ["ExponentPushToken[?]"]},
        {"@o/a": [A], "@o/b": [A, B]},
        {"": [A], "@o/b": [B]},
        {"@o/\0": [A], "@o/b": [B]},
        {"@" + "o" * 255: [A], "@o/b": [B]},
    ],
)
def test_mixed_projects_without_a_usable_map_are_refused_whole(details: object) -> None:
    assert mixed(details) == WholeRefused(MIXED)
    assert sent(errors(MIXED), A, B, status=400) == WholeRefused(MIXED)


# When to come again.

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, timedelta(seconds=7)),
        ({"retry-after": " 0 "}, timedelta()),
        ({"retry-after": "3600"}, LONGEST_WAIT),
        ({"retry-after": "86400"}, LONGEST_WAIT),
        pytest.param({"retry-after": "9" * 5000}, LONGEST_WAIT, id="long number"),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": DATE}, timedelta(seconds=30)),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000", "date": DATE}, timedelta(seconds=30)),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": DATE}, timedelta()),
        ({"retry-after": "Fri, 21 Oct 2056 07:27:00 GMT", "date": DATE}, LONGEST_WAIT),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "today"}, None),
    ],
)
def test_how_long_expo_asks_us_to_wait(headers: dict[str, str], wait: timedelta | None) -> None:
    assert sent(b"", status=429, headers=headers) == AllLater("HTTP_429", wait)
    assert sent(b"", status=503, headers=headers) == AllUnclear("HTTP_503", wait)
    assert sent(b"", status=400, headers=headers) == AllLater("HTTP_400", wait, unexplained=True)


# Whatever comes.

KEYS = st.sampled_from(
    [
        "data",
        "errors",
        "error",
        "code",
        "details",
        "status",
        "id",
        "fcm",
        "apns",
        "reason",
        "httpStatus",
        "statusCode",
        "expoPushToken",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["ok", "error", "DeviceNotRegistered", "ProviderError", ID, A, B]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=5)
    ),
    max_leaves=25,
)
TICKETS = st.lists(
    st.fixed_dictionaries(
        {"status": st.sampled_from(["ok", "error", "?"])},
        optional={
            "id": st.just(ID) | JSON,
            "details": st.dictionaries(KEYS, JSON) | JSON,
        },
    )
    | JSON,
    max_size=4,
)
ENVELOPES = st.fixed_dictionaries({}, optional={"data": TICKETS | JSON, "errors": JSON})
BODIES = st.binary() | (ENVELOPES | JSON).map(lambda value: json.dumps(value).encode())
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text() | st.just(DATE))
STATUSES = st.integers(0, 1000) | st.sampled_from([200, 400, 429])


def codes_in(answer: Answer) -> list[str]:
    match answer:
        case Tickets(tickets):
            return [ticket.code for ticket in tickets if not isinstance(ticket, Accepted)]
        case MixedProjects():
            return []
        case _:
            return [answer.code]


@settings(deadline=None)
@given(STATUSES, HEADERS, BODIES)
@example(400, {}, json.dumps(errors(MIXED, details={A: [A], B: [B]})).encode())
def test_no_answer_raises_and_no_code_gives_anything_away(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    for code in codes_in(read_send(Reply(status, headers, body), (A, B))):
        assert 0 < len(code) <= 64
        assert code.isascii()
        assert code.replace(":", "").replace("_", "").isalnum()
        assert A not in code


@settings(deadline=None)
@given(TICKETS, st.lists(st.sampled_from([A, B, C]), max_size=4))
def test_tickets_only_ever_fit_the_messages(tickets: list[object], tokens: list[str]) -> None:
    body = json.dumps({"data": tickets}).encode()
    match read_send(Reply(200, {}, body), tokens):
        case Tickets(read):
            assert len(read) == len(tickets) == len(tokens)
        case answer:
            assert isinstance(answer, AllUnclear)
