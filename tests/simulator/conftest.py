"""A service in a time of its own, and how the tests talk to it."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from random import Random
from typing import Any

import msgspec
import pytest

from calbell.simulator.service import PushService
from calbell.simulator.wire import Request
from tests.simulated import listening

Answer = tuple[int, Any]

AUGUST = 1_786_000_000.0
"""What the outside world's clock says, always; the tests advance the service's own."""


@pytest.fixture
def service() -> PushService:
    return PushService(lambda: AUGUST, Random(7))


@pytest.fixture
def call(service: PushService) -> Callable[..., Answer]:
    """`call(method, path, value)`: status and JSON of the answer; bytes are sent as they are."""

    def called(method: str, path: str, value: object = b"", bearer: str | None = None) -> Answer:
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        path, _, query = path.partition("?")
        headers = {} if bearer is None else {"authorization": bearer}
        answer = service.answer(Request(method, path, query, headers, body))
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        return answer.status, msgspec.json.decode(answer.body)

    return called


@pytest.fixture
def send(call: Callable[..., Answer]) -> Callable[[object], Answer]:
    """`send(messages)` posts them; bytes are sent as they are."""
    return lambda messages: call("POST", "/--/api/v2/push/send", messages)


@pytest.fixture
def get_receipts(call: Callable[..., Answer]) -> Callable[[object], Answer]:
    return lambda ids: call("POST", "/--/api/v2/push/getReceipts", {"ids": ids})


@pytest.fixture
def served() -> PushService:
    """The service behind `address`, in the time of the outside world."""
    return PushService(time.time, Random(7))


@pytest.fixture
def address(served: PushService) -> Iterator[tuple[str, int]]:
    """Host and port of a server that answers as `served` does."""
    with listening(served) as listens:
        yield listens


@pytest.fixture
def connection(address: tuple[str, int]) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection(*address, timeout=10)) as connection:
        yield connection
