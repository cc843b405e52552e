"""The page about preferences says what each property means; test_commands.py runs its commands."""

import json
import re

from tests.docs.pages import page

PAGE = page("docs/reference/preferences.md")


def test_every_property_is_in_a_table() -> None:
    shown = json.loads(next(one.text for one in PAGE.blocks if one.language == "json"))["data"]
    for name in (*shown, "from", "to", "weekdays", "timeZone", "passive"):
        assert re.search(rf"^\|.*`{name}`.* \|", PAGE.text, re.MULTILINE), name
