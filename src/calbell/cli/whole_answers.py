"""Answers leave whole; and who has just connected when the server stops is answered still.

uvicorn is told an answer's head and body one after the other, tries every header's characters, and
makes of the two a system call and a packet each: a sixth of what a registration costs the event
loop.
"""

from collections.abc import Iterable
from functools import partial
from weakref import ref

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from calbell.api.answers import ANSWER, WHOLE, Header

FIRST_REQUEST_SECONDS = 1.0
"""How long a stopping server waits for the first request on a connection."""


class WholeAnswers(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a way for answers that are whole."""

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
        # Not the cycle itself, which has the scope: both would be left to the garbage collector.
        self.scope["extensions"] = {WHOLE: {ANSWER: partial(answer, ref(self.cycle))}}


def answer(
    asked: "ref[RequestResponseCycle]", status: int, headers: Iterable[Header], body: bytes
) -> bool:
    """The answer is on its way; `False` if the connection does not take it now, and nothing was
    done. The headers must be well formed, with the body's length among them."""
    cycle = asked()
    if cycle is None or cycle.disconnected or cycle.response_started or cycle.flow.write_paused:
        return False
    parts = [STATUS_LINE[status]]
    for name, value in (*cycle.default_headers, *headers):
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
    if cycle.scope["method"] != "HEAD":
        parts.append(body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join(parts))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True
