"""The port to Expo: one POST, and the two ways in which an environment can break it."""

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct


class Reply(Struct, frozen=True):
    """A whole HTTP answer: unpacked body, lower-case header names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotTransmitted(Exception):
    """Not a byte of the request left: no connection came about (expo-push.md section 10)."""


class AnswerLost(Exception):
    """The request may have left, and no whole answer came back."""


class Transport(Protocol):
    """Brings a request to Expo. Its path begins with a slash; its header names are lower-case."""

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The answer, of whatever status; a redirect is an answer and is not followed.

        Raises `NotTransmitted` or `AnswerLost`, and the former only when that is certain.
        """
        ...


class InProcessTransport:
    """Expo as a function in this process: no socket, no waiting, the same every time.

    The function sees what would have gone over the wire, packed where it would be packed, and may
    raise what a `Transport` may raise.
    """

    def __init__(self, answer: Callable[[str, bytes, Mapping[str, str]], Reply]) -> None:
        self._answer = answer

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """What the function answers."""
        return self._answer(path, body, headers)
