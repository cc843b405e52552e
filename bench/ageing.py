"""Ageing: what ten million rows of history cost those who register, book and are told today.

`python -m bench.ageing --rows 10000000 --page docs/explanation/ageing.md`

Each figure is measured in turn on a database that is empty but for today's users and on a copy of
one that has been in use for a month. The page tells how much slower the second is, and how the
statements that are asked most find their rows in it.
"""

import argparse
import asyncio
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from msgspec import Struct, structs
from tests.contract.test_plans import HOT, plan, read_whole

from bench import cores, drain, machine, throughput
from bench.databases import Databases, SqliteFiles, postgresql, prepared
from bench.figures import Engine, Figure, engine_named
from bench.past import fill
from bench.stage import FULL, QUICK, Size, Stage
from calbell.flows.clocks import SteadyClock, system_clock
from calbell.flows.tally import Tally
from calbell.store.database import ThreadedDatabase
from calbell.store.engines import engine_of
from calbell.store.statements import load
from calbell.store.times import to_ms

ROWS_OF_A_DELIVERY = 4
MEASURED = (throughput.registrations, throughput.webhooks, drain.drain)
FIGURES = (Figure.REGISTRATIONS, Figure.WEBHOOKS, Figure.DRAIN)
MOST = 1.1
"""Times as slow as without a past (DESIGN.md section 7)."""

_NODE = re.compile(
    r"(?:Index|Bitmap|Seq)[\w ]*Scan[\w ]*(?: using \w+)? on \w+"
    r"|SEARCH \w+ USING [^('\"]+|SCAN \w+(?: USING [^('\"]+)?"
)


class Aged(Struct, frozen=True):
    """Databases that have been in use: copies of one."""

    databases: Databases
    url: str

    @property
    def name(self) -> Engine:
        return self.databases.name

    @property
    def version(self) -> str:
        return self.databases.version

    def fresh(self) -> AbstractContextManager[str]:
        return self.copied(self.url)

    def copied(self, url: str) -> AbstractContextManager[str]:
        return self.databases.copied(url)


class Found(Struct, frozen=True):
    """What was measured on one engine: readings without and with a past; the plans with it."""

    engine: Engine
    young: dict[Figure, list[float]]
    aged: dict[Figure, list[float]]
    plans: list[tuple[str, str]]
    bytes_of_past: int


def measure(databases: Databases, folder: Path, rows: int, runs: int, size: Size) -> Found:
    """Each figure so many times, in turn; what comes first changes from run to run, for what the
    first of two leaves behind (warm caches, a busy disk) is the second's."""
    with _past(databases, rows) as url:
        plans, weight = _plans_and_bytes(url, to_ms(system_clock()))
        young = Stage(databases=databases, folder=folder, cores=cores.pick(), size=size)
        aged = structs.replace(young, databases=Aged(databases, url))
        readings: dict[bool, defaultdict[Figure, list[float]]] = {
            is_aged: defaultdict(list) for is_aged in (False, True)
        }
        for run in range(1, runs + 1):
            in_turn = ((False, young), (True, aged))
            for work in MEASURED:
                for is_aged, stage in in_turn if run % 2 else reversed(in_turn):
                    for reading in work(stage):
                        readings[is_aged][reading.figure].append(reading.value)
                        tell(
                            f"run {run} {databases.name} {'aged' if is_aged else 'young'} "
                            f"{reading.figure.words}: {reading.value:,.0f} {reading.figure.unit} "
                            f"{reading.note}"
                        )
    return Found(databases.name, readings[False], readings[True], plans, weight)


