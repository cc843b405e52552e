"""What the world knows of what it gave to the service and got from it, until that was checked."""

from collections import deque
from datetime import datetime

from msgspec import Struct

from tests.universe.expo import Handed
from tests.universe.happenings import Said
from tests.universe.process import Process


class Accepted(Struct, frozen=True):
    """A webhook that was answered with 2xx, when, and what with. `recipients` is `None` if nobody
    could know then."""

    at: datetime
    said: Said
    event_id: str
    duplicate: bool
    recipients: int | None


class Given(Struct, frozen=True):
    """A ticket that came back whole to a process, and when."""

    at: datetime
    handed: Handed
    process: Process


class Ledger:
    """Handed-over messages by key, tickets, and webhooks, in the order in which they came."""

    def __init__(self) -> None:
        self.handed: dict[str, list[Handed]] = {}
        self.users: dict[str, int] = {}
        self.given = deque[Given]()
        self.accepted = deque[Accepted]()
        self.number_handed = 0
        self.number_accepted = 0
        self.doubled = 0

    def hand_over(self, handed: Handed, user_id: int) -> None:
        """Expo took it for a phone of this user."""
        self.number_handed += 1
        self.handed.setdefault(handed.key, []).append(handed)
        self.users[handed.key] = user_id

    def accept(self, accepted: Accepted) -> None:
        """It was answered with 2xx."""
        self.number_accepted += 1
        self.accepted.append(accepted)

    def forget(self, key: str) -> None:
        """All about this delivery was checked."""
        self.handed.pop(key, None)
        self.users.pop(key, None)
