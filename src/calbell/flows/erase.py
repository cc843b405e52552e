"""Erase: a user is removed at once for all that is told, and then, a little at a time, from all
that is kept."""

from datetime import datetime, timedelta

from calbell.flows.prune import LONGEST_REST, rest_after
from calbell.flows.surroundings import Clock
from calbell.store import deliveries, removals, users
from calbell.store.connection import Connection
from calbell.store.database import Database

ROOM = 1000
"""How many rows are read, or go, in one step."""

EVERY = timedelta(hours=1)


def remove_user(connection: Connection, user_id: int, now: datetime) -> bool:
    """One unit of work: the user is told nothing any more, and has no key and no device. Whether
    there was one. Whoever runs `Erase` forgets the rest of him."""
    profile = users.find(connection, user_id)
    if profile is None:
        return False
    removals.begin(connection, user_id, profile.name, profile.addresses, now)
    deliveries.announce(connection)
    return True


class Erase:
    """Goes on with whoever was removed until nothing is left of him but his id."""

    def __init__(self, database: Database, clock: Clock, steady: Clock) -> None:
        self._database = database
        self._clock = clock
        self._steady = steady

    async def turn(self) -> datetime | None:
        """One step further, a short transaction of its own; when the next one is due. It rests as
        long as the step took."""
        if not await self._database.read(removals.is_under_way):
            return self._clock() + EVERY
        began, is_more = await self._database.run(self.step)
        rest = rest_after(self._steady() - began)
        # Where there is no more, another process is at it: it may die.
        return self._clock() + (rest if is_more else LONGEST_REST)

    def step(self, connection: Connection) -> tuple[datetime, bool]:
        """One unit of work: the next step is done; when it began, by the steady clock."""
        began = self._steady()
        return began, removals.step(connection, ROOM)
