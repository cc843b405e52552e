"""The index of decisions, from their own headings."""

import re
from pathlib import Path

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"

_INTRODUCTION = """\
# Decisions

<!-- Made by `python -m tests.reference` from the pages' headings. -->

Choices that are hard to undo, each on a page: what was decided, why, what it costs, and what spoke
against it. The newest is the last. A page is not rewritten when times change: a later one says so.

"""


def page() -> str:
    """One line for each decision, in their order."""
    return _INTRODUCTION + "".join(
        f"{number}. [{title}]({path.name})\n" for path, number, title in _decisions()
    )


def _decisions() -> list[tuple[Path, int, str]]:
    found = []
    for path in sorted(DECISIONS.glob("[0-9]*.md")):
        heading = re.match(r"# (\d+)\. (.+)\n", path.read_text("utf-8"))
        assert heading, f"{path.name} begins with its number and its title"
        found.append((path, int(heading[1]), heading[2]))
    return found
