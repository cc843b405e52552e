"""A simulator for the clients to speak to."""

import time
from collections.abc import Iterator
from random import Random

import pytest

from calbell.simulator.service import PushService
from tests.simulated import listening


@pytest.fixture
def service() -> PushService:
    return PushService(time.time, Random(7))


@pytest.fixture
def address(service: PushService) -> Iterator[tuple[str, int]]:
    """Host and port of a server that answers as the service does."""
    with listening(service) as listens:
        yield listens
