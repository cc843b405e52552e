"""The program under a profiler: `python -m bench.profiled FOLDER serve ...`.

It runs a command of Calbell's and leaves two profiles in the folder when it has ended: of the main
thread, where the event loop is, and of all others together. They count CPU time of the thread, so
waiting costs nothing; the profiler makes everything slower, small functions most.
"""

import cProfile
import pstats
import sys
import threading
import time
from pathlib import Path

# What is imported here is not in the profile: the start is a matter of its own.
from calbell import wiring
from calbell.cli import commands, serve, server

IMPORTED = (wiring, serve, server)
LOOP = "loop.profile"
OTHERS = "others.profile"


def main(folder: Path, arguments: list[str]) -> int:
    """Run the command; its exit code."""
    others: list[cProfile.Profile] = []

    def begin(*_: object) -> None:
        # Called by a new thread with its first step, in whose place the profiler steps.
        others.append(_profile())
        others[-1].enable()

    threading.setprofile(begin)
    own = _profile()
    code = own.runcall(commands.run, arguments)
    own.dump_stats(folder / LOOP)
    if others:
        pstats.Stats(*others).dump_stats(folder / OTHERS)
    return code


def _profile() -> cProfile.Profile:
    return cProfile.Profile(time.thread_time_ns, 1e-9)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
