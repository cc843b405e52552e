"""The event that the how-to page tells is taken in, and answered as the page says."""

import json
import re
from pathlib import Path

from tests.api.desk import Desk

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "tell-events.md"


def test_the_example_is_taken_in_and_answered_as_it_says() -> None:
    text = PAGE.read_text()
    (body,) = re.findall(r"-d '(.*?)'", text, re.DOTALL)
    (answer,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    desk = Desk()
    desk.user(7, addresses=("ada@example.com",))
    desk.user(8, addresses=("bob@example.com",))
    said = desk.ask("POST", "/v1/events", body.encode(), key=desk.key(role="events"))
    assert said.status == 202
    shown, told = json.loads(answer), said.json()
    assert shown["data"].pop("eventId")[:4] == told["data"].pop("eventId")[:4]
    assert shown == told
