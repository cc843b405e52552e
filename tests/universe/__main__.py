"""`python -m tests.universe --seed 7 --years 3` lives one life and tells its story; `--seeds 1000`
lives many."""

import argparse
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.universe.lives import Life, Totals, live

_say: Callable[..., None] = partial(print, flush=True)


def main() -> int:
    """0 if every promise was kept."""
    asked = argparse.ArgumentParser(description="Lives of the service in virtual time.")
    asked.add_argument("--seed", type=int, help="the one life to live")
    asked.add_argument("--seeds", type=int, default=100, help="how many lives to live")
    asked.add_argument("--years", type=float, default=0.1, help="how long each of them is")
    asked.add_argument("--workers", type=int, default=2, help="how many at a time")
    asked.add_argument("--all", action="store_true", help="the whole story, not only its end")
    said = asked.parse_args()
    if said.seed is not None:
        life = live(said.seed, said.years, _say if said.all else None)
        if not said.all:
            _say(life.story)
        return _end([life], said.years)
    with ProcessPoolExecutor(said.workers) as pool:
        lives = pool.map(partial(live, years=said.years), range(said.seeds))
        return _end(lives, said.years)


def _end(lives: Iterable[Life], years: float) -> int:
    totals, broken = Totals(), 0
    for life in lives:
        totals += life.totals
        if life.broken is not None:
            broken += 1
            _say(f"\nSEED={life.seed} YEARS={years:g} is broken:\n{life.story}")
    _say(totals)
    for kind, number in sorted(totals.kinds.items()):
        _say(f"  {kind}: {number}")
    if broken:
        _say(f"{broken} broken")
    return broken > 0


if __name__ == "__main__":
    sys.exit(main())
