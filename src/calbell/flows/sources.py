"""Sources as webhooks name them: found by their paths, and remembered."""

import asyncio
import re
from datetime import datetime, timedelta

import structlog

from calbell import telemetry
from calbell.flows.surroundings import Clock
from calbell.store import sources
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Database
from calbell.store.sources import Source

log = structlog.get_logger()

REMEMBERED_FOR = timedelta(seconds=5)
"""How long the database is not asked again: a source that was changed may be taken for what it was
for so long, in each process."""

PATIENCE_SECONDS = 2.0
"""How long what is remembered waits for the database to say something else."""

MOST_REMEMBERED = 20_000
_PATH = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Sources:
    """Finds sources by their paths. What was found is remembered for a few seconds, and beyond them
    while the database cannot be asked: Cal.com sends a webhook once and never again.

    That there is nothing under a path is remembered as well, so that the time that an answer takes
    does not tell which paths there are.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[Source, datetime]] = {}
        self._unknown: dict[str, datetime] = {}

    async def find(self, path: str) -> Source | None:
        """The source with this path. `StoreUnavailable` if neither memory nor the database
        knows."""
        if _PATH.fullmatch(path) is None:
            return None
        now = self._clock()
        known = self._known.get(path)
        if known is not None and now < known[1]:
            return known[0]
        if known is None and now < self._unknown.get(path, now):
            return None
        try:
            async with asyncio.timeout(None if known is None else PATIENCE_SECONDS):
                found = await self._database.read(sources.find, path)
        except (StoreUnavailable, TimeoutError) as error:
            if known is None:
                raise
            log.warning("source_remembered", source=known[0].id, **telemetry.described(error))
            found = known[0]
        self._remember(path, found, now + REMEMBERED_FOR)
        return found

    def _remember(self, path: str, found: Source | None, until: datetime) -> None:
        if found is None:
            self._known.pop(path, None)
            if len(self._unknown) >= MOST_REMEMBERED:
                self._unknown.clear()
            self._unknown[path] = until
            return
        self._unknown.pop(path, None)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[path] = (found, until)
