"""`python -m bench.simulator`: how many notifications a second the Expo simulator takes, on a core.

Requests of a hundred messages each, as Calbell sends them, over kept connections; the simulator
reads, checks and judges every message and mints every ticket. Bare it keeps no log and no screens.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import msgspec

from bench import cores, scene
from bench.load import Flow, press
from bench.program import Program, announced

GOAL = 30_000
MESSAGES = 100
REQUESTS = 3_000
WARM_UP = 300


def main(arguments: Sequence[str]) -> int:
    """Prints the median of some runs; 1 where it does not reach what it has to."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulator", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often it is measured")
    options = parser.parse_args(arguments)
    requests = [_request(number) for number in range(REQUESTS)]
    flows = [_measured(requests) for _ in range(options.runs)]
    for flow in flows:
        _tell(f"run: {flow.rate * MESSAGES:,.0f} notifications/s; a request: {flow.cost}")
    reached = median(flow.rate * MESSAGES for flow in flows)
    _tell(f"median {reached:,.0f} notifications/s on one core, to reach {GOAL:,}")
    return 0 if reached >= GOAL else 1


def _measured(requests: Sequence[bytes]) -> Flow:
    chosen = cores.pick()
    with _simulator(chosen.service) as program, cores.pinned(chosen.load):
        return press(program, requests, warm_up=WARM_UP, status=b"200")


@contextmanager
def _simulator(core: int | None) -> Iterator[Program]:
    """A bare simulator on this core, ended after the block."""
    command = (sys.executable, "-m", "calbell", "expo-simulator", "--bare", "--port=0")
    with announced(command, core) as (process, line):
        address = next(word for word in line.split() if b"://" in word)
        yield Program(process, int(address.rpartition(b":")[2]))


def message(number: int, at: int) -> dict[str, Any]:
    """A message as Calbell sends it: number `at` of request `number`."""
    return {
        "to": f"ExponentPushToken[ok-{number % 100}-{at}]",
        "title": "Booking Confirmed",
        "body": "Intro call with Bob Example\nFri, 27 Nov at 10:00",
        "sound": "default",
        "priority": "high",
        "expiration": 2_000_000_000,
        "collapseId": f"{number:08x}{at:08x}",
        "data": {
            "url": f"calcom://(tabs)/(bookings)/booking-detail?uid=b{number}",
            "bookingUid": f"b{number}",
            "notificationEvent": "BOOKING_CONFIRMED",
            "eventId": f"{number}-{at}",
        },
    }


def _request(number: int) -> bytes:
    messages = [message(number, at) for at in range(MESSAGES)]
    return scene.request("/--/api/v2/push/send", msgspec.json.encode(messages), "User-Agent: bench")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
