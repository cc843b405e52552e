"""Rounds: so many requests to a world of their own, always the same for a seed."""

import hypothesis
from hypothesis import HealthCheck, Phase, given
from msgspec import Struct

from tests.fuzz.asked import Asked, asked
from tests.fuzz.world import World

ROUND = 1000
"""Requests to one world."""


class Round(Struct, frozen=True):
    """What came of a round: answers by route and status, and the first request that was not
    answered as it must be."""

    seed: int
    tally: dict[tuple[str, int], int]
    broken: str | None = None


def play(seed: int, size: int = ROUND) -> Round:
    """The round was played to its end, or to the first broken promise. Nothing is made smaller:
    what is answered depends on all that was asked before."""
    world, broken = World(), list[str]()

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=size,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(asked())
    def every_request(request: Asked) -> None:
        if not broken:
            try:
                world.ask(request)
            except Exception as error:
                broken.append(f"{type(error).__name__}: {error}\n{request}")

    try:
        every_request()
    finally:
        world.close()
    return Round(seed, dict(world.tally), broken[0] if broken else None)
