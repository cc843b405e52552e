"""Whole lives of the service in virtual time, one seed each."""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import structlog
from msgspec import Struct
from typing_extensions import override

from tests.universe.broken import Broken
from tests.universe.process import adopt_tasks
from tests.universe.virtual_time import VirtualLoop
from tests.universe.world import Universe

YEAR = timedelta(days=365)

_MEANS_A_DEFECT = frozenset(
    {"loop_failed", "dispatch_failed", "wording_failed", "spooled_webhook_failed"}
)
_EXPECTED = frozenset({"StoreUnavailable", "ProcessDied"})


class Totals(Struct, frozen=True):
    """What happened in a universe, or in many."""

    years: float = 0.0
    seconds: float = 0.0
    events: int = 0
    faults: int = 0
    deaths: int = 0
    hand_overs: int = 0
    doubled: int = 0
    kinds: dict[str, int] = {}

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.years + other.years,
            self.seconds + other.seconds,
            self.events + other.events,
            self.faults + other.faults,
            self.deaths + other.deaths,
            self.hand_overs + other.hand_overs,
            self.doubled + other.doubled,
            dict(Counter(self.kinds) + Counter(other.kinds)),
        )

    @override
    def __str__(self) -> str:
        return (
            f"{self.years:.1f} simulated years in {self.seconds:.0f} s of computing: "
            f"{self.events} events accepted, {self.faults} faults, {self.deaths} deaths, "
            f"{self.hand_overs} hand-overs to Expo, {self.doubled} doubled with a reason, 0 lost"
        )


class Life(Struct, frozen=True):
    """How the life of a universe went. `broken` says which promise was not kept, if one was not;
    `trace` is the same for the same seed."""

    seed: int
    totals: Totals
    story: str
    broken: str | None
    trace: str


def live(seed: int, years: float, listener: Callable[[str], None] | None = None) -> Life:
    """The life of the universe of a seed; `listener` hears its story while it goes on."""
    began_at = time.process_time()
    loop = VirtualLoop()
    adopt_tasks(loop)
    loop.set_exception_handler(lambda *_: None)
    broken = None
    with TemporaryDirectory(prefix="universe-") as folder:
        universe = Universe(seed, loop, Path(folder))
        universe.chronicle.listener = listener
        try:
            with _heard(universe.broken):
                loop.run_until_complete(universe.live(years * YEAR))
        except Broken as error:
            broken = str(error)
        except Exception as error:
            # The universe's own mistake; the seed by which it is found must not be lost.
            where = "".join(traceback.format_tb(error.__traceback__)[-2:])
            broken = f"{type(error).__name__}: {error}\n{where}"
        finally:
            loop.end()
            universe.connection.close()
    kinds = universe.weather.counts + universe.happened
    kinds["Cal.com's own 429"] += universe.instance.turned_away
    kinds["a later page"] += universe.instance.later_pages
    totals = Totals(
        years=loop.time() / YEAR.total_seconds(),
        seconds=time.process_time() - began_at,
        events=universe.ledger.number_accepted,
        faults=universe.weather.counts.total(),
        deaths=universe.machines.deaths,
        hand_overs=universe.ledger.number_handed,
        doubled=universe.ledger.doubled,
        kinds=dict(kinds),
    )
    return Life(seed, totals, str(universe.chronicle), broken, universe.chronicle.trace)


@contextmanager
def _heard(broken: Callable[[str], None]) -> Iterator[None]:
    """What the service logs as its own failure breaks a promise."""

    def hear(_: object, __: str, said: MutableMapping[str, Any]) -> NoReturn:
        if said["event"] in _MEANS_A_DEFECT and said["error"] not in _EXPECTED:
            broken(f"{said['event']}: {said['error']} in {said['where']}")
        raise structlog.DropEvent

    structlog.configure(
        processors=[hear], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
