"""Trouble: how much of it there is when, and which."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from msgspec import Struct

from calbell.simulator import faults
from calbell.simulator.faults import Fault


class Sky(StrEnum):
    """What the days are like: `CALM` ones have no trouble at all."""

    CALM = "calm"
    ORDINARY = "ordinary"
    STORMY = "stormy"


class Trouble(Struct, frozen=True, kw_only=True):
    """The share of requests to Expo that something happens to, of commits that fail or are the last
    thing that their process does, of wake-ups that are lost; and after how many steps of its event
    loop a process dies, in the mean."""

    requests: float
    commits: float
    wake_ups: float
    steps: int | None


TROUBLE = {
    Sky.CALM: Trouble(requests=0.0, commits=0.0, wake_ups=0.0, steps=None),
    Sky.ORDINARY: Trouble(requests=0.12, commits=0.015, wake_ups=0.1, steps=4000),
    Sky.STORMY: Trouble(requests=0.4, commits=0.06, wake_ups=0.4, steps=600),
}

MOSTLY = 0.6
SLOW_FOR = timedelta(minutes=2)
COMMIT_FATES = ("dies before", "dies after", "fails before", "fails after", "hangs")

SEND_FAULTS: tuple[Callable[[Random], Fault], ...] = (
    lambda chance: faults.TooManyRequests(
        chance.choice((None, 20, "Thu, 01 Jan 2026 00:00:00 GMT"))
    ),
    lambda chance: faults.ServerError(chance.choice(("before", "after"))),
    lambda _: faults.BadGateway(),
    lambda chance: faults.Unavailable(chance.choice(("no upstream", "connection termination"))),
    lambda _: faults.GatewayTimeout(),
    lambda _: faults.NoAnswer(),
    lambda chance: faults.NotRead(chance.choice(("closed", "refused"))),
    lambda chance: faults.Reset(chance.choice(("queued", "not queued"))),
    lambda _: faults.CutOff(),
    lambda chance: faults.SlowAnswer(chance.choice((5.0, 14.0, 20.0, 29.0, 40.0))),
    lambda chance: faults.Garbage(chance.choice(("html", "empty", "object", "null", "array"))),
    # Tickets in another order cannot be told from those in order, as long as all are ok.
    lambda chance: faults.WrongCount(chance.choice(("fewer", "more"))),
    lambda chance: faults.SomeFail(chance.randrange(3)),
    lambda _: faults.DataAndErrors(),
    lambda chance: faults.LateReceipts(chance.choice((None, 1800.0, 20 * 3600.0))),
    lambda chance: faults.LateGone(chance.choice((60.0, 14 * 60.0, 20 * 3600.0))),
    lambda chance: faults.OddDelivery(chance.choice(("twice", "reversed", "late"))),
    lambda chance: faults.Unfamiliar(chance.choice(("code", "fields", "details", "capitals"))),
    lambda _: faults.BearerTurnsInvalid(),
    lambda chance: faults.Rerouted(chance.choice(("301", "307"))),
    lambda chance: faults.ClockSkew(chance.choice((3600.0, -3600.0))),
    lambda _: faults.SeveralErrors(),
    lambda _: faults.ErrorsOnly(),
    lambda chance: faults.Failing(
        chance.choice(("MessageTooBig", "MessageRateExceeded", "ExpoError")),
        chance.choice(("ticket", "receipt")),
    ),
    lambda _: faults.Dropped(),
)
"""What befalls one request to send."""

RECEIPT_FAULTS: tuple[Callable[[Random], Fault], ...] = (
    lambda _: faults.TooManyRequests(),
    lambda _: faults.ServerError(),
    lambda _: faults.BadGateway(),
    lambda _: faults.Unavailable(),
    lambda _: faults.NoAnswer(),
    lambda _: faults.NotRead(),
    lambda _: faults.CutOff(),
    lambda chance: faults.SlowAnswer(chance.choice((5.0, 20.0, 40.0))),
    lambda chance: faults.Garbage(chance.choice(("html", "empty", "object", "null", "array"))),
    lambda _: faults.DataAndErrors(),
    lambda _: faults.LateReceipts(),
    lambda chance: faults.BadReceipts(chance.choice(("429", "500", "nothing", "array"))),
    lambda chance: faults.Unfamiliar(chance.choice(("fields", "capitals"))),
    lambda _: faults.BearerTurnsInvalid(),
    lambda _: faults.ErrorsOnly(),
)
"""What befalls one question for receipts."""


class Weather:
    """How the days of a universe are, and what of that strikes now."""

    def __init__(self, seed: int, clock: Callable[[], datetime]) -> None:
        self._chance = Random(f"{seed} weather")
        self._clock = clock
        self.sky, self.sky_since = Sky.CALM, clock()
        self.trouble = TROUBLE[Sky.CALM]
        self.is_over = False
        self._expo_away_until = self._database_away_until = self._reigns_until = clock()
        self._slow_until = clock()
        self._reigning: Fault | None = None
        self.counts = Counter[str]()

    def change(self) -> Sky:
        """Another sky, but calm for ever when all trouble `is_over`."""
        sky = self._chance.choices(tuple(Sky), (3, 5, 2))[0]
        sky = Sky.CALM if self.is_over else sky
        if sky is not self.sky:
            self.sky_since = self._clock()
        self.sky = sky
        self.trouble = TROUBLE[self.sky]
        if self.sky is Sky.CALM:
            self._expo_away_until = self._database_away_until = self._reigns_until = self._clock()
        return self.sky

    def expo_goes_away(self, span: timedelta) -> None:
        """Nearly no request is answered well for so long, or until it is calm."""
        self.counts["Expo away"] += 1
        self._expo_away_until = self._clock() + span

    def database_goes_away(self, span: timedelta) -> None:
        """No unit of work is done for so long, or until it is calm."""
        self.counts["database away"] += 1
        self._database_away_until = self._clock() + span

    def reigns(self, fault: Fault, span: timedelta) -> None:
        """Every request to send meets this fault for so long, or until it is calm."""
        self.counts[f"{faults.fault_id(fault)} reigns"] += 1
        self._reigning = fault
        self._reigns_until = self._clock() + span

    @property
    def calm_since(self) -> datetime | None:
        """Since when it is calm and there is a database."""
        now = self._clock()
        if self.sky is not Sky.CALM or self.has_no_database:
            return None
        return max(self.sky_since, min(self._database_away_until, now))

    @property
    def has_no_database(self) -> bool:
        return self._clock() < self._database_away_until

    def fate_of_commit(self) -> str | None:
        """What happens to a unit of work, if anything."""
        commits = self.trouble.commits
        if not commits or self._chance.random() > commits:
            return None
        fate = self._chance.choice(COMMIT_FATES)
        self.counts[f"commit {fate}"] += 1
        return fate

    def steps_to_live(self) -> int | None:
        """After how many steps a process that starts now dies under this sky."""
        steps = self.trouble.steps
        return None if steps is None else int(self._chance.expovariate(1 / steps))

    def loses_wake_up(self) -> bool:
        """Whether a listener misses what is notified now."""
        lost = self._chance.random() < self.trouble.wake_ups
        self.counts["wake-up lost"] += lost
        return lost

    def delay(self) -> float:
        """Seconds that an answer takes longer than it should, whatever it says. It is rarely the
        only one."""
        now = self._clock()
        share = MOSTLY if now < self._slow_until else self.trouble.requests / 4
        if self.sky is Sky.CALM or self._chance.random() >= share:
            return 0.0
        if now >= self._slow_until:
            self._slow_until = now + SLOW_FOR
        self.counts["late answer"] += 1
        return self._chance.uniform(1.0, 28.0)

    def fault(self, *, of_receipts: bool) -> Fault | None:
        """What befalls a request to Expo, if anything."""
        share = self.trouble.requests
        if self._reigning is not None and not of_receipts:
            if self._clock() < self._reigns_until:
                return self._reigning
            self._reigning = None
        if share and self._clock() < self._expo_away_until:
            share = 0.97
        if not share or self._chance.random() >= share:
            return None
        kinds = RECEIPT_FAULTS if of_receipts else SEND_FAULTS
        fault = self._chance.choice(kinds)(self._chance)
        self.counts[faults.fault_id(fault)] += 1
        return fault
