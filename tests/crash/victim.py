"""Programs that are going to be killed: starting them, hearing of them, ending them."""

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

import tests
from tests.acceptance.programs import STOP_SECONDS, environment
from tests.acceptance.stand import assert_nothing_private, started
from tests.crash.points import AT_RANDOM

STOPPED = "asked to stop"
LONGEST_LINE = 1 << 20
ROOT = Path(tests.__file__).parents[1]


class Doom(Struct, frozen=True):
    """How a program ends: at the n-th pass of a named point, or so many seconds after it was up:
    killed, or asked to stop."""

    point: str = AT_RANDOM
    number: int = 1
    seconds: float = 0.0

    @property
    def words(self) -> tuple[str, ...]:
        """How Python is told to run Calbell so that it ends like this."""
        if not self.is_named:
            return ("-m", "calbell")
        return ("-m", "tests.crash.doomed", "--die-at", f"{self.point}:{self.number}", "--")

    @property
    def is_named(self) -> bool:
        """Whether the program kills itself, at a named point."""
        return self.point not in (AT_RANDOM, STOPPED)


UNHARMED = Doom()


def doomed_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What a program is given that is to find the tests as well."""
    given = environment(**variables)
    given["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), given.get("PYTHONPATH"))))
    return given


class Victim:
    """A program under way, which may have been told where to die. `said` are the whole lines that
    it logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._up = asyncio.Event()
        self._hearing = asyncio.create_task(self._hear())
        self.said: list[str] = []
        self.url: str | None = None
        self.is_up = False

    @classmethod
    async def start(
        cls, words: Sequence[str], doom: Doom, folder: Path, variables: Mapping[str, str]
    ) -> "Victim":
        """Calbell with these words, in `folder`."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *doom.words,
                *words,
                cwd=folder,
                env=doomed_environment(variables),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
            )
        )

    async def up(self) -> None:
        """It said that it is ready, at `url` if it serves, or it is gone."""
        await self._up.wait()

    async def died_within(self, seconds: float) -> bool:
        """Whether it ended by itself in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    def kill(self) -> None:
        """It is gone at once, wherever it was."""
        if self._process.returncode is None:
            self._process.kill()

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    async def end(self) -> tuple[int, str]:
        """It ended: the code, and the name of the point at which it killed itself, or nothing."""
        assert self._process.stdout is not None
        where = (await self._process.stdout.read()).decode().strip()
        code = await self._process.wait()
        await self._hearing
        return code, where

    async def end_well(self) -> None:
        """It exits with 0 in time, having been asked to stop."""
        async with asyncio.timeout(STOP_SECONDS):
            assert await self.end() == (0, ""), self.said[-20:]

    def assert_kept_secrets(self, private: Collection[str]) -> None:
        """Every line is one JSON object with an event, and nothing private is among them."""
        for line in self.said:
            assert "event" in msgspec.json.decode(line), line
        assert_nothing_private(self.said, private)

    async def _hear(self) -> None:
        assert self._process.stderr is not None
        # A kill may cut the last line short.
        while (line := await self._process.stderr.readline()).endswith(b"\n"):
            self.said.append(line.decode().rstrip("\n"))
            if not self.is_up and (told := started(self.said[-1])):
                self.url = told["url"]
                self.is_up = True
                self._up.set()
        self._up.set()
