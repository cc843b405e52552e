"""Where a page is followed: a shell in an empty folder, a simulated Expo, ports that are free."""

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random

from calbell.simulator.service import PushService
from tests.docs.shell import Said, Shell
from tests.instance import Instance, instance
from tests.postgresql import free_port, new_database, packaged
from tests.simulated import listening

NOWHERE = "http://127.0.0.1:9"


class Scene:
    """What a page is followed in, and what its reader has; made when it is asked for."""

    def __init__(self, folder: Path, text: str, postgres: Callable[[], str]) -> None:
        """For a page, or a part of one, with this text; `postgres` tells the URL of a server."""
        self.folder = folder / "here"
        self.said: list[Said] = []
        """By the blocks that were run so far."""

        self._outside = folder
        self._text = text
        self._postgres = postgres
        self._stack = ExitStack()

    @cached_property
    def expo(self) -> PushService:
        """The simulated Expo, where the page does not start one itself."""
        return PushService(lambda: datetime.now(UTC).timestamp(), Random(7))

    @cached_property
    def calcom(self) -> Instance:
        """A Cal.com."""
        return self._stack.enter_context(instance())

    def new_database(self) -> str:
        """The URL of an empty database on PostgreSQL."""
        return new_database(self._postgres())

    @cached_property
    def _port(self) -> int:
        return free_port()

    @cached_property
    def _expo_port(self) -> int:
        if "calbell expo-simulator" in self._text:
            return free_port()
        return self._stack.enter_context(listening(self.expo))[1]

    @cached_property
    def _database(self) -> str:
        return self.new_database()

    def __getitem__(self, name: str) -> object:
        """What stands for a name in braces."""
        match name:
            case "port":
                return self._port
            case "expo_port":
                return self._expo_port
            case "folder":
                return self.folder
            case "postgres":
                return self._database
            case "calcom":
                return f"{self.calcom.url}"
            case "next_week":
                return f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"
            case _:
                raise KeyError(name)

    def adapted(self, text: str, patterns: Mapping[str, str], texts: Mapping[str, str]) -> str:
        """The text of a page with everything that is other here."""
        for old, new in texts.items():
            text = text.replace(old, new.format_map(self))
        for old, new in patterns.items():
            text = re.sub(old, lambda _, new=new: new.format_map(self), text)  # type: ignore[misc]
        return text

    def open(self, variables: Mapping[str, str]) -> None:
        """The shell is there. What the page does not set itself is set so that nobody outside of
        this machine is asked, and no port that may be taken."""
        starts_expo = "calbell expo-simulator" in self._text
        expo = NOWHERE if starts_expo else "http://127.0.0.1:{expo_port}"
        ours = {
            "CALBELL_PORT": "{port}",
            "CALBELL_EXPO_BASE_URL": expo,
            "CALBELL_CALCOM_API_URL": NOWHERE,
        }
        told = {name: value for name, value in ours.items() if f"{name}=" not in self._text}
        every = {**told, **variables}
        needs_postgres = "{postgres}" in "".join(variables.values())
        self.shell = Shell(
            self._outside,
            {name: value.format_map(self) for name, value in every.items()},
            [packaged()] if needs_postgres else [],
        )

    def close(self) -> None:
        """All that runs for it has ended."""
        with self._stack:
            self.shell.end()
