"""Times as they are given on the command line: spans such as `90s`, `30m`, `12h`, `1d`, and moments
with their zone."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

from cyclopts import Parameter, Token

from calbell.cli.failures import Misuse

_FORM = re.compile(r"([1-9][0-9]{0,6})([smhd])")
BEGINNING = timedelta(days=36_500)
"""So long ago nothing was."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _converted(_: type, tokens: Sequence[Token]) -> timedelta:
    option, text = tokens[0].keyword or "", tokens[0].value
    found = _FORM.fullmatch(text)
    if found is None:
        wanted = "a number and s, m, h or d is wanted, such as 90s, 12h or 1d"
        raise Misuse(f"{option} {text}: {wanted}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _moment(_: type, tokens: Sequence[Token]) -> datetime:
    option, text = tokens[0].keyword or "", tokens[0].value
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        wanted = "a time with its zone is wanted, such as 2026-11-25T03:00:00Z"
        raise Misuse(f"{option} {text}: {wanted}")
    return at.astimezone(UTC)


def _said(span: timedelta | None) -> str:
    """As it would be given: in the largest unit in which it is whole. Without one, everything."""
    if span is None:
        return "everything"
    seconds = span // timedelta(seconds=1)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


Span: TypeAlias = Annotated[timedelta, Parameter(converter=_converted, show_default=_said)]

Moment: TypeAlias = Annotated[datetime, Parameter(converter=_moment)]
