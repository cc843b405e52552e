"""Variables: how settings are declared to the outside, and which of them are not available yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, overload

import msgspec

from calbell.config.kinds import Kind

T = TypeVar("T")

PREFIX: Final = "CALBELL_"

NOT_YET: Mapping[str, str | None] = {}
"""What would do nothing yet and is refused, so that nobody relies on it; with the one value that
may be given all the same (None: the default). Removing a line makes the setting available."""


class ConfigError(Exception):
    """The configuration is wrong; the message is one line for the operator, free of secrets."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A setting as the operator sees it."""

    name: str
    kind: Kind[object]
    default: str | None
    about: str

    def value(self, text: str, origin: str) -> object:
        """What `text` says; else a ConfigError: it is wrong, or not available in this version."""
        try:
            value = self.kind.read(text)
        except ValueError:
            # Without the cause: its message may quote a secret.
            raise ConfigError(
                f"{self.name}={self.kind.show(text)} ({origin}): must be {self.kind.allowed}"
            ) from None
        if self.name in NOT_YET:
            self._require_harmless(value, NOT_YET[self.name])
        return value

    def _require_harmless(self, value: object, only: str | None) -> None:
        accepted = self.default if only is None else only
        if accepted is None or value != self.kind.read(accepted):
            remedy = "remove it" if only is None else f"remove it or set it to {only}"
            raise ConfigError(f"{self.name}: not available in this version; {remedy}")


_declared: dict[str, Variable] = {}
VARIABLES: Final[Mapping[str, Variable]] = _declared
"""Every variable by its name, in the order of the fields of `Settings`, which declare them."""


@overload
def setting(name: str, kind: Kind[T], default: str, about: str) -> T: ...
@overload
def setting(name: str, kind: Kind[T], default: None, about: str) -> T | None: ...
def setting(name: str, kind: Kind[T], default: str | None, about: str) -> T | None:
    """Declares a variable; the struct keeps its name as the field's name for the outside."""
    _declared[name] = Variable(name, kind, default, about)
    return msgspec.field(name=name, default=None if default is None else kind.read(default))
