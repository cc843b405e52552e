"""How an answer goes over the wire, where it does not simply go (F06 to F10, F23)."""

from typing import assert_never

import msgspec


class Silence(msgspec.Struct, frozen=True):
    """There is no answer, ever; the connection stays open until the client has had enough."""


class Broken(msgspec.Struct, frozen=True):
    """There is no answer: the connection is closed, or torn down by a reset."""

    reset: bool


class Truncated(msgspec.Struct, frozen=True):
    """Half of the body comes, of which the head promised the whole; then the connection ends."""

    chunked: bool


class Slow(msgspec.Struct, frozen=True):
    """The head comes after so many seconds, and each byte of the body after so many more."""

    head_seconds: float
    byte_seconds: float


class Last(msgspec.Struct, frozen=True):
    """The connection is closed so many seconds after the answer, which says nothing of it."""

    idle_seconds: float


class Refusing(msgspec.Struct, frozen=True):
    """The connection is closed, and for so many seconds nobody listens."""

    seconds: float


Manner = Silence | Broken | Truncated | Slow | Last | Refusing


def is_answer(manner: Manner | None) -> bool:
    """Whether the client hears anything, so that the answer's status means something."""
    match manner:
        case Silence() | Broken() | Refusing():
            return False
        case Truncated() | Slow() | Last() | None:
            return True
        case _:
            assert_never(manner)