@contextmanager
def _past(databases: Databases, rows: int) -> Iterator[str]:
    with databases.fresh() as url:
        began = time.perf_counter()
        with prepared(url) as connection:
            fill(connection, rows // ROWS_OF_A_DELIVERY, to_ms(system_clock()), waiting=False)
        asyncio.run(_counted(url))
        tell(f"{databases.name}: {rows:,} rows made in {time.perf_counter() - began:.0f} s")
        yield url


async def _counted(url: str) -> None:
    """The past was counted, as a service in use has done all along."""
    database = ThreadedDatabase(engine_of(url))
    try:
        await Tally(database, system_clock, SteadyClock()).turn()
    finally:
        database.close()


def _plans_and_bytes(url: str, now_ms: int) -> tuple[list[tuple[str, str]], int]:
    connection = engine_of(url).connect()
    try:
        plans = [
            (f"{family}.{name}", _nodes(plan(connection, load(family)[name], now_ms)))
            for family, name in HOT
        ]
        ((size, _),) = connection.run(load("upkeep")["storage"])
        return plans, int(size)
    finally:
        connection.close()


def _nodes(text: str) -> str:
    """How tables are read; lists that were given, and what was read already, are none."""
    whole = read_whole(text)
    found = (node.strip() for node in _NODE.findall(text))
    return "; ".join(
        dict.fromkeys(
            node
            for node in found
            if not node.startswith("SCAN ") or " USING " in node or node[5:] in whole
        )
    )


def page(found: Sequence[Found], described: Sequence[str], rows: int, runs: int) -> str:
    """All of it in Markdown."""
    return "\n".join(
        (
            f"# What {rows:,} rows of history cost",
            "",
            f"Made by `python -m bench.ageing --rows {rows} --page docs/explanation/ageing.md`. "
            f"Medians of {runs} runs, in turn on a database without a past and on a copy of one "
            "that was in use for a month: bookings, events, their keys, notifications, deliveries "
            "and attempts. Times as slow: the median of what each run found, and the least and the "
            f"most. What is over may make nothing more than {MOST} times as slow.",
            "",
            *described,
            "",
            "| what | engine | without | with | times as slow | least – most | reached |",
            "| --- | --- | ---: | ---: | ---: | ---: | --- |",
            *(_row(one, figure) for figure in FIGURES for one in found),
            "",
            *(
                f"{one.engine}: the database with the past has {one.bytes_of_past / 1e9:.1f} GB."
                for one in found
            ),
            "",
            "## How rows are found in it",
            "",
            "The plans of the statements that are asked most, in that database: by an index of "
            "what is open, by the end of a table, or by the rows that are asked for. Only what is "
            "small is read whole (projects, keys, notices here): SQLite says `SCAN` and the "
            "table's name in the statement, PostgreSQL `Seq Scan`. `tests/contract/test_plans.py` "
            "holds them.",
            "",
            f"| statement | {' | '.join(one.engine for one in found)} |",
            f"| --- |{' --- |' * len(found)}",
            *(
                f"| `{name}` | {' | '.join(plans)} |"
                for name, *plans in _side_by_side([one.plans for one in found])
            ),
            "",
        )
    )


def _row(one: Found, figure: Figure) -> str:
    young, aged = median(one.young[figure]), median(one.aged[figure])
    ratios = [
        without / with_it
        for without, with_it in zip(one.young[figure], one.aged[figure], strict=True)
    ]
    slower = median(ratios)
    return (
        f"| {figure.words} | {one.engine} | {young:,.0f} {figure.unit} | "
        f"{aged:,.0f} {figure.unit} | **{slower:.2f}** | {min(ratios):.2f} – {max(ratios):.2f} | "
        f"{'yes' if slower <= MOST else '**no**'} |"
    )


def _side_by_side(plans: Sequence[Sequence[tuple[str, str]]]) -> Iterator[tuple[str, ...]]:
    for same in zip(*plans, strict=True):
        yield (same[0][0], *(nodes for _, nodes in same))


def tell(line: str) -> None:
    """One line of how far it is."""
    sys.stderr.write(f"{line}\n")


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.ageing", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a short check, not a measurement")
    parser.add_argument(
        "--engines", nargs="+", type=engine_named, default=list(Engine), help="sqlite, postgresql"
    )
    parser.add_argument("--page", type=Path, help="write the page to this file as well")
    parser.add_argument("--folder", type=Path, help="databases are made in here, not in /tmp")
    options = parser.parse_args(arguments)
    found = list[Found]()
    before, size = machine.load_average(), QUICK if options.quick else FULL
    with TemporaryDirectory(prefix="calbell-bench-", dir=options.folder) as made:
        folder = Path(made)
        version = None
        for engine in options.engines:
            with (
                nullcontext(SqliteFiles(folder))
                if engine is Engine.SQLITE
                else postgresql(folder) as databases
            ):
                found.append(measure(databases, folder, options.rows, options.runs, size))
                version = databases.version if engine is Engine.POSTGRESQL else version
        load_line = f"Load average of five minutes before {before}, after {machine.load_average()}."
        described = (*machine.describe(folder, cores.pick(), version), load_line)
    text = page(found, described, options.rows, options.runs)
    sys.stdout.write(text)
    if options.page is not None:
        options.page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
