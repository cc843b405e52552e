"""`python -m bench.peers`: what others take for the same work, beside Calbell, in one run.

Node and npm have to be there for the peers that run on Node; they are installed into a cache folder
at the first call (bench/peers/installed.py).
"""

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import cores, machine
from bench.databases import SqliteFiles, postgresql
from bench.load import Flow
from bench.peers.contestants import CONTESTANTS, Work
from bench.peers.page import key, page
from bench.stage import FULL, QUICK, Stage


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say; 0 if all could be measured, whatever the figures are."""
    options = _parser().parse_args(arguments)
    size = QUICK if options.quick else FULL
    for name in ("registrations", "deliveries"):
        if getattr(options, name):
            size = msgspec.structs.replace(size, **{name: getattr(options, name)})
    flows: defaultdict[str, dict[int, Flow]] = defaultdict(dict)
    failures: list[str] = []
    with TemporaryDirectory(prefix="calbell-peers-", dir=options.folder) as made:
        folder = Path(made)
        with postgresql(folder) as server:
            stages = {
                one.name: Stage(databases=one, folder=folder, cores=cores.pick(), size=size)
                for one in (SqliteFiles(folder), server)
            }
            described = machine.describe(folder, cores.pick(), server.version)
            before = machine.load_average()
            for run in range(1, options.runs + 1):
                for one in CONTESTANTS:
                    if options.only and one.work.name.lower() not in options.only:
                        continue
                    try:
                        flow = one.measure(stages[one.engine])
                    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                        failures.append(f"run {run} {key(one)}: {error}")
                        _tell(failures[-1])
                        continue
                    flows[key(one)][run] = flow
                    _tell(f"run {run} {key(one)}: {flow.rate:,.0f} /s, {flow.cost}")
    load = f"Load average of five minutes before {before}, after {machine.load_average()}."
    text = page((*described, load, _size(size.registrations, size.deliveries)), flows, failures)
    sys.stdout.write(f"{text}\n")
    if options.markdown is not None:
        options.markdown.write_text(text, encoding="utf-8")
    return 1 if failures else 0


def _size(registrations: int, deliveries: int) -> str:
    return f"{registrations:,} registrations and {deliveries:,} notifications in each run."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--quick", action="store_true", help="a short check, not a measurement")
    parser.add_argument("--registrations", type=int, help="how many in a run")
    parser.add_argument("--deliveries", type=int, help="how many in a run, whole hundreds")
    works = [work.name.lower() for work in Work]
    parser.add_argument("--only", nargs="+", choices=works, help="measure only this work")
    parser.add_argument("--markdown", type=Path, help="write the page to this file as well")
    parser.add_argument("--folder", type=Path, help="databases are made in here, not in /tmp")
    return parser


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
