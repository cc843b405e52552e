"""The control API."""

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from calbell.simulator.phones import Platform
from calbell.simulator.service import PushService
from calbell.simulator.wire import Request

Answer = tuple[int, Any]
Call = Callable[..., Answer]
Send = Callable[[object], Answer]

OK = "ExponentPushToken[ok]"


def test_the_index_names_what_there_is(call: Call, send: Send) -> None:
    send({"to": OK})
    status, index = call("GET", "/_sim")
    assert status == 200
    assert (index["devices"], index["tickets"], index["now"]) == (1, 1, "2026-08-06T07:06:40.000Z")
    assert index["faults"] == [
        *(f"F{number:02}" for number in range(1, 25)),
        *("S31", "S32", "S43", "S44"),
    ]
    assert "POST /_sim/faults" in index["control"]
    assert "/--/api/v2/push/send" in index["push"]


def test_every_route_of_the_index_is_there(call: Call, service: PushService) -> None:
    for route in call("GET", "/_sim")[1]["control"]:
        method, path = route.split(" ")
        token = service.add_device().token
        status, body = call(method, path.format(token=quote(token), ticket="t.apns"), {})
        assert status in (200, 400) or body["errors"][0]["message"].startswith("The phone"), route


def test_other_routes_are_not_there(call: Call) -> None:
    for method, path in [
        ("GET", "/_sim/"),
        ("GET", "/_sim/nowhere"),
        ("POST", "/_sim"),
        ("DELETE", "/_sim/devices"),
        ("GET", "/_sim/reset"),
    ]:
        assert call(method, path)[0] == 404


def test_a_device_is_made_and_its_token_minted(call: Call, service: PushService) -> None:
    status, device = call(
        "POST",
        "/_sim/devices",
        {
            "platform": "ANDROID",
            "project": "@owner/slug",
            "name": "Ada's phone",
            "channels": ["default", "urgent"],
        },
    )
    assert status == 200
    (made,) = service.devices
    assert (made.token, made.platform) == (device["token"], Platform.ANDROID)
    assert call("GET", "/_sim/devices") == (200, {"devices": [device]})
    assert device == {
        "token": made.token,
        "platform": "ANDROID",
        "project": "@owner/slug",
        "name": "Ada's phone",
        "channels": ["default", "urgent"],
        "offline": False,
        "registered": True,
        "fate": "delivered",
        "app": "com.example.app",
        "categories": {
            "calcom_booking_request_actions": {
                "confirm_booking_request": "Confirm",
                "decline_booking_request": "Decline",
            }
        },
    }


@pytest.mark.parametrize(
    "change",
    [
        {"offline": True},
        {"registered": False},
        {"name": "Ada"},
        {"channels": ["a"]},
        {"fate": "toobig"},
        {"app": "com.cal"},
        {"categories": {"meal": {"eat": "Eat now"}}},
    ],
    ids=str,
)
def test_a_device_is_changed_by_its_token(call: Call, change: dict[str, object]) -> None:
    _, device = call("POST", "/_sim/devices", {})
    expected = (200, device | change)
    assert call("POST", "/_sim/devices", {"token": device["token"]} | change) == expected
    assert call("GET", "/_sim/devices")[1]["devices"] == [device | change]


def test_a_magic_device_can_be_changed_before_it_was_ever_sent_to(call: Call, send: Send) -> None:
    call("POST", "/_sim/devices", {"token": OK, "registered": False})
    assert send({"to": OK})[1]["data"]["status"] == "error"


def test_a_device_nobody_made_can_be_neither_changed_nor_looked_at(call: Call) -> None:
    assert call("POST", "/_sim/devices", {"token": "adsf"})[0] == 404
    assert call("GET", "/_sim/devices/adsf/displayed")[0] == 404


def test_a_device_keeps_its_platform_and_project(call: Call) -> None:
    _, body = call("POST", "/_sim/devices", {"token": OK, "platform": "ANDROID"})
    assert body["errors"][0]["message"] == "A token keeps its platform and its project."


