"""Programs that run: starting them, reading what they say, asking them, ending them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

T = TypeVar("T")

START_SECONDS = 30.0
STOP_SECONDS = 10.0
"""What a stop may take, SIGTERM to exit."""

PATIENCE_SECONDS = 20.0
LOOK_EVERY_SECONDS = 0.02


class Reply(NamedTuple):
    """An answer over HTTP; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def ask(
    url: str,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """The answer of the program at `url`."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())
    finally:
        connection.close()


def until(look: Callable[[], T | None], what: str, patience_seconds: float = PATIENCE_SECONDS) -> T:
    """What the look finds, once it finds something. Only for what nobody announces."""
    pause = threading.Event()
    deadline = time.monotonic() + patience_seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"waited {patience_seconds} seconds for {what}"
        pause.wait(LOOK_EVERY_SECONDS)
    return found


class Ended(NamedTuple):
    """A command that ran to its end."""

    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """What a program is given: where programs are, where Python is told to look for its modules,
    and its own variables."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**inherited, **variables}


def command(
    arguments: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None
) -> Ended:
    """Run `calbell` to its end in `folder`."""
    done = subprocess.run(
        [sys.executable, "-m", "calbell", *arguments],
        cwd=folder,
        env=environment(**(variables or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


class Program:
    """A program that runs until it is ended. `out` and `err` are the lines it has written."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        variables: Mapping[str, str] | None = None,
        *,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start Python with these arguments in `folder`; it has these files of ours open too."""
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment(**(variables or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=pass_fds,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._news = threading.Condition()
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, self.out)),
            threading.Thread(target=self._read, args=(self._process.stderr, self.err)),
        ]
        self._open = len(self._readers)
        for reader in self._readers:
            reader.start()

    def first(self, lines: Sequence[str], read: Callable[[str], T | None]) -> T:
        """What `read` makes of the first line that means something to it, once it is written."""

        def found() -> T | None:
            return next((value for line in lines if (value := read(line)) is not None), None)

        with self._news:
            self._news.wait_for(lambda: found() is not None or not self._open, START_SECONDS)
            value = found()
        assert value is not None, f"ended or silent; it said: {self.out} {self.err}"
        return value

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def ask_to_stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(how)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The code it exits with, within so many seconds; all that it wrote was read."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        for reader in self._readers:
            reader.join()
        return code

    def stop(self) -> None:
        """It is asked to stop and exits with 0 in time."""
        self.ask_to_stop()
        self.end_well()

    def end_well(self) -> None:
        """It was asked to stop and exits with 0 in time."""
        code = self.wait()
        assert code == 0, f"exit code {code}; it said: {self.err[-20:]}"

    def kill(self) -> None:
        """It is gone at once, as after a crash."""
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()

    def _read(self, pipe: IO[str], lines: list[str]) -> None:
        with pipe:
            for line in pipe:
                with self._news:
                    lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._open -= 1
            self._news.notify_all()
