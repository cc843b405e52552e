"""`python -m tests.fuzz --number 100000` asks so much and says what was answered; `--seed 7` plays
one round again."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.fuzz.rounds import ROUND, Round, play

_say: Callable[..., None] = partial(print, flush=True)


def main() -> int:
    """0 if every request was answered as it must be."""
    asked = argparse.ArgumentParser(description="The application is asked anything.")
    asked.add_argument("--number", type=int, default=100_000, help="how many requests")
    asked.add_argument("--seed", type=int, help="the one round to play")
    asked.add_argument("--workers", type=int, default=2, help="how many rounds at a time")
    said = asked.parse_args()
    if said.seed is not None:
        return _end([play(said.seed)])
    with ProcessPoolExecutor(said.workers) as pool:
        return _end(pool.map(play, range(-(-said.number // ROUND))))


def _end(rounds: Iterable[Round]) -> int:
    began, answers, broken = time.monotonic(), Counter[tuple[str, int]](), 0
    for one in rounds:
        answers.update(one.tally)
        if one.broken is not None:
            broken += 1
            _say(f"\nSEED={one.seed} is broken:\n{one.broken}")
    routes = Counter[str]()
    statuses = Counter[str]()
    of_route: dict[str, Counter[str]] = {}
    for (route, status), number in answers.items():
        word = str(status) if status else "left"
        routes[route] += number
        statuses[word] += number
        of_route.setdefault(route, Counter())[word] += number
    for route, number in sorted(routes.items()):
        shares = " ".join(f"{word}:{count}" for word, count in sorted(of_route[route].items()))
        _say(f"{number:8,}  {route:50} {shares}")
    _say(f"{answers.total():8,}  requests in {time.monotonic() - began:.0f} s, {broken} broken")
    _say(" ".join(f"{word}:{count:,}" for word, count in sorted(statuses.items())))
    return broken > 0


if __name__ == "__main__":
    sys.exit(main())