def test_a_phone_tells_what_it_displays(call: Call, send: Send) -> None:
    token = "ExponentPushToken[ok-Ada's/phone]"
    _, sent = send([{"to": [token], "title": "Booked", "badge": 1}])
    assert call("GET", f"/_sim/devices/{quote(token, safe='')}/displayed") == (
        200,
        {
            "displayed": [
                {
                    "ticket_id": sent["data"][0]["id"],
                    "shown_at": "2026-08-06T07:06:40.000Z",
                    "blank": False,
                    "replaced": 0,
                    "message": {"title": "Booked", "badge": 1},
                }
            ],
            "opened": None,
        },
    )


def test_a_project_is_made_and_changed(call: Call) -> None:
    project: dict[str, object] = {
        "project": "@owner/slug",
        "rate_limit": 600,
        "push_security": False,
        "access_tokens": [],
        "credentials": {"ios": "ok", "android": "ok"},
    }
    assert call("POST", "/_sim/projects", {"project": "@owner/slug"}) == (200, project)
    steps: list[dict[str, object]] = [
        {"rate_limit": 5},
        {"push_security": True, "access_tokens": ["a"]},
        {"credentials": {"ios": "missing", "android": "revoked"}},
    ]
    for changes in steps:
        project |= changes
        answer = call("POST", "/_sim/projects", {"project": "@owner/slug"} | changes)
        assert answer == (200, project)
    assert call("GET", "/_sim/projects") == (200, {"projects": [project]})


def test_the_clock_is_advanced(call: Call, service: PushService) -> None:
    before = service.now
    answer = call("POST", "/_sim/clock/advance", {"seconds": 90.5})
    assert answer == (200, {"now": "2026-08-06T07:08:10.500Z"})
    assert service.now == before + 90.5


def test_a_fault_is_queued(call: Call, send: Send) -> None:
    fault = {"fault": "F02", "token": OK, "nth": 2, "options": {"variant": "after"}}
    queued = fault | {"on": "send", "times": 1}
    queued |= {"after_seconds": 0.0, "for_seconds": None, "every_seconds": None}
    assert call("POST", "/_sim/faults", fault) == (200, queued)
    assert [send({"to": OK})[0] for _ in range(3)] == [200, 500, 200]


def test_a_fault_of_receipts_is_queued(call: Call, get_receipts: Send) -> None:
    options = {"retry_after": 3}
    call("POST", "/_sim/faults", {"fault": "F01", "on": "receipts", "options": options})
    assert get_receipts([])[0] == 429


def test_a_fault_that_is_not_there_is_refused_and_those_that_are_named(call: Call) -> None:
    status, body = call("POST", "/_sim/faults", {"fault": "F99"})
    assert status == 400
    assert body["errors"][0]["message"].startswith('"fault" must be one of F01, F02, F03, ')


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"fault": "F02", "options": {"variant": "between"}}),
        ("faults", {"fault": "F05", "options": {"variant": "after"}}),
        ("faults", {"fault": "F05", "on": "tokens"}),
        ("faults", {"fault": "F05", "nth": 0}),
        ("faults", {}),
        ("projects", {"project": "slug"}),
        ("projects", {"project": "@owner/slug", "rate_limit": -1}),
        ("projects", {"project": "@owner/slug", "push_security": 1}),
        ("projects", {"project": "@owner/slug", "credentials": {"ios": "lost"}}),
        ("switches", {"too_big_at": "noon"}),
        ("switches", {"novelty": True}),
        ("faults", {"fault": "F12", "on": "receipts"}),
        ("faults", {"fault": "F17", "on": "send"}),
        ("faults", {"fault": "F07", "token": OK}),
        ("devices", {"platform": "WEB"}),
        ("devices", {"project": "slug"}),
        ("clock/advance", {"seconds": "60"}),
        ("clock/advance", {"seconds": -1}),
        ("clock/advance", {"seconds": 1e12}),
    ],
    ids=str,
)
def test_what_control_does_not_understand_it_refuses(
    call: Call, path: str, body: dict[str, object]
) -> None:
    status, answer = call("POST", f"/_sim/{path}", body)
    assert (status, answer["errors"][0]["code"]) == (400, "VALIDATION_ERROR")


