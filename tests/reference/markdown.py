"""Markdown as the generated pages need it: tables, and text that stands in a cell or a list."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its cells may hold anything that stands on one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell(text) for text in line) + " |\n" for line in lines)


def cell(text: str) -> str:
    """The text on one line, with no bar that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """The text as code."""
    return f"`{text}`"
