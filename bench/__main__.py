"""`python -m bench`: measure everything, or profile one thing."""

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from bench import (
    cores,
    drain,
    latency,
    layers,
    machine,
    memory,
    profiling,
    table,
    throughput,
    wording,
)
from bench.databases import Databases, SqliteFiles, postgresql
from bench.figures import Engine, Figure, Reading, engine_named
from bench.stage import FULL, QUICK, Stage

MEASUREMENTS: dict[str, Callable[[Stage], list[Reading]]] = {
    "layers": layers.alone,
    "registrations": throughput.registrations,
    "webhooks": throughput.webhooks,
    "drain": drain.drain,
    "paced": drain.paced,
    "latency": latency.together,
    "apart": latency.apart,
    "memory": memory.idle,
    "wording": wording.wording,
}
_ONLY_ON = {"apart": Engine.POSTGRESQL, "wording": Engine.SQLITE}
"""Words know nothing of engines: they are measured once."""


class Outcome(Struct, frozen=True):
    """The page, and whether every measurement came to its end."""

    page: str
    is_complete: bool


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say; 0 if it could be measured, whatever the figures are."""
    options = _parser().parse_args(arguments)
    with TemporaryDirectory(prefix="calbell-bench-", dir=options.folder) as made:
        folder = Path(made)
        if machine.is_in_memory(folder):
            _tell("warning: the databases are in memory, durability costs nothing here")
        with _stages(folder, options) as stages:
            if options.command == "profile":
                for stage in stages:
                    _write(profiling.report(options.what, stage, options.top))
                return 0
            outcome = _measure(stages, folder, options)
    _write(outcome.page)
    if options.markdown is not None:
        options.markdown.write_text(outcome.page, encoding="utf-8")
    return 0 if outcome.is_complete else 1


@contextmanager
def _stages(folder: Path, options: argparse.Namespace) -> Iterator[list[Stage]]:
    """A stage on each engine."""
    with ExitStack() as stack:
        databases: list[Databases] = []
        if Engine.SQLITE in options.engines:
            databases.append(SqliteFiles(folder))
        if Engine.POSTGRESQL in options.engines:
            databases.append(stack.enter_context(postgresql(folder)))
        yield [
            Stage(
                databases=one,
                folder=folder,
                cores=cores.pick(),
                size=QUICK if options.quick else FULL,
            )
            for one in databases
        ]


def _measure(stages: Sequence[Stage], folder: Path, options: argparse.Namespace) -> Outcome:
    """Engines and measurements take turns, so that a bad minute spoils no median."""
    versions = {stage.engine: stage.databases.version for stage in stages}
    described = machine.describe(folder, cores.pick(), versions.get(Engine.POSTGRESQL))
    before = machine.load_average()
    readings: defaultdict[tuple[Figure, Engine], list[Reading]] = defaultdict(list)
    failures: list[str] = []
    for run in range(1, options.runs + 1):
        for name in options.only or MEASUREMENTS:
            for stage in stages:
                if _ONLY_ON.get(name, stage.engine) is not stage.engine:
                    continue
                where = f"run {run} {stage.engine}"
                try:
                    measured = MEASUREMENTS[name](stage)
                except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                    failures.append(f"{where} {name}: {error}")
                    _tell(f"{where} {name}: {error}")
                    continue
                for reading in measured:
                    readings[reading.figure, stage.engine].append(reading)
                    _tell(
                        f"{where} {reading.figure.words}: "
                        f"{reading.value:.1f} {reading.figure.unit} {reading.note}"
                    )
    load = f"Load average of five minutes before {before}, after {machine.load_average()}."
    return Outcome(table.markdown((*described, load), readings, failures), not failures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.set_defaults(command="measure")
    parser.add_argument("--runs", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--markdown", type=Path, help="write the table to this file as well")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, help="measure only this")
    _add_common(parser)
    profile = parser.add_subparsers().add_parser("profile", help="where the time goes")
    profile.set_defaults(command="profile")
    profile.add_argument("what", choices=profiling.PROFILED)
    profile.add_argument("--top", type=int, default=25, help="functions by each order")
    _add_common(profile)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="a short check, not a measurement")
    parser.add_argument(
        "--engines", nargs="+", type=engine_named, default=list(Engine), help="sqlite, postgresql"
    )
    parser.add_argument("--folder", type=Path, help="databases are made in here, not in /tmp")


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
