"""Kinds: how a text becomes a value, what is allowed, and how it is shown without its secrets."""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time, timedelta
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from typing_extensions import override

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=StrEnum)


class Secret:
    """A value that shows itself only to who asks for it with `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def matches(self, other: str) -> bool:
        """Whether `other` is this secret; how long it takes does not tell how nearly it is."""
        # "surrogatepass": whatever str a caller may have got hold of is compared, none raises.
        mine, theirs = (text.encode("utf-8", "surrogatepass") for text in (self._value, other))
        return hmac.compare_digest(mine, theirs)

    @override
    def __repr__(self) -> str:
        return "***"

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    @override
    def __hash__(self) -> int:
        return hash(self._value)


AuthMethod = StrEnum("AuthMethod", ["KEYS", "CALCOM"])
Admit = StrEnum("Admit", ["ANY", "KNOWN"])
AutoConnect = StrEnum("AutoConnect", ["OFF", "USER"])
TokenOwnership = StrEnum("TokenOwnership", ["EXCLUSIVE", "SHARED"])
LogFormat = StrEnum("LogFormat", ["CONSOLE", "JSON"])
LogLevel = StrEnum("LogLevel", ["DEBUG", "INFO", "WARNING", "ERROR"])


def quoted(text: str) -> str:
    """The text on one line, cut where it is long."""
    return repr(text if len(text) <= 80 else text[:80] + "…")


def _hidden(_: str) -> str:
    return "***"


def _url_without_credentials(text: str) -> str:
    without_user = re.sub(r"(?s)^(https?://)?.*@", r"\1***@", text)
    return quoted(re.sub(r"(?s)[?#].*", "?***", without_user))


def _database_without_credentials(text: str) -> str:
    if text.startswith("sqlite:") and not re.search("[@?]", text):
        return quoted(text)
    # What is not quite a URL may have its password anywhere: only the scheme is shown.
    scheme = re.match("[a-z][a-z0-9+]{0,20}://", text)
    return f"{scheme[0] if scheme else ''}***"


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """How a text becomes a value: `read` raises ValueError for what is not as `allowed` says."""

    allowed: str
    read: Callable[[str], T_co]
    show: Callable[[str], str] = quoted
    reads_empty: bool = False
    """An empty value has a meaning of its own; it is not the default."""

    def then(self, make: Callable[[T_co], T]) -> "Kind[T]":
        """The same kind of text, its value turned into another by `make`."""
        return Kind(self.allowed, lambda text: make(self.read(text)), self.show, self.reads_empty)


def _require(fine: object) -> None:
    if not fine:
        raise ValueError


def _text(
    regex: str, allowed: str, make: Callable[[str], T], show: Callable[[str], str] = quoted
) -> Kind[T]:
    def read(text: str) -> T:
        _require(text.isprintable() and re.fullmatch(regex, text))
        return make(text)

    return Kind(allowed, read, show)


def whole(low: int, high: int) -> Kind[int]:
    def make(text: str) -> int:
        _require(low <= int(text) <= high)
        return int(text)

    return _text("[0-9]{1,9}", f"a whole number from {low} to {high}", make)


def span(unit: timedelta, low: float, high: float) -> Kind[timedelta]:
    def make(text: str) -> timedelta:
        _require(low <= float(text) <= high)
        return float(text) * unit

    return _text(r"[0-9]{1,9}(\.[0-9]{1,6})?", f"a number from {low:g} to {high:g}", make)


def seconds(low: float, high: float = 86_400) -> Kind[timedelta]:
    return span(timedelta(seconds=1), low, high)


def _word(*words: str) -> Kind[str]:
    """One of these words, in upper or lower case."""
    return _text(f"(?ai:{'|'.join(words)})", f"one of {', '.join(words)}", str.lower)


def choice(enum: type[E]) -> Kind[E]:
    return _word(*enum).then(enum)


def several(item: Kind[T]) -> Kind[tuple[T, ...]]:
    """Items between commas, in their order, each once."""

    def read(text: str) -> tuple[T, ...]:
        parts = text.split(",") if text else []
        return tuple(dict.fromkeys(item.read(part.strip()) for part in parts))

    return Kind(f"{item.allowed}; several with commas between", read, item.show)


def secret(minimum: int) -> Kind[Secret]:
    # Visible ASCII: what an HTTP header carries unchanged.
    allowed = f"{minimum} to 4096 visible ASCII characters, no spaces"
    return _text(f"[!-~]{{{minimum},4096}}", allowed, Secret, _hidden)


def _url(rest: str, allowed: str) -> Kind[str]:
    def make(text: str) -> str:
        _require(urlsplit(text).port != 0)  # urlsplit itself refuses what is over 65535
        return text

    regex = r"(?ai:https?)://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?" + rest
    return _text(regex, allowed, make, _url_without_credentials)


def _admitted(text: str) -> Admit | frozenset[int]:
    organisations = frozenset(int(number) for number in re.findall("[0-9]+", text))
    return organisations or Admit(text.lower())


def _hours(text: str) -> tuple[time, time]:
    start, end = (time(int(part[:2]), int(part[3:])) for part in text.split("-"))
    _require(start != end)
    return start, end


DATABASE = _text(
    r"sqlite:///(?!:memory:).+|postgres(ql)?://.+",
    "sqlite:///relative.db, sqlite:////absolute.db or postgresql://user:password@host:port/name",
    str,
    _database_without_credentials,
)
HOST = _text("[A-Za-z0-9_.:%-]{1,253}", "a host name or an IP address", str)
BASE_URL = _url(
    "(/[^ ?#]*)?", "an http:// or https:// address with a host; no user, no query"
).then(lambda url: url.rstrip("/"))
URL = _url("([/?][^ #]*)?", "an http:// or https:// address with a host; no user")
NETWORK = _text("[0-9A-Fa-f:./]+", "an address or a network (10.0.0.0/8)", ip_network)
ADMIT = _text(
    "(?ai:any|known)|org:[0-9]{1,18}(,(org:)?[0-9]{1,18})*",
    "any, known or org:12,34 (ids of organisations)",
    _admitted,
)
WEBHOOK_SECRET = _text(".+", "a printable text without commas", Secret, _hidden)
ROLES: Kind[frozenset[str]] = several(_word("organizer", "hosts", "attendees")).then(frozenset)
SWITCH = _text("(?ai:true|false)", "true or false", lambda text: text.lower() == "true")
LINK = _text(
    r"[A-Za-z][A-Za-z0-9+.-]*:([^ {}]|\{uid\}){0,500}",
    "a link of up to 500 characters, no spaces, no braces but {uid}",
    str,
)
TEXT_OR_NONE = replace(
    _text(".{0,100}", "up to 100 printable characters, or empty", lambda text: text or None),
    reads_empty=True,
)
PATH = _text(".+", "a path", Path)
HOURS = _text(
    "[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]", "two times of day, as 22:00-07:00", _hours
)
