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
from tests.proof.runs import Fuzzed, here, keep

_say: Callable[..., None] = partial(print, flush=True)


def main() -> int:
    """0 if every request was answered as it must be."""
    asked = argparse.ArgumentParser(description="The application is asked anything.")
    asked.add_argument("--number", type=int, default=100_000, help="how many requests")
    asked.add_argument("--seed", type=int, help="the one round to play")
    asked.add_argument("--workers", type=int, default=2, help="how many rounds at a time")
    asked.add_argument("--record", action="store_true", help="keep it for the page of proof")
    said = asked.parse_args()
    if said.seed is not None:
        return bool(_tell([play(said.seed)])[1])
    where = here(f"make fuzz REQUESTS={said.number}")
    with ProcessPoolExecutor(said.workers) as pool:
        statuses, broken = _tell(pool.map(play, range(-(-said.number // ROUND))))
    if said.record:
        keep(Fuzzed(where, statuses.total(), dict(statuses), broken))
    return bool(broken)


def _tell(rounds: Iterable[Round]) -> tuple[Counter[str], int]:
    """How often each status was the answer, and how many rounds were broken; said as it comes."""
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
    return statuses, broken


if __name__ == "__main__":
    sys.exit(main())
