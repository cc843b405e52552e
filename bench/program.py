"""The program: `calbell serve` and `calbell worker` as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from bench import cores

ROOT = Path(__file__).parent.parent
START_SECONDS = 20.0
STOP_SECONDS = 15.0
NOWHERE = "http://127.0.0.1:9"
"""Where nobody listens: no measurement ever speaks with the real Expo."""

_TICKS = os.sysconf("SC_CLK_TCK")


class Cpu(Struct, frozen=True):
    """CPU seconds of a process: of its main thread, where the event loop is, and of the others,
    where the database is."""

    loop: float
    others: float

    def since(self, before: "Cpu") -> "Cpu":
        """What was used in between."""
        return Cpu(self.loop - before.loop, self.others - before.others)


class _Line(Struct):
    event: str
    url: str | None = None


class Program:
    """A process of Calbell's that was started."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    def cpu(self) -> Cpu:
        """What it has used so far."""
        own = Path(f"/proc/{self._process.pid}")
        loop = _seconds(own / "task" / str(self._process.pid) / "stat")
        return Cpu(loop, _seconds(own / "stat") - loop)

    def resident_bytes(self) -> int:
        """Its memory, with what it shares with others."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024


class Run(Struct, frozen=True, kw_only=True):
    """How to run the program: settings beyond the defaults, the core it stays on, and where its
    profile goes, if it is to be profiled."""

    folder: Path
    core: int | None
    settings: Mapping[str, str]
    profile_to: Path | None = None


@contextmanager
def calbell(run: Run, *arguments: str) -> Iterator[Program]:
    """`calbell` with these arguments, started and ready; ended after the block.

    Its log is written as shipped, one line for every event, to a file.
    """
    module = ["calbell"] if run.profile_to is None else ["bench.profiled", str(run.profile_to)]
    with (run.folder / f"{arguments[0]}.log").open("w+b") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module, *arguments],
            cwd=run.folder,
            env=environment(run.settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            cores.pin(process.pid, run.core)
            yield Program(process, _port(process, Path(log.name)))
        finally:
            end(process)


@contextmanager
def announced(
    command: Sequence[str | Path],
    core: int | None,
    *,
    folder: Path = ROOT,
    env: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
) -> Iterator[tuple[subprocess.Popen[bytes], bytes]]:
    """The command as a process on this core, and the first line that it has said; ended after the
    block. `RuntimeError` where it says nothing. What it logs goes to `log`, else to our stderr."""
    with cores.pinned(core):
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process did not start{_said_in(log)}")
        yield process, line
    finally:
        end(process)
        if process.stdout is not None:
            process.stdout.close()


def _said_in(log: IO[bytes] | None) -> str:
    if log is None:
        return ""
    log.seek(0)
    return f": {log.read().decode(errors='replace')[-2000:]}"


def end(process: subprocess.Popen[bytes]) -> None:
    """The process is gone: asked to end first, then made to."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """What the program is given: these settings, and what no measurement goes without."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("CALBELL_")}
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "CALBELL_RATE_LIMIT_API_KEY": "0",
        "CALBELL_EXPO_BASE_URL": NOWHERE,
        "CALBELL_LOG_FORMAT": "json",
        **settings,
    }


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Where it listens, once it says that it has started; 0 for a worker."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_bytes().splitlines(keepends=True):
            if b'"started"' in line and line.endswith(b"\n"):
                url = msgspec.json.decode(line, type=_Line).url
                return int(url.rpartition(":")[2]) if url else 0
        time.sleep(0.005)
    raise RuntimeError(f"calbell did not start: {log.read_text(errors='replace')[-2000:]}")


def _seconds(stat: Path) -> float:
    user, system = stat.read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS
