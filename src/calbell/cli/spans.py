"""Spans of time as they are given on the command line: `90s`, `30m`, `12h`, `1d`."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, TypeAlias

from cyclopts import Parameter, Token

from calbell.cli.failures import Misuse

_FORM = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _converted(_: type, tokens: Sequence[Token]) -> timedelta:
    option, text = tokens[0].keyword or "", tokens[0].value
    found = _FORM.fullmatch(text)
    if found is None:
        wanted = "a number and s, m, h or d is wanted, such as 90s, 12h or 1d"
        raise Misuse(f"{option} {text}: {wanted}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Span: TypeAlias = Annotated[timedelta, Parameter(converter=_converted)]
