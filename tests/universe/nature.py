"""What kind of world a seed makes, and when."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from msgspec import Struct

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)

CLOCK_CHANGES = tuple(
    datetime(2026, month, day, tzinfo=UTC)
    for month, day in ((3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1))
)
"""When summer time begins or ends in some of the time zones of the users."""


class Sight(StrEnum):
    """Which of Cal.com's bookings can be looked up, if there is a key."""

    NOTHING = "nothing"
    ONE_USERS = "one user's bookings"
    ORGANISATION = "all bookings"


class Nature(Struct, frozen=True, kw_only=True):
    """What is the same for the whole life of a universe.

    `alone`: one process that does everything, as on SQLite; else several around one database, as
    on PostgreSQL. `clock_jumps`: the machine's clock is wrong at times. `spools`: webhooks may wait
    in files. `crowd`: enough phones for a wave of answers that they are gone. `hurried`: Expo takes
    so little in a second that the pace matters. `sleepy`: all that happens is so many times rarer.
    `sight`: what is compared with Cal.com's, and `sweeps_every` how often. `calls_back`: another
    program hears of what came to nothing.
    """

    begins_at: datetime
    alone: bool
    clock_jumps: bool
    spools: bool
    crowd: bool
    hurried: bool
    sleepy: int
    sight: Sight
    sweeps_every: timedelta
    calls_back: bool

    @property
    def words(self) -> str:
        """The same for people."""
        kinds = {
            "alone on SQLite": self.alone,
            "several processes around one database": not self.alone,
            "a clock that jumps": self.clock_jumps,
            "a spool": self.spools,
            "a crowd of phones": self.crowd,
            "a hundred a second": self.hurried,
            f"{self.sleepy} times quieter than others": self.sleepy > 1,
            f"a key that sees {self.sight}": self.sight is not Sight.NOTHING,
            "somebody who hears of what failed": self.calls_back,
        }
        return ", ".join(kind for kind, is_so in kinds.items() if is_so)


def nature_of(seed: int) -> Nature:
    """The nature of the universe of a seed. Half of them begin shortly before the clocks change
    somewhere."""
    chance = Random(f"{seed} nature")
    alone = seed % 2 == 0
    begins_at = FIRST_DAY + timedelta(days=chance.randrange(365))
    if chance.random() < 0.5:
        begins_at = chance.choice(CLOCK_CHANGES) - timedelta(days=chance.randrange(1, 4))
    return Nature(
        begins_at=begins_at,
        alone=alone,
        clock_jumps=alone and chance.random() < 0.4,
        spools=chance.random() < 0.4,
        crowd=chance.random() < 0.3,
        hurried=chance.random() < 0.4,
        sleepy=chance.choice((1, 1, 1, 3, 10)),
        sight=chance.choice((*[Sight.NOTHING] * 4, Sight.ORGANISATION, Sight.ONE_USERS)),
        sweeps_every=timedelta(hours=chance.choice((3, 6, 6))),
        calls_back=chance.random() < 0.3,
    )
