"""The way of one process to Cal.com's API: a network that loses, delays and spoils."""

import asyncio
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import Final, Protocol

from calbell.calcom.http import (
    API_VERSION,
    MOST_ANSWER_BYTES,
    TIMEOUT,
    Answer,
    Answered,
    NoAnswer,
    asked,
)
from calbell.calcom.me import Asked
from tests.universe.instance import Instance, Mood
from tests.universe.weather import Weather
from tests.universe.wire import LONGEST_WAY_SECONDS

SILENT: Final = NoAnswer("timeout")
NO_CONNECTION: Final = NoAnswer("no connection")


WHILE_IT_SWEEPS = 0.1


class Spoiled(StrEnum):
    """What befalls one question."""

    SILENT = "silence"
    REFUSED = "no connection"
    CUT = "an answer that is cut off"
    HALF = "half an answer"
    ERROR = "500"
    GATEWAY = "502"
    LATER = "503"
    TOO_MANY = "429"
    FIREWALL = "a firewall's 403"
    SLOW = "a slow answer"


class Network(Protocol):
    """What the ways of all processes to Cal.com have in common."""

    weather: Weather
    instance: Instance
    happened: Counter[str]

    def tell(self, what: str) -> None:
        """It is part of the story."""


class Lookup:
    """A way to the API. Who has just seen something there has more to lose by his death than
    others: `dies_in` so many steps, in a share of the cases."""

    def __init__(self, network: Network, chance: Random, dies_in: Callable[[int], None]) -> None:
        self._network = network
        self._chance = chance
        self._dies_in = dies_in

    async def me(self, authorization: str) -> Asked:
        """Who the sender of this is."""
        return asked(await self.ask("GET", "/me", authorization))

    async def ask(
        self,
        method: str,
        path: str,
        authorization: str,
        body: bytes | None = None,
        *,
        longest: int = MOST_ANSWER_BYTES,
    ) -> Answer:
        """What it says, in time and not too long, or nothing."""
        assert method == "GET"
        assert body is None
        network = self._network
        share = network.weather.trouble.requests / 2
        spoiled = None
        if share and self._chance.random() < share:
            spoiled = self._chance.choice(tuple(Spoiled))
            network.happened[f"Cal.com: {spoiled}"] += 1
            network.tell(f"Cal.com has {spoiled} for {path}")
        await self._travels()
        if network.instance.mood is Mood.AWAY or spoiled is Spoiled.REFUSED:
            return NO_CONNECTION
        if network.instance.mood is Mood.SILENT or spoiled is Spoiled.SILENT:
            await asyncio.sleep(TIMEOUT.total_seconds())
            return SILENT
        said = network.instance.answer(path, authorization, API_VERSION)
        answer = _as_it_comes(Answered(said.status, said.headers, said.body), spoiled)
        if spoiled is Spoiled.SLOW:
            await asyncio.sleep(self._chance.uniform(1.0, TIMEOUT.total_seconds() - 1.0))
        await self._travels()
        if share and self._chance.random() < WHILE_IT_SWEEPS:
            self._dies_in(self._chance.randrange(1, 30))
        if isinstance(answer, Answered) and len(answer.body) > longest:
            return NoAnswer("too long an answer")
        return answer

    async def _travels(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.01, LONGEST_WAY_SECONDS))


def _as_it_comes(answer: Answered, spoiled: Spoiled | None) -> Answer:
    page = b"<html>Sorry</html>"
    match spoiled:
        case Spoiled.CUT:
            return NO_CONNECTION
        case Spoiled.HALF:
            # A proxy that buffers says so much and no more, and that this was all.
            return Answered(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
        case Spoiled.ERROR:
            return Answered(500, answer.headers, b'{"status":"error","error":{"code":"X"}}')
        case Spoiled.GATEWAY:
            return Answered(502, {}, page)
        case Spoiled.LATER:
            return Answered(503, {"retry-after": "20"}, page)
        case Spoiled.TOO_MANY:
            return Answered(429, {"retry-after": "60"}, b"")
        case Spoiled.FIREWALL:
            return Answered(403, {}, page)
        case _:
            return answer
