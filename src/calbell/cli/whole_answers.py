"""Answers leave whole: what the server library writes one after the other goes out at once; and
who has just connected when the server stops is answered still.

uvicorn writes an answer's head and its body one by one, and each is a system call and a packet of
its own: a sixth of what a registration costs the event loop.
"""

import asyncio
from typing import Any, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class GatheringTransport:
    """A transport that writes, when the loop comes round again, all that was to be written since.
    Everything else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._call_soon = loop.call_soon
        self._parts = list[bytes]()

    def write(self, data: bytes) -> None:
        """It is on its way in this turn of the loop."""
        if not self._parts:
            self._call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """What was to be written is written before the connection is closed."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


FIRST_REQUEST_SECONDS = 1.0
"""How long a stopping server waits for the first request on a connection."""


class WholeAnswers(HttpToolsProtocol):
    """uvicorn's HTTP protocol on such a transport."""

    _was_asked = _is_stopping = False

    @override
    def shutdown(self) -> None:
        """Nothing more is asked on this connection; but what was on its way is answered. Whoever
        was let in a moment ago has not been heard yet, and Cal.com sends no webhook twice."""
        if not self._was_asked and not self._is_stopping:
            self.loop.call_later(FIRST_REQUEST_SECONDS, self.shutdown)
        else:
            super().shutdown()
        self._is_stopping = True

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._was_asked = True
        if self._is_stopping:
            self.cycle.keep_alive = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        gathering = GatheringTransport(
            cast(asyncio.Transport, transport), asyncio.get_running_loop()
        )
        super().connection_made(cast(asyncio.Transport, gathering))
