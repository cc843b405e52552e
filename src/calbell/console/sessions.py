"""Sessions: who has shown the operator's token, and how often somebody showed a wrong one.

Both are known to this process alone: another process, or this one after a restart, asks again.
"""

from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from calbell.flows.surroundings import Clock, new_key

LIFETIME = timedelta(hours=12)
MOST_SESSIONS = 100

MOST_WRONG_TRIES = 5
WINDOW = timedelta(minutes=1)


class Session(Struct, frozen=True):
    """One browser that is logged in. Its forms carry `form_key`, which no other page can know."""

    id: str
    form_key: str
    expires_at: datetime


class Sessions:
    """The sessions that are open. There are never too many: the oldest ends for a new one."""

    def __init__(self, clock: Clock, chance: Random) -> None:
        self._clock = clock
        self._chance = chance
        self._open: dict[str, Session] = {}

    def start(self) -> Session:
        """A new session is open."""
        now = self._clock()
        self._open = {id_: one for id_, one in self._open.items() if now < one.expires_at}
        while len(self._open) >= MOST_SESSIONS:
            del self._open[next(iter(self._open))]
        session = Session(new_key(self._chance), new_key(self._chance), now + LIFETIME)
        self._open[session.id] = session
        return session

    def find(self, id_: str | None) -> Session | None:
        """The session with this id, while it lasts."""
        session = None if id_ is None else self._open.get(id_)
        return session if session is not None and self._clock() < session.expires_at else None

    def end(self, id_: str | None) -> None:
        """There is no session with this id."""
        if id_ is not None:
            self._open.pop(id_, None)


class WrongTries:
    """Counts wrong tokens from anywhere, because guesses may come from everywhere. The minute
    begins with the first wrong try."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: datetime | None = None
        self._number = 0

    def pause(self) -> timedelta | None:
        """How long no try is looked at; `None` if the next one is."""
        if self._since is None or self._number < MOST_WRONG_TRIES:
            return None
        passed = self._clock() - self._since
        # A clock that was set back must not lock the door for longer than the minute.
        return WINDOW - passed if timedelta() <= passed < WINDOW else None

    def note(self) -> None:
        """One more try was wrong."""
        now = self._clock()
        if self._since is None or not self._since <= now < self._since + WINDOW:
            self._since, self._number = now, 0
        self._number += 1
