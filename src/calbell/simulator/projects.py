"""The projects at Expo: who may send for them, with which keys, and how much in a second."""

from collections import deque
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from calbell.simulator.phones import Platform

RATE_LIMIT = 600
"""Notifications per second and project (expo-push.md section 13)."""


class KeyState(StrEnum):
    """What has become of the key for APNs or FCM that the project left at Expo."""

    OK = "ok"
    MISSING = "missing"
    REVOKED = "revoked"
    MISMATCH = "mismatch"


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a project, one for each platform."""

    ios: KeyState = KeyState.OK
    android: KeyState = KeyState.OK

    def of(self, platform: Platform) -> KeyState:
        return self.ios if platform is Platform.IOS else self.android


class Project(msgspec.Struct, frozen=True):
    """An app at Expo; `rate_limit` 0 means no limit."""

    name: str
    rate_limit: int = RATE_LIMIT
    push_security: bool = False
    access_tokens: tuple[str, ...] = ()
    credentials: Credentials = Credentials()

    @property
    def owner(self) -> str:
        """The account, `@owner`: an access token is good for all its projects."""
        return self.name.partition("/")[0]

    def admits_sender(self, bearer: str | None, all_projects: Iterable["Project"]) -> bool:
        """Whether who sends with this access token, or none, may send for the project (S29)."""
        return not self.push_security or any(
            bearer in project.access_tokens
            for project in all_projects
            if project.owner == self.owner
        )


class SendingWindow:
    """The notifications of a project within the last second, which slides (S28)."""

    __slots__ = ("_admitted", "_total")

    def __init__(self) -> None:
        self._admitted: deque[tuple[float, int]] = deque()
        self._total = 0

    def admits(self, count: int, limit: int, now: float) -> bool:
        """Whether `count` more fit; if so they are counted, and else none of them is."""
        if not limit:
            return True
        self._slide(now)
        if self._total + count > limit:
            return False
        self.count(count, now)
        return True

    def count(self, count: int, now: float) -> int:
        """So many more are within the second; how many that makes."""
        self._slide(now)
        self._admitted.append((now, count))
        self._total += count
        return self._total

    def _slide(self, now: float) -> None:
        while self._admitted and self._admitted[0][0] <= now - 1.0:
            self._total -= self._admitted.popleft()[1]
