"""Load: raw HTTP over kept connections, made so cheap that the service is what is measured."""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import cast

import uvloop
from msgspec import Struct
from typing_extensions import override

from bench.program import Cpu, Program

CONNECTIONS = 64
LONGEST_SECONDS = 300.0
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)\r")


class Flow(Struct, frozen=True):
    """What was answered within the measured time, and the CPU that the service used for it."""

    number: int
    seconds: float
    cpu: Cpu

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.number / self.seconds

    @property
    def cost(self) -> str:
        """CPU microseconds of the service for one, and how much of a core that took in all."""
        loop, others = (1e6 * part / self.number for part in (self.cpu.loop, self.cpu.others))
        return f"{loop:.0f} + {others:.0f} µs, {(loop + others) * self.rate / 1e4:.0f} % of a core"


class Connection(asyncio.Protocol):
    """One connection with one request under way at a time; `answered` gets the status of each."""

    def __init__(
        self, answered: Callable[["Connection", bytes], None], lost: Callable[[], None]
    ) -> None:
        self._answered = answered
        self._lost = lost
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()

    def send(self, request: bytes) -> None:
        """The request is on its way; the one before was answered."""
        assert self._transport is not None
        self._transport.write(request)

    @override
    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head >= 0:
            at = _LENGTH.search(buffer, 0, head + 1)
            if at is not None and len(buffer) >= head + 4 + int(at[1]):
                self._buffer = b""
                self._answered(self, buffer[9:12])
                return
        self._buffer = buffer

    def close(self) -> None:
        """Nothing is sent any more."""
        if self._transport is not None:
            self._transport.close()


async def connect(
    port: int, number: int, answered: Callable[[Connection, bytes], None], lost: Callable[[], None]
) -> list[Connection]:
    """So many connections to a port of this machine."""
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(lambda: Connection(answered, lost), "127.0.0.1", port))[1]
        for _ in range(number)
    ]


def press(program: Program, requests: Sequence[bytes], *, warm_up: int, status: bytes) -> Flow:
    """Send all requests, as fast as `CONNECTIONS` callers are answered who each wait for their
    answer. The time counts from the answer to request number `warm_up` to the last.

    Any other status than `status` is an error.
    """
    return uvloop.run(_press(program, requests, warm_up, status))


async def _press(program: Program, requests: Sequence[bytes], warm_up: int, status: bytes) -> Flow:
    waiting = deque(requests)
    total = len(requests)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    answers = 0
    began_at, began_cpu = 0.0, program.cpu()

    def fail(why: str) -> None:
        if not done.done():
            done.set_exception(RuntimeError(why))

    def answered(connection: Connection, got: bytes) -> None:
        nonlocal answers, began_at, began_cpu
        if got != status:
            fail(f"answered {got.decode()}")
            return
        answers += 1
        if answers == warm_up:
            began_at, began_cpu = monotonic(), program.cpu()
        if waiting:
            connection.send(waiting.popleft())
        elif answers == total and not done.done():
            done.set_result(None)

    connections = await connect(
        program.port, CONNECTIONS, answered, lambda: fail("a connection was lost")
    )
    for connection in connections:
        connection.send(waiting.popleft())
    async with asyncio.timeout(LONGEST_SECONDS):
        await done
    flow = Flow(total - warm_up, monotonic() - began_at, program.cpu().since(began_cpu))
    for connection in connections:
        connection.close()
    return flow
