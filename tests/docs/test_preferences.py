"""The page about preferences: every command on it does what the page says."""

import itertools
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.api.desk import Desk, Said

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "preferences.md").read_text("utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ANSWERS = [
    json.loads(a) for a in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def key(desk: Desk) -> str:
    return desk.user()


def run(desk: Desk, key: str, command: str) -> Said:
    """What the command is answered."""
    words = shlex.split(command.replace("\\\n", " ").replace("$KEY", key))
    assert words[0] == "curl"
    (url,) = (word for word in words if word.startswith("http"))
    options = dict(itertools.pairwise(words))
    headers = [b for a, b in itertools.pairwise(words) if a == "-H"]
    assert f"Authorization: Bearer {key}" in headers
    body = options.get("-d")
    if body is not None:
        assert "Content-Type: application/json" in headers
    path = url.removeprefix("http://127.0.0.1:8000")
    sent = None if body is None else body.encode()
    return desk.ask(options.get("-X", "GET"), path, sent, key=key)


def test_what_is_shown_is_as_the_page_says(desk: Desk, key: str) -> None:
    said = run(desk, key, COMMANDS[0])
    assert (said.status, said.json()) == (200, ANSWERS[0])


def test_each_change_on_the_page_counts(desk: Desk, key: str) -> None:
    _, many, nights, none, calcom, wrong = COMMANDS
    seen: list[Any] = []
    for command in (many, nights, none, calcom):
        said = run(desk, key, command)
        assert said.status == 200, said
        seen.append(said.json()["data"])
    assert seen[0]["quietHours"]["to"] == "07:00"
    assert (seen[0]["reminders"], seen[0]["events"]["RECORDING_READY"]) == ([10, 60], False)
    assert seen[1]["quietHours"]["from"] == "22:00"
    assert seen[1]["quietHours"]["to"] == "06:30"
    assert len(seen[1]["quietHours"]["weekdays"]) == 5
    assert seen[2]["quietHours"]["weekdays"] == []
    assert (seen[3]["enabled"], seen[3]["events"]["BOOKING_CONFIRMED"]) == (True, False)
    said = run(desk, key, wrong)
    assert (said.status, said.json()) == (400, ANSWERS[1])


def test_every_property_is_in_a_table() -> None:
    shown = ANSWERS[0]["data"]
    for name in (*shown, "from", "to", "weekdays", "timeZone", "passive"):
        assert re.search(rf"^\|.*`{name}`.* \|", PAGE, re.MULTILINE), name
