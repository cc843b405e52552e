"""Scenarios: what they make of a service, the stories among them, and what is wrong with a file."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calbell.simulator.phones import Platform
from calbell.simulator.scenario import WrongScenario, load, read, told_stories
from calbell.simulator.service import PushService
from calbell.simulator.wire import Request

Answer = tuple[int, Any]
Send = Callable[[object], Answer]

OK = "ExponentPushToken[ok]"


def test_a_scenario_makes_projects_phones_switches_and_faults(
    service: PushService, send: Send
) -> None:
    text = """
about = "All of it."
[switches]
id_version = 4
[[project]]
project = "@owner/app"
rate_limit = 5
[[phone]]
name = "Ada's Pixel"
platform = "ANDROID"
project = "@owner/app"
offline = true
[[phone]]
name = "Ada's iPhone"
project = "@owner/app"
[[fault]]
fault = "F13"
phone = "Ada's iPhone"
options = { ok = 0 }
"""
    scenario = read(text, "all.toml")
    scenario.begin(service)
    assert scenario.about == "All of it."
    assert service.switches.id_version == 4
    assert service.project("@owner/app").rate_limit == 5
    pixel, iphone = service.devices
    assert (pixel.name, pixel.platform, pixel.offline) == ("Ada's Pixel", Platform.ANDROID, True)
    _, body = send([{"to": [pixel.token, iphone.token]}])
    assert [ticket["status"] for ticket in body["data"]] == ["ok", "error"]


def test_a_scenario_may_be_empty(service: PushService, send: Send) -> None:
    read("", "empty.toml").begin(service)
    assert send({"to": OK})[0] == 200


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("about =", "line 1: Invalid value"),
        ('a = "x"\nb = ]', "line 2: Invalid value"),
        ("about = 5", 'line 1: "about" must be a string.'),
        ('\n[[fualt]]\nfault = "F01"', 'line 2: "fualt" is not allowed.'),
        ("\n[[fault]]\ntimes = 2", 'line 2: "fault" is required.'),
        ('[[fault]]\nfault = "F99"', 'line 2: "fault" must be one of F01, F02, '),
        (
            '[[fault]]\nfault = "F01"\n\n[[fault]]  # the second\nfault = "F02"\ntimes = -1',
            'line 6: "times" is not valid: Expected `int` >= 0.',
        ),
        (
            '[[fault]]\nfault = "F02"\noptions = { variant = "between" }',
            "line 3: \"variant\" is not valid: Invalid enum value 'between'.",
        ),
        (
            '[[fault]]\nfault = "F02"\n[fault.options]\nvariants = "before"',
            'line 1: "variants" is not allowed.',
        ),
        ('[[fault]]\nfault = "F12"\non = "receipts"', "line 1: F12 is no fault of receipts."),
        (
            '[[fault]]\nfault = "F01"\nphone = "Bob"',
            'line 3: "phone" must name a [[phone]]; there is no "Bob".',
        ),
        ('[[fault]]\nfault = "F01"\nevery_seconds = 5', 'line 3: "every_seconds" needs '),
        ('[[phone]]\nplatform = "IOS"', 'line 1: "name" is required.'),
        (f'[[phone]]\nname = "a"\ntoken = "{OK}"', 'line 3: "token" is minted'),
        ('[[phone]]\nname = "a"\nplatform = "WEB"', 'line 3: "platform" is not valid'),
        ("[phone]\nname = 1", 'line 1: "phone" must be written [[phone]].'),
        ("[switches]\nid_version = 5", 'line 2: "id_version" is not valid'),
        ('[[project]]\nproject = "slug"', 'line 2: "project" is not valid'),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(WrongScenario) as wrong:
        read(text, "a.toml")
    assert str(wrong.value).startswith(f"a.toml, {complaint}")


def test_a_file_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(WrongScenario, match=r"No such file or directory; .* 504-but-delivered, "):
        load(str(tmp_path / "missing.toml"))
    (tmp_path / "latin.toml").write_bytes(b'about = "\xe4"')
    with pytest.raises(WrongScenario, match="not UTF-8"):
        load(str(tmp_path / "latin.toml"))


def test_a_file_is_read(tmp_path: Path, service: PushService, send: Send) -> None:
    (tmp_path / "own.toml").write_text('[[fault]]\nfault = "F02"')
    load(str(tmp_path / "own.toml")).begin(service)
    assert [send([])[0] for _ in range(2)] == [500, 200]


@given(st.text() | st.text(alphabet='[]"=\n faultphone{},.#0'))
def test_whatever_a_file_says_it_is_a_scenario_or_wrong(text: str) -> None:
    def complaint() -> str:
        try:
            read(text, "any.toml")
        except WrongScenario as wrong:
            return str(wrong)
        return ""

    assert re.match(r"any\.toml, line \d+: |$", complaint())


def test_every_story_tells_what_it_is_about() -> None:
    assert told_stories() == [
        "504-but-delivered",
        "credentials",
        "dead-tokens",
        "full-hours",
        "hour-of-503",
        "late-receipts",
    ]
    assert all(load(name).about for name in told_stories())


def seen(service: PushService, send: Send, *seconds: float) -> list[int]:
    """The statuses of sends, each so many seconds after the one before."""
    statuses = []
    for each in seconds:
        service.advance(each)
        statuses.append(send([{"to": OK, "title": "Booked"}])[0])
    return statuses


def test_the_story_of_504_but_delivered(service: PushService) -> None:
    load("504-but-delivered").begin(service)
    body = b'[{"to":"ExponentPushToken[ok]","title":"Booked"}]'
    request = Request("POST", "/--/api/v2/push/send", body=body)
    assert [service.answer(request).status for _ in range(8)] == [504, 200, 200] * 2 + [504, 200]
    assert len(service.displayed(OK)) == 8


def test_the_story_of_the_hour_of_503(service: PushService, get_receipts: Send) -> None:
    load("hour-of-503").begin(service)
    request = Request("POST", "/--/api/v2/push/send", body=b"[]")
    statuses = []
    for seconds in (59, 1, 3599, 1):
        service.advance(seconds)
        statuses.append(service.answer(request).status)
    assert statuses == [200, 503, 503, 200]


def test_the_story_of_late_receipts(service: PushService, send: Send, get_receipts: Send) -> None:
    load("late-receipts").begin(service)
    ids = [send({"to": OK})[1]["data"]["id"] for _ in range(2)]
    service.advance(1799)
    assert get_receipts(ids)[1]["data"] == {}
    service.advance(1)
    assert list(get_receipts(ids)[1]["data"]) == ids


def test_the_story_of_credentials(service: PushService, send: Send) -> None:
    load("credentials").begin(service)
    tokens = [service.add_device(platform).token for platform in Platform]
    states = []
    for seconds in (59, 1, 599, 1):
        service.advance(seconds)
        _, body = send({"to": tokens})
        states.append([ticket["status"] for ticket in body["data"]])
    assert states == [["ok", "ok"], ["ok", "error"], ["ok", "error"], ["ok", "ok"]]


def test_the_story_of_dead_tokens(service: PushService, send: Send) -> None:
    load("dead-tokens").begin(service)
    tokens = [service.add_device().token for _ in range(10)]
    refused = []
    for seconds in (0, 299, 1):
        service.advance(seconds)
        _, body = send({"to": tokens})
        refused.append([ticket["status"] for ticket in body["data"]].count("error"))
    assert refused == [8, 8, 0]


def test_the_story_of_full_hours(service: PushService, send: Send) -> None:
    service.advance(3600 - service.now % 3600 - 1)
    load("full-hours").begin(service)
    assert seen(service, send, 0, 1, 9, 1, 3589, 1) == [200, 429, 429, 200, 200, 429]
