"""Live: pages that are looked at keep up with what happens. While nobody looks nothing is asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from calbell.console.desk import Desk
from calbell.console.sessions import Session
from calbell.store.connection import StoreUnavailable

MOST_STREAMS = 20
"""Pages that are live at the same time; others are as they were loaded."""

Piece = Callable[[Request], Awaitable[str]]


class Ending:
    """Tells what would go on for ever that the service stops."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def begin(self) -> None:
        """The service stops."""
        self._event.set()

    async def within(self, seconds: float) -> bool:
        """Whether it stops within so many seconds; true at once if it does."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
        return self._event.is_set()


class Live:
    """Sends a page's piece whenever it looks different, as long as somebody looks and is in a
    session. `pieces` are those there are, each with the seconds between two looks."""

    def __init__(
        self, desk: Desk, ending: Ending, pieces: Mapping[str, tuple[Piece, float]]
    ) -> None:
        self._desk = desk
        self._ending = ending
        self._pieces = pieces
        self._number = 0

    async def stream(self, request: Request, _: Session) -> Response:
        """The piece `of` a page, with the page's own query."""
        found = self._pieces.get(request.query_params.get("of", ""))
        if found is None or self._number >= MOST_STREAMS:
            # With this status a browser does not ask again.
            return Response(status_code=204)
        return StreamingResponse(self._changes(request, *found), media_type="text/event-stream")

    async def _changes(self, request: Request, piece: Piece, seconds: float) -> AsyncIterator[str]:
        self._number += 1
        try:
            shown: str | None = None
            while self._desk.session(request) is not None:
                with suppress(StoreUnavailable):
                    html = await piece(request)
                    if html != shown:
                        yield f"data: {msgspec.json.encode(html).decode()}\n\n"
                        shown = html
                if await self._ending.within(seconds):
                    return
        finally:
            self._number -= 1
