"""Tally: what happened is counted hour by hour, afterwards, for those who watch."""

from datetime import datetime, timedelta

from calbell.flows.surroundings import Clock
from calbell.store import tallies, upkeep
from calbell.store.database import Database
from calbell.store.tallies import (
    FAMILIES,
    HOUR,
    PHONES_NOW,
    Family,
    Key,
    hour_of,
    start_of_hour,
)

EVERY = timedelta(minutes=1)

LONGEST_PAUSE = timedelta(minutes=15)

ROWS = 5_000
"""Counted in one step: some milliseconds of a thread that reads."""

RESTS = 20
"""So many times as long as the counting took it rests at least: it takes a twentieth of a reading
thread, however much there is to count."""

CHANGES_FOR = timedelta(hours=50)
"""How long a delivery may change its state after it was made: it is tried for a day at the most,
and its receipt is awaited for another one."""

FIRST_LOOK = timedelta(days=8)
"""How far back is counted where nothing was counted yet."""

KEPT_FOR = timedelta(days=400)


class Tally:
    """Counts events, notifications, deliveries and new phones. The hour that is and the one before
    it every minute; once an hour all in which anything may have changed."""

    def __init__(self, database: Database, clock: Clock, steady: Clock) -> None:
        self._database = database
        self._clock = clock
        self._steady = steady

    async def turn(self) -> datetime | None:
        """Everything that may have changed was counted, here or by another process; when the next
        turn is."""
        now, began = self._clock(), self._steady()
        counted_at, full_at = await self._database.read(tallies.last)
        if counted_at is not None and timedelta() <= now - counted_at < EVERY / 2:
            return now + EVERY
        this_hour = start_of_hour(now)
        since, oldest = this_hour - HOUR, this_hour - FIRST_LOOK
        if full_at is None:
            since, full_at = oldest, now
        elif not this_hour <= full_at <= now:
            changing = min(start_of_hour(full_at), this_hour) - CHANGES_FOR
            since, full_at = max(changing, oldest), now
        counts: dict[Key, int] = {}
        for family in FAMILIES:
            await self._count(family, since, counts)
        alive, gone = await self._database.read(upkeep.phones)
        counts[hour_of(now), PHONES_NOW, "alive"] = alive
        counts[hour_of(now), PHONES_NOW, "gone"] = gone
        await self._database.run(tallies.save, counts, since, full_at, now)
        if since < this_hour - HOUR:
            await self._database.run(tallies.forget, now - KEPT_FOR)
        return self._clock() + max(EVERY, (self._steady() - began) * RESTS)

    async def _count(self, family: Family, since: datetime, counts: dict[Key, int]) -> None:
        """What there is of the family since then is added, in steps."""
        # Ids are given a little before the time is written: look a little further back.
        after: int | None = await self._database.read(
            tallies.first_since, family, since - timedelta(minutes=10)
        )
        while after is not None:
            page = await self._database.read(tallies.page, family, after, ROWS)
            for key, number in page.counts.items():
                counts[key] = counts.get(key, 0) + number
            after = page.after
