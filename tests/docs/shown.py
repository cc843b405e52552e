"""Whether a program said what a page shows of it."""

import json
import re
from typing import Any

_REST = "…"
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DAY = re.compile(rf"(?:(?:{_DAYS}), )?(?:{_MONTHS}) \d+(?:, \d{{4}})?")
_TIME = re.compile(r"\d+:\d\d(?: [AP]M)?(?: – \d+:\d\d(?: [AP]M)?)?")
_PASSING = re.compile(r"[\d…]")


def missing(shown: str, said: str) -> list[str]:
    """The lines that were not said, in whatever order. Words with a digit, days and times change
    from one run to the next; `…` stands for any words, and a line of dots for any lines."""
    lines = [_settled(line) for line in said.splitlines()]
    return [
        line
        for line in shown.splitlines()
        if line.strip(" .…") and not any(map(_pattern(_settled(line)).fullmatch, lines))
    ]


def _settled(line: str) -> str:
    """The line at the margin, with the same day and time in all."""
    return _TIME.sub("0:00", _DAY.sub("day1", line)).strip()


def _pattern(line: str) -> re.Pattern[str]:
    said = [
        ".*" if word == "…" else r"\S+" if _PASSING.search(word) else re.escape(word)
        for word in line.split()
    ]
    return re.compile(r"\s+".join(said))


def value(text: str) -> Any:
    """The JSON of a page, where `…` stands for what is left out."""
    return json.loads(re.sub(r",\s*…\s*}", f', "{_REST}": null}}', text))


def differences(shown: Any, said: Any, at: str = "") -> list[str]:
    """Where JSON that was said is not as it is shown: other names, another number of things, other
    values. Texts with a digit or `…` in them change from one run to the next."""
    if isinstance(shown, dict) and isinstance(said, dict):
        names = shown.keys() - {_REST}
        if not (names <= said.keys() if _REST in shown else names == said.keys()):
            return [f"{at}: {sorted(said)} and not {sorted(shown)}"]
        return [
            one for name in names for one in differences(shown[name], said[name], f"{at}.{name}")
        ]
    if isinstance(shown, list) and isinstance(said, list) and len(shown) == len(said):
        pairs = enumerate(zip(shown, said, strict=True))
        return [one for n, (a, b) in pairs for one in differences(a, b, f"{at}[{n}]")]
    if isinstance(shown, str) and isinstance(said, str) and re.search(r"[\d…]", shown):
        return []
    return [] if shown == said else [f"{at}: {json.dumps(said)} and not {json.dumps(shown)}"]
