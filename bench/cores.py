"""Cores: the service gets one for itself, and everything that loads it another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct


class Cores(Struct, frozen=True):
    """Where things run; `None` for both where there are not two cores, or no way to choose."""

    service: int | None = None
    load: int | None = None


def pick() -> Cores:
    """The first two cores that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores()
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[1]) if len(usable) > 1 else Cores()


def pin(pid: int, core: int | None) -> None:
    """The process, and every thread that it starts from now on, stays on this core."""
    if core is not None:
        os.sched_setaffinity(pid, {core})


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """This process is on that core within the block, and afterwards where it was."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
