"""Contestants: who is measured at which work, and what each of them does without."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from bench import drain, layers, throughput
from bench.figures import Engine
from bench.load import Flow
from bench.peers import registering, sending
from bench.stage import Stage


class Work(StrEnum):
    """What is done."""

    REGISTERING = "registrations, durable"
    SENDING = "notifications sent to a bare receiving end"


class Contestant(Struct, frozen=True, kw_only=True):
    """Somebody who does the work; its database, if it has one, is on `engine`."""

    work: Work
    name: str
    engine: Engine
    measure: Callable[[Stage], Flow]
    without: str
    is_measure: bool = False
    """Whether the others of this work are compared with it."""


def _drained(stage: Stage) -> Flow:
    return drain.drain_all(stage).flow


_LOOP = (
    "everything around sending: the notifications are in memory and the tickets stay there; no "
    "words to write, no retry, no receipts, no pace; what is under way when it dies is lost or "
    "sent again; one request at a time"
)

_ALONE = (
    "all that Calbell is: it keeps the token, with the same lists and as durably, and asks nothing"
)

CONTESTANTS = (
    Contestant(
        work=Work.REGISTERING,
        name="Calbell's `serve` on PostgreSQL",
        engine=Engine.POSTGRESQL,
        measure=throughput.register,
        without="looking a key up again within some seconds",
        is_measure=True,
    ),
    Contestant(
        work=Work.REGISTERING,
        name="Calbell's `serve` on SQLite",
        engine=Engine.SQLITE,
        measure=throughput.register,
        without="looking a key up again within some seconds; a second process",
    ),
    Contestant(
        work=Work.REGISTERING,
        name="NestJS with Prisma on PostgreSQL",
        engine=Engine.POSTGRESQL,
        measure=registering.nest,
        without="what Cal.com's own has besides: fetching the user, a request limit, logs, "
        "metrics; and a phone's owner, whom Calbell keeps with it",
    ),
    Contestant(
        work=Work.REGISTERING,
        name="uvicorn, Starlette, msgspec and the driver alone, on PostgreSQL",
        engine=Engine.POSTGRESQL,
        measure=layers.register,
        without=_ALONE,
    ),
    Contestant(
        work=Work.REGISTERING,
        name="the same on SQLite",
        engine=Engine.SQLITE,
        measure=layers.register,
        without=_ALONE,
    ),
    Contestant(
        work=Work.SENDING,
        name="Calbell's `worker` on PostgreSQL",
        engine=Engine.POSTGRESQL,
        measure=_drained,
        without="",
        is_measure=True,
    ),
    Contestant(
        work=Work.SENDING,
        name="Calbell's `serve` on SQLite",
        engine=Engine.SQLITE,
        measure=_drained,
        without="a second process",
    ),
    Contestant(
        work=Work.SENDING,
        name="Expo's Node SDK in a loop",
        engine=Engine.SQLITE,
        measure=sending.node_sdk,
        without=_LOOP,
    ),
    Contestant(
        work=Work.SENDING,
        name="Expo's Python SDK in a loop",
        engine=Engine.SQLITE,
        measure=sending.python_sdk,
        without=_LOOP,
    ),
)
