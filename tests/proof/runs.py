"""Long runs are kept: what was lived, killed and asked, at which revision of the program."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.universe.lives import Totals

FOLDER = Path(__file__).parent
PATH = FOLDER / "runs.jsonl"


class Where(Struct, frozen=True):
    """When a run began, at which revision (`+` behind it: with changes that were not committed),
    on how many cores, and how it can be had again."""

    on: str
    revision: str
    cores: int
    command: str


class Lived(Struct, frozen=True, tag="universe"):
    """Lives in virtual time. `broken` are the seeds in which a promise was not kept."""

    where: Where
    lives: int
    totals: Totals
    broken: list[int]


class Killed(Struct, frozen=True, tag="crash"):
    """Kills of the real program on an engine: `rows` are those of its ledger."""

    where: Where
    engine: str
    rows: dict[str, str]


class Fuzzed(Struct, frozen=True, tag="fuzz"):
    """Requests that hypothesis made, and how often each status was the answer."""

    where: Where
    requests: int
    statuses: dict[str, int]
    broken: int


class Forgotten(Struct, frozen=True, tag="retention"):
    """Deliveries that went through a database which keeps only the newest: its megabytes after
    every so many, those of its log at most, and in milliseconds the longest step of pruning, what
    of it was CPU, and how long a list of events waited at most."""

    where: Where
    engine: str
    deliveries: int
    seconds: float
    megabytes: list[float]
    log: float
    step: float
    step_cpu: float
    stall: float


class Found(Struct, frozen=True, tag="found"):
    """A defect that a run found, and that was mended."""

    on: str
    by: str
    what: str


Run = Lived | Killed | Fuzzed | Forgotten | Found


def here(command: str) -> Where:
    """Where a run of now is made."""
    revision = _git("rev-parse", "--short", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return Where(
        on=datetime.now(UTC).date().isoformat(),
        revision=revision + "+" * bool(changes),
        cores=len(os.sched_getaffinity(0)),
        command=command,
    )


def keep(run: Run, path: Path = PATH) -> None:
    """The run is the last line of the file."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(run) + b"\n")


def read(path: Path = PATH) -> list[Run]:
    """All that were kept, in their order."""
    return [msgspec.json.decode(line, type=Run) for line in path.read_bytes().splitlines()]


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=FOLDER, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
