"""Sending: Expo's own SDKs in a loop, as their pages show it, beside Calbell's drain.

All of them send to the bare sink that bench/drain.py has, so that Expo costs nothing. The loops
hold what they send in memory and keep its tickets there.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from bench import simulator
from bench.cores import pinned
from bench.load import Flow
from bench.peers.installed import installed, node
from bench.program import ROOT, Cpu
from bench.sink import sink
from bench.stage import WARM_UP, Stage

LONGEST_SECONDS = 120


class Loop(Struct, frozen=True):
    """What a loop says at its end."""

    number: int
    seconds: float
    cpu_seconds: float


def node_sdk(stage: Stage) -> Flow:
    """Expo's Node SDK: chunks of a hundred, one after the other."""
    return _looped(stage, installed(), [node(), "send.mjs"])


def python_sdk(stage: Stage) -> Flow:
    """Expo's Python SDK: the same."""
    return _looped(stage, ROOT, [sys.executable, "-m", "bench.peers.python_loop"])


def _looped(stage: Stage, folder: Path, command: Sequence[str]) -> Flow:
    number = stage.size.deliveries
    warm_up = number // WARM_UP
    messages = [
        simulator.message(request, at)
        for request in range((number + warm_up) // simulator.MESSAGES)
        for at in range(simulator.MESSAGES)
    ]
    with sink(stage.cores.load) as expo, pinned(stage.cores.service):
        ended = subprocess.run(
            [*command, str(number), str(warm_up)],
            cwd=folder,
            env=_environment({"EXPO_BASE_URL": expo.url}),
            input=msgspec.json.encode(messages),
            capture_output=True,
            timeout=LONGEST_SECONDS,
        )
        report = expo.report()
    if ended.returncode:
        raise RuntimeError(f"{command[-1]}: {ended.stderr.decode(errors='replace')[-2000:]}")
    loop = msgspec.json.decode(ended.stdout, type=Loop)
    if loop.number != number or report.notifications != number + warm_up:
        raise RuntimeError(f"{loop.number} tickets, {report.notifications} notifications arrived")
    return Flow(number, loop.seconds, Cpu(loop.cpu_seconds, 0.0))


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """No proxy of this machine stands between a loop and the sink."""
    inherited = {name: v for name, v in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**inherited, "NODE_ENV": "production", **settings}
