"""Events: what came in, what was refused, what a body says, and taking it in again."""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from calbell.console import masked
from calbell.console.desk import Desk, clean, whole_number
from calbell.console.sessions import Session
from calbell.flows.replay import Replay, Replayed, take_in_again
from calbell.store import events, search
from calbell.store.search import BEYOND, WholeEvent

log = structlog.get_logger()

LOOKS_BACK = timedelta(days=3650)
"""As long as anything may be kept."""

REFUSALS = 20
"""Shown, the newest."""


class Events:
    """The pages about events."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def listed(self, request: Request, session: Session) -> Response:
        """What came in, newest first; or what nobody could read; and what was refused."""
        database = self._desk.means.database
        unreadable = request.query_params.get("show") == "unreadable"
        below = whole_number(request.query_params.get("below", "")) or BEYOND
        found = await database.read(search.events, below, unreadable=unreadable)
        refusals = await database.read(events.last_refusals, REFUSALS)
        values = {
            "found": found,
            "refusals": refusals,
            "unreadable": unreadable,
            "replayed": request.query_params.get("replayed"),
            "most": search.MOST,
        }
        return self._desk.page(request, "events.html", session, values)

    async def one(self, request: Request, session: Session) -> Response:
        """One event; what its body says of people is hidden."""
        event = await self._found(request.query_params.get("id", ""))
        return self._shown(request, session, event, whole=False)

    async def reveal(self, request: Request, session: Session) -> Response:
        """One event with all that its body says, for whoever asks for it on purpose."""
        form = await self._desk.form(request, session)
        event = await self._found(form.get("id", ""))
        log.info("console_body_shown", event_id=event.event_id)
        return self._shown(request, session, event, whole=True)

    async def replay(self, request: Request, form: Mapping[str, str]) -> Response:
        """One event is taken in again, as this version reads it."""
        means = self._desk.means
        event = await self._found(form.get("id", ""))
        replayed = await means.database.run(
            take_in_again, [event.row], means.policy, means.clock(), means.chance
        )
        means.wake()
        log.info("console_replayed", event_id=event.event_id, mended=replayed.mended)
        return self._desk.to(request, "/event", id=event.event_id, replayed=_words(replayed))

    async def replay_unreadable(self, request: Request, form: Mapping[str, str]) -> Response:
        """All that nobody could read is taken in again."""
        means = self._desk.means
        replay = Replay(means.database, means.policy, means.clock, means.chance)
        replayed = await replay.replay(
            means.clock() - LOOKS_BACK, unreadable=True, progress=lambda *_: None
        )
        means.wake()
        log.info("console_replayed", total=replayed.total, mended=replayed.mended)
        return self._desk.to(request, "/events", show="unreadable", replayed=_words(replayed))

    async def _found(self, event_id: str) -> WholeEvent:
        found = await self._desk.means.database.read(search.event, clean(event_id))
        if found is None:
            raise HTTPException(404, "There is no such event, or it was deleted with its booking.")
        return found

    def _shown(
        self, request: Request, session: Session, event: WholeEvent, *, whole: bool
    ) -> Response:
        values = {
            "event": event,
            "body": masked.shown(event.raw, whole=whole),
            "whole": whole,
            "replayed": request.query_params.get("replayed"),
        }
        return self._desk.page(request, "event.html", session, values)


def _words(replayed: Replayed) -> str:
    """What came of it, in a word that a page has a sentence for."""
    if replayed.mended or replayed.changed:
        return "news"
    return "unreadable" if replayed.unreadable or replayed.failed else "same"
