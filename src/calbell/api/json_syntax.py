"""What is wrong with a text that is no JSON, in the words of Cal.com's parser.

Cal.com's API runs on Node.js: its `JSON.parse` says what is wrong, and before it a check of the
first character, because only an object or a list may be sent. Apps show the text as it comes.
Positions are counted as JavaScript counts, in UTF-16 units.
"""

import re
from typing import Final, NoReturn

_SPACE: Final = " \t\n\r"
_CONTEXT: Final = 10
"""Units before and after the culprit that are quoted; a text of up to twice as many is quoted
whole."""

_STRING: Final = re.compile(r'[^"\\\x00-\x1f]*')
_DIGITS: Final = re.compile("[0-9]*")
_HEX: Final = re.compile("[0-9A-Fa-f]{0,4}")
_WORDS: Final = {"t": "true", "f": "false", "n": "null"}
_SPECIAL: Final = "[object Object]"
_END: Final = ""


class _Wrong(Exception):
    """What is wrong, in words."""


def complaint(text: str) -> str | None:
    """What Cal.com would say of the text; `None` if it is a JSON object or list."""
    units = _units(text)
    start = len(units) - len(units.lstrip(_SPACE))
    try:
        if start == len(units):
            _unexpected(units, start)
        if units[start] not in "{[":
            _unexpected_token(units, start)
        _Parser(units).check()
    except _Wrong as wrong:
        return _text(str(wrong))
    return None


def _units(text: str) -> str:
    """The text with a character for each UTF-16 unit."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return "".join(map(chr, memoryview(raw).cast("H")))


def _text(units: str) -> str:
    raw = b"".join(ord(unit).to_bytes(2, "little") for unit in units)
    return raw.decode("utf-16-le", "surrogatepass")


def _unexpected(units: str, at: int) -> NoReturn:
    """Raises what is said of the unit at `at`, where nothing better can be said."""
    unit = units[at : at + 1]
    if unit == _END:
        raise _Wrong("Unexpected end of JSON input")
    if unit == '"' or unit in "-0123456789":
        kind = "string" if unit == '"' else "number"
        raise _Wrong(f"Unexpected {kind} in JSON at position {at}")
    if units == _SPECIAL:
        raise _Wrong(f'"{units}" is not valid JSON')
    _unexpected_token(units, at)


def _unexpected_token(units: str, at: int) -> NoReturn:
    """Raises what is said of a unit with which nothing can begin, with what stands around it."""
    before = after = ""
    start, end = 0, len(units)
    if len(units) > 2 * _CONTEXT:
        if at >= _CONTEXT:
            before, start = "...", at - _CONTEXT
        if at < len(units) - _CONTEXT or at < _CONTEXT:
            after, end = "...", at + _CONTEXT
    quoted = f'{before}"{units[start:end]}"{after}'
    raise _Wrong(f"Unexpected token '{units[at]}', {quoted} is not valid JSON")


class _Parser:
    """Goes through a text until something is wrong. It keeps no values, and its own stack: a text
    may be nested as deeply as it is long."""

    def __init__(self, units: str) -> None:
        self._units = units
        self._at = 0

    def check(self) -> None:
        """Raises `_Wrong` unless the whole text is one value."""
        within = list[str]()
        while True:
            opened = self._begin_value()
            if opened is not None:
                within.append(opened)
                continue
            while within and self._end_value(within[-1]):
                within.pop()
            if not within:
                break
        if self._peek() != _END:
            self._fail("Unexpected non-whitespace character after JSON")

    def _begin_value(self) -> str | None:
        """A value is passed; or, if it is an object or a list that is not empty, its beginning: its
        closing bracket is then the result."""
        match self._peek():
            case '"':
                self._string()
            case "{":
                self._at += 1
                if not self._passes("}"):
                    self._name(
                        "Expected property name or '}' in JSON",
                        "Expected ':' after property name in JSON",
                    )
                    return "}"
            case "[":
                self._at += 1
                if not self._passes("]"):
                    return "]"
            case "t" | "f" | "n" as first:
                self._word(_WORDS[first])
            case "-" | "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9":
                self._number()
            case _:
                self._fail()
        return None

    def _end_value(self, closing: str) -> bool:
        """Whether the object or list around the value just passed is over; else the next value of
        it may begin."""
        if self._passes(closing):
            return True
        if closing == "}":
            self._require(",", "Expected ',' or '}' after property value in JSON")
            self._name("Expected double-quoted property name in JSON", None)
        else:
            self._require(",", "Expected ',' or ']' after array element in JSON")
        return False

    def _name(self, expected: str, colon_expected: str | None) -> None:
        if self._peek() != '"':
            self._fail(expected)
        self._string()
        self._require(":", colon_expected)

    def _string(self) -> None:
        self._at += 1
        while True:
            self._skip(_STRING)
            match self._units[self._at : self._at + 1]:
                case '"':
                    self._at += 1
                    return
                case "\\":
                    self._escape()
                case "":
                    self._fail("Unterminated string in JSON")
                case _:
                    self._fail("Bad control character in string literal in JSON")

    def _escape(self) -> None:
        self._at += 1
        escaped = self._units[self._at : self._at + 1]
        if escaped == _END:
            self._fail()
        if escaped not in '"\\/bfnrtu':
            self._fail("Bad escaped character in JSON" if escaped <= "\xff" else None)
        self._at += 1
        if escaped == "u" and self._skip(_HEX) < 4:
            self._fail("Bad Unicode escape in JSON")

    def _number(self) -> None:
        units = self._units
        if units[self._at] == "-":
            self._at += 1
            if not units[self._at : self._at + 1].isdecimal():
                self._fail("No number after minus sign in JSON")
        if units[self._at] == "0":
            self._at += 1
            if units[self._at : self._at + 1].isdecimal():
                self._fail()
        else:
            self._skip(_DIGITS)
        if units[self._at : self._at + 1] == ".":
            self._at += 1
            if not self._skip(_DIGITS):
                self._fail("Unterminated fractional number in JSON")
        if units[self._at : self._at + 1] in ("e", "E"):
            self._at += 1
            if units[self._at : self._at + 1] in ("+", "-"):
                self._at += 1
            if not self._skip(_DIGITS):
                self._fail("Exponent part is missing a number in JSON")

    def _word(self, word: str) -> None:
        for letter in word:
            if self._units[self._at : self._at + 1] != letter:
                _unexpected(self._units, self._at)
            self._at += 1

    def _peek(self) -> str:
        """The next unit that is no space."""
        while (unit := self._units[self._at : self._at + 1]) and unit in _SPACE:
            self._at += 1
        return unit

    def _passes(self, unit: str) -> bool:
        found = self._peek() == unit
        self._at += found
        return found

    def _require(self, unit: str, expected: str | None) -> None:
        if not self._passes(unit):
            self._fail(expected)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        """How many units the pattern took."""
        found = pattern.match(self._units, self._at)
        assert found is not None
        self._at = found.end()
        return len(found[0])

    def _fail(self, words: str | None = None) -> NoReturn:
        """`words` say what was expected here instead."""
        if words is None:
            _unexpected(self._units, self._at)
        raise _Wrong(f"{words} at position {self._at}")
