"""Means: what the pages work with."""

from collections.abc import Callable
from random import Random

from msgspec import Struct

from calbell.flows.compose import App
from calbell.flows.surroundings import Clock, Policy
from calbell.store.database import Database


class Means(Struct, frozen=True, kw_only=True):
    """The service behind the pages. `hears_all`: there is a webhook secret; `wake` is called when
    there is something to send. Sessions are as hard to guess as `chance` is: in earnest it is a
    `SystemRandom`."""

    database: Database
    clock: Clock
    chance: Random
    policy: Policy
    app: App
    wake: Callable[[], None]
    hears_all: bool
