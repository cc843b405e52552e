"""A service in a time of its own, and how the tests talk to it."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from calbell.simulator.service import PushService
from calbell.simulator.wire import Request

Answer = tuple[int, Any]

AUGUST = 1_786_000_000.0
"""What the outside world's clock says, always; the tests advance the service's own."""


@pytest.fixture
def service() -> PushService:
    return PushService(lambda: AUGUST, Random(7))


@pytest.fixture
def call(service: PushService) -> Callable[..., Answer]:
    """`call(method, path, value)`: status and JSON of the answer; bytes are sent as they are."""

    def called(method: str, path: str, value: object = b"") -> Answer:
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        path, _, query = path.partition("?")
        answer = service.answer(Request(method, path, query, {}, body))
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
