"""`python -m tests.universe --seed 7 --years 3` lives one life and tells its story; `--seeds 1000`
lives many, and so does `--in-all 1000`, until so many years were lived."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from signal import SIGTERM, default_int_handler, signal
from typing import TypeAlias

from tests.proof.runs import Lived, here, keep
from tests.universe.lives import Life, Totals, live
from tests.universe.nature import nature_of

_say: Callable[..., None] = partial(print, flush=True)

_Planned: TypeAlias = tuple[int, float]
"""A seed, and how many years."""

_PROGRESS = 25
"""So many lives between two lines that say how far it is."""


def main() -> int:
    """0 if every promise was kept."""
    asked = argparse.ArgumentParser(description="Lives of the service in virtual time.")
    asked.add_argument("--seed", type=int, help="the one life to live")
    asked.add_argument("--seeds", type=int, default=100, help="how many lives to live")
    asked.add_argument("--first", type=int, default=0, help="the seed of the first of them")
    asked.add_argument("--years", type=float, default=0.1, help="how long each of them is")
    asked.add_argument(
        "--in-all", type=float, help="so many years instead: a quiet life lasts longer, up to ten"
    )
    asked.add_argument("--workers", type=int, default=2, help="how many at a time")
    asked.add_argument("--all", action="store_true", help="the whole story, not only its end")
    asked.add_argument("--record", action="store_true", help="keep it for the page of proof")
    said = asked.parse_args()
    if said.seed is not None:
        life = live(said.seed, said.years, _say if said.all else None)
        if not said.all:
            _say(life.story)
        *_, broken = _tell([(said.seed, said.years)], [life])
        return bool(broken)
    if said.in_all:
        plan = list(_until(said.in_all, said.first))
        command = f"make universe IN_ALL={said.in_all:g} FIRST={said.first}"
    else:
        plan = [(said.first + number, said.years) for number in range(said.seeds)]
        command = f"make universe SEEDS={said.seeds} YEARS={said.years:g} FIRST={said.first}"
    where = here(command)
    signal(SIGTERM, default_int_handler)
    with ProcessPoolExecutor(said.workers) as pool:
        lived, totals, broken = _tell(plan, pool.map(live, *zip(*plan, strict=True)))
        pool.shutdown(cancel_futures=True)
    if said.record:
        keep(Lived(where, lived, totals, broken))
    return bool(broken)


def _until(years: float, first: int) -> Iterator[_Planned]:
    """Lives until so many years are lived, each as long as it takes for about as much to happen as
    in one year of the restless ones."""
    for seed in count(first):
        if years <= 0:
            return
        length = float(nature_of(seed).sleepy)
        yield seed, length
        years -= length


def _tell(plan: Sequence[_Planned], lives: Iterable[Life]) -> tuple[int, Totals, list[int]]:
    """How many lives there were until it was interrupted, what happened in all of them, and the
    seeds of those in which a promise was not kept; said as it comes."""
    lived, totals, broken = 0, Totals(), list[int]()
    with suppress(KeyboardInterrupt):
        for (seed, years), life in zip(plan, lives, strict=True):
            lived, totals = lived + 1, totals + life.totals
            if life.broken is not None:
                broken.append(seed)
                _say(f"\nSEED={seed} YEARS={years:g} is broken:\n{life.story}\n{life.broken}")
            if lived % _PROGRESS == 0:
                _say(f"{lived} of {len(plan)} lives: {totals}")
    _say(totals)
    for kind, times in sorted(totals.kinds.items()):
        _say(f"  {kind}: {times}")
    if broken:
        _say(f"{len(broken)} broken: {broken}")
    return lived, totals, broken


if __name__ == "__main__":
    sys.exit(main())
