"""Variables: how settings are declared to the outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, overload

import msgspec

from calbell.config.kinds import Kind

T = TypeVar("T")

PREFIX: Final = "CALBELL_"


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
        """What `text` says; else a ConfigError: it is wrong."""
        try:
            return self.kind.read(text)
        except ValueError:
            # Without the cause: its message may quote a secret.
            raise ConfigError(
                f"{self.name}={self.kind.show(text)} ({origin}): must be {self.kind.allowed}"
            ) from None


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
