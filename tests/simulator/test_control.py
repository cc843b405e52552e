"""The control API."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from calbell.simulator.phones import Platform
from calbell.simulator.service import PushService

Answer = tuple[int, Any]
Call = Callable[..., Answer]
Send = Callable[[object], Answer]

OK = "ExponentPushToken[ok]"


def test_the_index_names_what_there_is(call: Call, send: Send) -> None:
    send({"to": OK})
    status, index = call("GET", "/_sim")
    assert status == 200
    assert (index["devices"], index["tickets"], index["now"]) == (1, 1, "2026-08-06T07:06:40.000Z")
    assert index["faults"] == ["F01", "F02", "F05"]
    assert "POST /_sim/faults" in index["control"]
    assert "/--/api/v2/push/send" in index["push"]


def test_every_route_of_the_index_is_there(call: Call, service: PushService) -> None:
    for route in call("GET", "/_sim")[1]["control"]:
        method, path = route.split(" ")
        token = service.add_device().token
        assert call(method, path.replace("{token}", quote(token)), {})[0] in (200, 400), route


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
    }


@pytest.mark.parametrize(
    "change",
    [{"offline": True}, {"registered": False}, {"name": "Ada"}, {"channels": ["a"]}],
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
                    "message": {"title": "Booked", "badge": 1},
                }
            ]
        },
    )


def test_a_project_is_made_and_changed(call: Call, service: PushService) -> None:
    body: dict[str, object] = {"project": "@owner/slug"}
    assert call("POST", "/_sim/projects", body) == (200, body | {"rate_limit": 600})
    body["rate_limit"] = 5
    assert call("POST", "/_sim/projects", body) == (200, body)
    assert call("POST", "/_sim/projects", {"project": "@owner/slug"}) == (200, body)
    assert [(each.name, each.rate_limit) for each in service.projects] == [("@owner/slug", 5)]


def test_the_clock_is_advanced(call: Call, service: PushService) -> None:
    before = service.now
    answer = call("POST", "/_sim/clock/advance", {"seconds": 90.5})
    assert answer == (200, {"now": "2026-08-06T07:08:10.500Z"})
    assert service.now == before + 90.5


def test_a_fault_is_queued(call: Call, send: Send) -> None:
    fault = {"fault": "F02", "token": OK, "nth": 2, "options": {"variant": "after"}}
    queued = fault | {"on": "send", "times": 1}
    assert call("POST", "/_sim/faults", fault) == (200, queued)
    assert [send({"to": OK})[0] for _ in range(3)] == [200, 500, 200]


def test_a_fault_of_receipts_is_queued(call: Call, get_receipts: Send) -> None:
    options = {"retry_after": 3}
    call("POST", "/_sim/faults", {"fault": "F01", "on": "receipts", "options": options})
    assert get_receipts([])[0] == 429


def test_a_fault_that_is_not_there_is_refused_and_those_that_are_named(call: Call) -> None:
    status, body = call("POST", "/_sim/faults", {"fault": "F09"})
    assert status == 400
    assert body["errors"][0]["message"] == '"fault" must be one of F01, F02, F05.'


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
        ("projects", {"project": "@owner/slug", "push_security": True}),
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
