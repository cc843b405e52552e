"""The sink: a bare receiving end in Expo's place, in a process of its own.

It answers every message with an ok ticket as cheaply as it can, and counts. It checks nothing and
limits nothing: what a message must look like is the simulator's matter.
"""

import asyncio
import re
import signal
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from time import monotonic_ns
from typing import cast

import msgspec
import uvloop
from msgspec import Struct
from typing_extensions import override

from bench.program import announced

_MESSAGE = b'"to":"'
_SPACED_MESSAGE = b'"to": "'
"""As Expo's Python SDK writes it."""
_UID = re.compile(rb'"bookingUid":"([^"]+)"')


class Report(Struct):
    """What arrived: notifications by the size of their requests, when the first one came, and when
    each one came by the booking that it is about, in nanoseconds of the monotonic clock."""

    sizes: dict[int, int] = {}
    first_at: int = 0
    arrivals: dict[str, list[int]] = {}

    @property
    def notifications(self) -> int:
        """How many in all."""
        return sum(size * number for size, number in self.sizes.items())

    @property
    def full_share(self) -> float:
        """The share of requests with a hundred notifications."""
        return self.sizes.get(100, 0) / max(1, sum(self.sizes.values()))


class Sink:
    """A sink that was started."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port}"

    def report(self) -> Report:
        """What has arrived so far."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", "/report")
            return msgspec.json.decode(connection.getresponse().read(), type=Report)
        finally:
            connection.close()


@contextmanager
def sink(core: int | None, *, notes_arrivals: bool = False) -> Iterator[Sink]:
    """A sink on this core, ended after the block."""
    command = (sys.executable, "-m", "bench.sink", *(["arrivals"] if notes_arrivals else []))
    with announced(command, core) as (_, port):
        yield Sink(int(port))


class _Count:
    def __init__(self, *, notes_arrivals: bool) -> None:
        self.report = Report()
        self._sizes: Counter[int] = Counter()
        self._notes_arrivals = notes_arrivals
        self._tickets = 0

    def send(self, body: bytes, at: int) -> bytes:
        """The answer to a send request."""
        size = body.count(_MESSAGE) or body.count(_SPACED_MESSAGE)
        self.report.first_at = self.report.first_at or at
        self._sizes[size] += 1
        if self._notes_arrivals:
            for uid in _UID.findall(body):
                self.report.arrivals.setdefault(uid.decode(), []).append(at)
        first = self._tickets
        self._tickets += size
        tickets = ",".join(
            [f'{{"status":"ok","id":"ticket-{n:029d}"}}' for n in range(first, first + size)]
        )
        return f'{{"data":[{tickets}]}}'.encode()

    def text(self) -> bytes:
        self.report.sizes = dict(self._sizes)
        return msgspec.json.encode(self.report)


class _Receiver(asyncio.Protocol):
    def __init__(self, count: _Count) -> None:
        self._count = count
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        at = monotonic_ns()
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head, rest = self._buffer[:head_end].lower(), self._buffer[head_end + 4 :]
        length = int(_header(head, b"content-length") or 0)
        if len(rest) < length:
            return
        self._buffer = b""
        assert self._transport is not None
        self._transport.writelines(_response(self._answer(head, rest, at)))

    def _answer(self, head: bytes, body: bytes, at: int) -> bytes:
        if head.startswith(b"get /report"):
            return self._count.text()
        if b"/push/send" not in head.partition(b"\r\n")[0]:
            return b'{"data":{}}'
        if _header(head, b"content-encoding") == b"gzip":
            body = zlib.decompress(body, 16 + zlib.MAX_WBITS)
        return self._count.send(body, at)


def _header(head: bytes, name: bytes) -> bytes | None:
    at = head.find(b"\r\n" + name + b":")
    return None if at < 0 else head[at + len(name) + 3 :].partition(b"\r\n")[0].strip()


def _response(body: bytes) -> tuple[bytes, bytes]:
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
    return f"{head}{len(body)}\r\n\r\n".encode(), body


async def _serve(*, notes_arrivals: bool) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    count = _Count(notes_arrivals=notes_arrivals)
    server = await loop.create_server(lambda: _Receiver(count), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve(notes_arrivals="arrivals" in sys.argv[1:]))
