"""Strangers: what is left of their text on a lock screen.

One line, nothing hidden in it, nothing that reaches beyond it, and no longer than it may be.
"""

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regex import Pattern

ELLIPSIS = "…"
_ELLIPSIS_BYTES = len(ELLIPSIS.encode())

_JOINERS = "\u200c\u200d"
"""They hold emoji and some scripts together, and cannot be seen by themselves."""

_SHOW_NOTHING = dict.fromkeys(map(ord, "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"))
"""Letters to Unicode, nothing to the eye: a name of these would look like none."""

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Mc", "Me"})
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_SPACE = re.compile(r"\s+")


def shown(text: str | None, longest: int) -> str:
    """`clean` text, fit to stand in a sentence: what is written from right to left is set apart,
    so that it does not turn the order of what stands around it."""
    if not text:
        return ""
    line = clean(text, longest)
    if line.isascii() or not any(
        unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in line
    ):
        return line
    return f"{_FIRST_STRONG_ISOLATE}{line}{_POP_ISOLATE}"


def clean(text: str, longest: int) -> str:
    """Text of a stranger on one line, without control and direction characters, cut to `longest`
    bytes of UTF-8."""
    if text.isascii() and text.isprintable():
        line = " ".join(text.split())
        return line if len(line) <= longest else cut(line, longest)
    visible = text if text.isprintable() else "".join(filter(_is_harmless, text))
    line = _SPACE.sub(" ", visible.translate(_SHOW_NOTHING))
    return cut(_standing(line).rstrip(" " + _JOINERS), longest)


def cut(line: str, longest: int) -> str:
    """The line in at most `longest` bytes of UTF-8: where it is longer, as many whole characters
    as the reader sees them (extended grapheme clusters, UAX #29) as fit before an ellipsis. Empty
    where not even the first one fits."""
    raw = line.encode()
    if len(raw) <= longest:
        return line
    room = longest - _ELLIPSIS_BYTES
    if line.isascii():
        end = room
    else:
        end = 0
        for cluster in _clusters().finditer(raw[: room + _LONGEST_LOOK].decode(errors="ignore")):
            size = len(cluster[0].encode())
            if end + size > room:
                break
            end += size
    kept = raw[: max(end, 0)].decode().rstrip(" " + _JOINERS)
    return kept + ELLIPSIS if kept else ""


_LONGEST_LOOK = 64
"""Bytes behind the cut that are looked at: enough to see whether the last character that fits
goes on there."""


@lru_cache(maxsize=1)
def _clusters() -> "Pattern[str]":
    # Hardly any text needs it: three megabytes that most services never load.
    import regex

    return regex.compile(r"\X")


def _standing(line: str) -> str:
    """Without marks at its start: they would stand on what is written before the line."""
    line = line.lstrip(" " + _JOINERS)
    while line and unicodedata.category(line[0]) in _MARKS:
        line = line[1:].lstrip(" " + _JOINERS)
    return line


def _is_harmless(char: str) -> bool:
    category = unicodedata.category(char)
    if category == "Cn":
        # A letter or an emoji may be younger than what this Python knows of Unicode.
        return "\U00010000" <= char < "\U00040000" and ord(char) & 0xFFFE != 0xFFFE
    return category not in _HIDDEN or char in _JOINERS or char.isspace()
