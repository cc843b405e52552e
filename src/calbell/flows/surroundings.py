"""What a flow is given from outside, so that nothing about it is hidden: clock, chance, policy."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from msgspec import Struct

from calbell.domain.plan import Rules

Clock = Callable[[], datetime]
"""The time now, aware, in UTC. Processes that share a database must agree on it."""


class Policy(Struct, frozen=True):
    """What the operator decided about who is told what, and on whose phones: with `exclusive` a
    phone rings only for the user who registered it last; with `gives_notice` another program hears
    of what did not come through."""

    rules: Rules = Rules()
    exclusive: bool = True
    gives_notice: bool = False


def new_key(chance: Random) -> str:
    """Something that is never made again: 128 random bits."""
    return f"{chance.getrandbits(128):032x}"
