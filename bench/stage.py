"""The stage: what every measurement is given, and how much of everything there is."""

from pathlib import Path
from random import Random

from msgspec import Struct

from bench.cores import Cores
from bench.databases import Databases
from bench.figures import Engine
from bench.program import Run


class Size(Struct, frozen=True, kw_only=True):
    """How much is measured in one run."""

    registrations: int
    webhooks: int
    deliveries: int
    at_rest: int
    under_load: int
    paced_seconds: float


FULL = Size(
    registrations=60_000,
    webhooks=20_000,
    deliveries=30_000,
    at_rest=150,
    under_load=500,
    paced_seconds=5.0,
)
QUICK = Size(
    registrations=8_000,
    webhooks=3_000,
    deliveries=6_000,
    at_rest=20,
    under_load=50,
    paced_seconds=2.0,
)
WARM_UP = 10
"""One tenth of the requests warms up: caches fill, statements are prepared."""


class Stage(Struct, frozen=True, kw_only=True):
    """Where and how a measurement runs."""

    databases: Databases
    folder: Path
    cores: Cores
    size: Size
    profile_to: Path | None = None

    @property
    def engine(self) -> Engine:
        """The engine that is measured."""
        return self.databases.name

    def run(self, url: str, **settings: str) -> Run:
        """How to run the program on this database, on the service's core."""
        return Run(
            folder=self.folder,
            core=self.cores.service,
            settings={"CALBELL_DATABASE_URL": url, **settings},
            profile_to=self.profile_to,
        )


def chance() -> Random:
    """The same in every run."""
    return Random(20)