def test_the_log_tells_the_requests_to_the_push_service_alone(call: Call, send: Send) -> None:
    send({"to": OK})
    send(b"not json")
    call("POST", "/_sim/faults", {"fault": "F02"})
    call("POST", "/--/api/v2/push/send?useFcmV1=true", [])
    _, log = call("GET", "/_sim/requests")
    assert [
        (each["body"], each["query"], each["status"], each["fault"]) for each in log["requests"]
    ] == [
        ({"to": OK}, "", 200, None),
        ("not json", "", 400, None),
        ([], "useFcmV1=true", 500, "F02"),
    ]
    assert {each["path"] for each in log["requests"]} == {"/--/api/v2/push/send"}
    assert {each["at"] for each in log["requests"]} == {"2026-08-06T07:06:40.000Z"}


def test_tickets_are_told_with_their_outcomes(call: Call, send: Send) -> None:
    late = "ExponentPushToken[late-gone]"
    _, sent = send([{"to": [OK, late]}])
    ids = [ticket["id"] for ticket in sent["data"]]
    times = {
        "accepted_at": "2026-08-06T07:06:40.000Z",
        "ready_at": "2026-08-06T07:06:42.000Z",
        "gone_at": "2026-08-07T07:06:40.000Z",
    }
    assert call("GET", "/_sim/tickets")[1]["tickets"] == [
        {"id": ids[0], "token": OK, "outcome": "ok"} | times,
        {"id": ids[1], "token": late, "outcome": "DeviceNotRegistered"} | times,
    ]


def test_a_request_is_told_as_it_came_where_that_is_asked_for(call: Call) -> None:
    call("POST", "/--/api/v2/push/send", b'[ {"to":')
    (told,) = call("GET", "/_sim/requests")[1]["requests"]
    (raw,) = call("GET", "/_sim/requests?raw=1")[1]["requests"]
    assert raw == told | {"raw": base64.b64encode(b'[ {"to":').decode()}


def test_the_faults_that_may_still_strike_are_told(call: Call, send: Send) -> None:
    call("POST", "/_sim/faults", {"fault": "F02"})
    _, waiting = call("POST", "/_sim/faults", {"fault": "F04", "for_seconds": 60})
    assert waiting["times"] == 0
    assert send([])[0] == 500
    assert call("GET", "/_sim/faults")[1]["faults"] == [waiting]
    call("POST", "/_sim/clock/advance", {"seconds": 60})
    assert call("GET", "/_sim/faults")[1]["faults"] == []


def test_switches_are_changed_one_by_one(call: Call) -> None:
    _, before = call("GET", "/_sim/switches")
    expected = (200, before | {"id_version": 4})
    assert call("POST", "/_sim/switches", {"id_version": 4}) == expected
    expected = (200, before | {"id_version": 4, "retry_after": True})
    assert call("POST", "/_sim/switches", {"retry_after": True}) == expected
    assert call("GET", "/_sim/switches") == expected


def test_a_device_may_be_gone_from_a_later_time_on(call: Call, send: Send) -> None:
    token = call("POST", "/_sim/devices", {"unregister_in": 60})[1]["token"]
    seen = []
    for seconds in (59, 1):
        call("POST", "/_sim/clock/advance", {"seconds": seconds})
        seen.append(send({"to": token})[1]["data"]["status"])
    assert seen == ["ok", "error"]


