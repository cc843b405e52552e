"""Expo in this process, with a network that loses answers, and a ledger of all it was given."""

import asyncio
from collections.abc import Callable, Mapping
from random import Random

import msgspec
from msgspec import Struct

from calbell.expo.transport import AnswerLost, NotTransmitted, Reply
from calbell.simulator.service import PushService
from calbell.simulator.wire import Request, unpacked

MOST_RECIPIENTS = 100


class Handed(Struct, frozen=True):
    """One message that Expo took for a phone: when, under which key, and its ticket."""

    at: float
    token: str
    key: str
    event: str
    uid: str
    ticket_id: str


class _Message(Struct, frozen=True, rename="camel"):
    to: str
    data: dict[str, str]
    collapse_id: str | None = None
    tag: str | None = None

    @property
    def key(self) -> str:
        return self.collapse_id or self.tag or ""


def _messages(path: str, body: bytes, headers: Mapping[str, str]) -> list[_Message]:
    request = Request("POST", path, "", dict(headers), body)
    return msgspec.json.decode(unpacked(request), type=list[_Message])


class FaultyExpo:
    """A transport to the simulator. `trouble` is the share of requests that something happens to:
    lost before or after they arrived, answered 500 before or after queueing, 429, or slow.
    `witness` sees every message at the moment at which Expo takes it; `answered` is when an answer
    about a key first came back whole."""

    def __init__(
        self,
        service: PushService,
        chance: Random,
        trouble: Callable[[], float],
        witness: Callable[[Handed], None],
    ) -> None:
        self.service = service
        self.violations = list[str]()
        self.answered = dict[str, float]()
        self._witness = witness
        self.handed = list[Handed]()
        self.refused_for_rate = 0
        self.faults = 0
        self._chance = chance
        self._trouble = trouble

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        fault = self._fault()
        await asyncio.sleep(self._chance.uniform(0.01, 0.3))
        match fault:
            case "not transmitted":
                raise NotTransmitted
            case "429":
                return self._said(429, "TOO_MANY_REQUESTS")
            case "500 before":
                return self._said(500, "INTERNAL_SERVER_ERROR")
            case _:
                pass
        reply = self._answer(path, body, headers)
        await asyncio.sleep(self._chance.uniform(0.01, 20.0 if fault == "slow" else 0.3))
        match fault:
            case "answer lost":
                raise AnswerLost
            case "500 after":
                return self._said(500, "INTERNAL_SERVER_ERROR")
            case "cut":
                return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2])
            case _:
                pass
        if path.endswith("push/send"):
            for message in _messages(path, body, headers):
                self.answered.setdefault(message.key, self.service.now)
        return reply

    def _fault(self) -> str | None:
        if self._chance.random() >= self._trouble():
            return None
        self.faults += 1
        return self._chance.choice(
            ("not transmitted", "429", "500 before", "500 after", "answer lost", "cut", "slow")
        )

    def _answer(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        request = Request("POST", path, "", dict(headers), body)
        response = self.service.answer(request)
        if path.endswith("push/send"):
            messages = _messages(path, body, headers)
            assert len(messages) <= MOST_RECIPIENTS
            if response.status == 429:
                self.refused_for_rate += 1
            if response.status == 200:
                self._note(messages, msgspec.json.decode(response.body)["data"])
        return Reply(response.status, response.headers, response.body)

    def _note(self, messages: list[_Message], tickets: list[dict[str, str]]) -> None:
        for message, ticket in zip(messages, tickets, strict=True):
            if ticket["status"] == "ok":
                handed = Handed(
                    self.service.now,
                    message.to,
                    message.key,
                    message.data["notificationEvent"],
                    message.data["bookingUid"],
                    ticket["id"],
                )
                try:
                    self._witness(handed)
                except AssertionError as error:
                    # Raised here it would only look like a broken network to the service.
                    self.violations.append(f"{handed.uid} {handed.event}: {error}")
                self.handed.append(handed)

    def _said(self, status: int, code: str) -> Reply:
        body = msgspec.json.encode({"errors": [{"code": code, "message": "x"}]})
        return Reply(status, {"content-type": "application/json"}, body)
