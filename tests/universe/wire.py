"""The way of one process to Expo: a network that loses, delays and spoils."""

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

import msgspec
from msgspec import Struct

from calbell.domain.sightings import WAVE_LEAST
from calbell.expo.messages import MOST_RECIPIENTS
from calbell.expo.transport import AnswerLost, NotTransmitted, Reply
from calbell.flows.claim import PACE
from calbell.simulator import faults, manners
from calbell.simulator.fault_queue import QueuedFault
from calbell.simulator.faults import Endpoint, Fault, NotificationFault
from calbell.simulator.projects import SendingWindow
from calbell.simulator.push import SEND
from calbell.simulator.wire import Request, Response, unpacked
from tests.universe.expo import Expo, Handed
from tests.universe.virtual_time import VirtualLoop
from tests.universe.weather import Weather

TIMEOUT_SECONDS = 30.0
LONGEST_WAY_SECONDS = 0.3

_UNSPOILED = NotificationFault | faults.SlowAnswer | faults.ClockSkew | faults.Unfamiliar
"""Faults with which the tickets that come back are still those that were given."""


class _Named(Struct, frozen=True):
    to: str


_RECIPIENTS = msgspec.json.Decoder(list[_Named])


class Network(Protocol):
    """What the ways of all processes to Expo have in common."""

    loop: VirtualLoop
    weather: Weather
    expo: Expo

    def tell(self, what: str) -> None:
        """It is part of the story."""

    def broken(self, promise: str) -> None:
        """Something is not as it was promised."""

    def doubted(self, tokens: list[str]) -> None:
        """A process was told that so many phones are gone that it must not believe it."""

    def refused(self, code: str, tokens: list[str], response: Response) -> None:
        """Expo, which is all right, refused a request to these tokens whole."""

    def went_wrong(self, tokens: list[str]) -> None:
        """A request to these phones met a fault: what it was for may be sent again."""

    def taken(self) -> list[Handed]:
        """What Expo took since this was asked last."""


class Pace:
    """How much left for each project in the last second: what the pace allows, and one request that
    may come in the same second as the next one's first."""

    def __init__(self, expo: Expo, limit: int) -> None:
        self._expo = expo
        self._limit = limit
        self._windows: dict[str, SendingWindow] = {}

    def admits(self, tokens: list[str]) -> bool:
        """Whether so much may leave now, if the projects of all phones are known."""
        number: dict[str, int] = {}
        for token in tokens:
            if phone := self._expo.find(token):
                number[phone.device.project] = number.get(phone.device.project, 0) + 1
        if len(number) != 1:
            # It will be refused whole, and tell whose phones these are.
            return True
        ((project, count),) = number.items()
        window = self._windows.setdefault(project, SendingWindow())
        return window.count(count, self._expo.now) <= PACE * self._limit + MOST_RECIPIENTS


class Wire:
    """A transport to the simulator. What has left arrives, also when its process dies meanwhile.
    `given` is told of tickets that came back whole."""

    def __init__(
        self,
        network: Network,
        pace: Pace,
        chance: Random,
        given: Callable[[list[Handed]], None],
        *,
        most_at_once: int,
    ) -> None:
        self._network = network
        self._pace = pace
        self._chance = chance
        self._given = given
        self._most_at_once = most_at_once
        self._under_way = 0

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        network, of_receipts = self._network, path != SEND
        request = Request("POST", path, "", dict(headers), body)
        tokens = [] if of_receipts else [one.to for one in _RECIPIENTS.decode(unpacked(request))]
        if not of_receipts:
            self._check(tokens)
        fault = network.weather.fault(of_receipts=of_receipts)
        arrived: asyncio.Future[tuple[Response, list[Handed]]] = network.loop.create_future()
        way = self._chance.uniform(0.01, LONGEST_WAY_SECONDS)
        network.loop.call_later(way, self._arrive, request, tokens, fault, arrived)
        self._under_way += not of_receipts
        try:
            response, taken = await arrived
            reply = await self._back(response)
        finally:
            self._under_way -= not of_receipts
        if taken and (fault is None or isinstance(fault, _UNSPOILED)):
            self._given(taken)
        if tokens and reply.status == 200:
            self._note_gone(tokens, taken, fault)
        return reply

    def _note_gone(self, tokens: list[str], taken: list[Handed], fault: Fault | None) -> None:
        """Half of the phones of one answer are not gone at once, whatever was heard before."""
        if isinstance(fault, faults.Wave) and fault.at == "ticket":
            gone = sorted({*tokens} - {one.token for one in taken})
            if len(gone) >= max(WAVE_LEAST, len(tokens) / 2):
                self._network.doubted(gone)

    def _check(self, tokens: list[str]) -> None:
        if len(tokens) > MOST_RECIPIENTS:
            self._network.broken(f"{len(tokens)} recipients in one request")
        if self._under_way >= self._most_at_once:
            self._network.broken(f"more than {self._most_at_once} requests at once")
        if not self._pace.admits(tokens):
            self._network.broken("more in a second than Expo takes")

    def _arrive(
        self,
        request: Request,
        tokens: list[str],
        fault: Fault | None,
        arrived: asyncio.Future[tuple[Response, list[Handed]]],
    ) -> None:
        network = self._network
        endpoint = Endpoint.SEND if request.path == SEND else Endpoint.RECEIPTS
        network.taken()
        if fault is not None:
            network.expo.queue(QueuedFault(fault, endpoint))
        response = network.expo.answer(request)
        if fault is not None:
            network.tell(f"Expo has {_described(fault)}")
            if tokens:
                network.went_wrong(tokens)
        elif response.status != 200:
            network.refused(_code(response), tokens, response)
        if not arrived.cancelled():
            arrived.set_result((response, network.taken()))

    async def _back(self, response: Response) -> Reply:
        way = self._chance.uniform(0.01, LONGEST_WAY_SECONDS)
        way += self._network.weather.delay()
        match response.manner:
            case manners.Silence():
                await self._too_late()
            case manners.Slow(head_seconds=head) if head + way >= TIMEOUT_SECONDS:
                await self._too_late()
            case manners.Slow(head_seconds=head):
                await asyncio.sleep(head + way)
            case manners.Refusing():
                raise NotTransmitted
            case manners.Broken() | manners.Truncated():
                await asyncio.sleep(way)
                raise AnswerLost
            case _:
                await asyncio.sleep(way)
        return Reply(response.status, response.headers, response.body)

    async def _too_late(self) -> None:
        await asyncio.sleep(TIMEOUT_SECONDS)
        raise AnswerLost


def _described(fault: Fault) -> str:
    options = ", ".join(
        f"{name}={value}" for name, value in msgspec.structs.asdict(fault).items() if value
    )
    return f"{faults.fault_id(fault)} {type(fault).__name__}({options})"


class _Error(Struct):
    code: str = ""


class _Errors(Struct):
    errors: list[_Error] = []


def _code(response: Response) -> str:
    """The code of the first error that the answer names."""
    try:
        errors = msgspec.json.decode(response.body, type=_Errors).errors
    except msgspec.DecodeError:
        errors = []
    return errors[0].code if errors else f"HTTP_{response.status}"