def test_a_tap_opens_the_app_with_what_the_notification_brought(call: Call, send: Send) -> None:
    data = {"url": "calcom://booking", "bookingUid": "b1"}
    message = {"to": OK, "title": "Asked", "data": data}
    ids = [send(message)[1]["data"]["id"] for _ in range(2)]
    place = f"/_sim/devices/{quote(OK, safe='')}"
    status, opened = call("POST", f"{place}/tap", {"ticket_id": ids[0], "action": "Confirm"})
    assert status == 200
    assert opened == {
        "ticket_id": ids[0],
        "tapped_at": "2026-08-06T07:06:40.000Z",
        "action": "Confirm",
        "url": "calcom://booking",
        "data": data,
    }
    _, told = call("GET", f"{place}/displayed")
    assert [each["ticket_id"] for each in told["displayed"]] == [ids[1]]
    assert told["opened"] == opened
    assert call("POST", f"{place}/tap", {"ticket_id": ids[0]})[0] == 404
    assert call("POST", f"{place}/lock")[1]["opened"] is None
    assert call("POST", f"{place}/clear")[1]["displayed"] == []


def test_a_notification_is_had_as_a_file_for_an_ios_simulator(
    service: PushService, send: Send
) -> None:
    message: dict[str, object] = {"title": "Booked", "body": "At 9", "threadId": "b1", "badge": 2}
    message |= {"sound": "default", "categoryId": "meal", "data": {"url": "calcom://b"}}
    ticket = send({"to": OK, "mutableContent": True, "channelId": "x"} | message)[1]["data"]["id"]
    path = f"/_sim/devices/{quote(OK, safe='')}/displayed/{ticket}.apns"
    answer = service.answer(Request("GET", path))
    assert answer.headers["content-disposition"] == f'attachment; filename="{ticket}.apns"'
    assert msgspec.json.decode(answer.body) == {
        "Simulator Target Bundle": "com.example.app",
        "aps": {
            "alert": {"title": "Booked", "body": "At 9"},
            "badge": 2,
            "sound": "default",
            "category": "meal",
            "thread-id": "b1",
            "mutable-content": 1,
        },
        "body": {"url": "calcom://b"},
        "experienceId": "@simulator/first",
        "scopeKey": "@simulator/first",
    }


def test_the_openapi_document_describes_every_route_and_every_fault(call: Call) -> None:
    _, document = call("GET", "/_sim/openapi.json")
    _, index = call("GET", "/_sim")
    described = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert described == {*index["control"], *(f"POST {path}" for path in index["push"])}
    schemas = document["components"]["schemas"]
    tags = {
        each["properties"]["fault"]["enum"][0]
        for each in schemas.values()
        if "enum" in each.get("properties", {}).get("fault", {})
    }
    assert tags == set(index["faults"])
    references = re.findall(r'"#/components/schemas/(.+?)"', msgspec.json.encode(document).decode())
    assert set(references) <= set(schemas)


def test_the_busiest_second_is_told(call: Call, send: Send) -> None:
    for seconds in (0.5, 0.6):
        send({"to": [OK] * 100})
        call("POST", "/_sim/clock/advance", {"seconds": seconds})
    send({"to": [OK] * 70})
    assert call("GET", "/_sim/requests")[1]["max_per_second"] == 200


def test_reset_empties_everything(call: Call, send: Send, service: PushService) -> None:
    token = service.add_device(project="@owner/slug").token
    service.set_project("@owner/slug", rate_limit=1)
    send({"to": token, "title": "Booked"})
    call("POST", "/_sim/faults", {"fault": "F05"})
    call("POST", "/_sim/clock/advance", {"seconds": 60})
    assert call("POST", "/_sim/reset") == (200, {"now": "2026-08-06T07:06:40.000Z"})
    assert (service.devices, service.tickets, service.requests) == ((), (), ())
    assert service.projects == ()
    token = service.add_device(project="@owner/slug").token
    service.set_project("@owner/slug", rate_limit=1)
    assert [send({"to": token})[0] for _ in range(2)] == [200, 429]


def test_only_the_newest_thousand_tickets_are_told(
    call: Call, send: Send, service: PushService
) -> None:
    token = service.add_device(project="@owner/slug").token
    service.set_project("@owner/slug", rate_limit=0)
    for _ in range(11):
        send({"to": [token] * 100})
    told = [ticket["id"] for ticket in call("GET", "/_sim/tickets")[1]["tickets"]]
    assert told == [ticket.id for ticket in service.tickets[100:]]
