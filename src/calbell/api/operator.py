"""What operators and their monitors ask: timelines, health, metrics."""

import asyncio

import structlog

from calbell import telemetry
from calbell.api.answers import Answer, Problem, json, not_found
from calbell.api.requests import Call
from calbell.flows import story
from calbell.flows.measure import LOOKS_BACK, measure
from calbell.flows.surroundings import Clock
from calbell.store import migrate, overview
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Database
from calbell.telemetry import Metrics

log = structlog.get_logger()

PATIENCE_SECONDS = 5.0
"""How long a question about health waits for the database."""

METRICS_TEXT = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),)


class OperatorApi:
    """Answers for those who run the service. `hears_all`: there is a webhook secret."""

    def __init__(
        self, database: Database, clock: Clock, metrics: Metrics, *, hears_all: bool
    ) -> None:
        self._hears_all = hears_all
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._seldom = telemetry.Seldom()

    async def timeline(self, call: Call) -> Answer | Problem:
        """The story of one booking."""
        told = await self._database.read(story.timeline, call.path_parameters["uid"])
        if told is None:
            return not_found("Nothing was ever heard of this booking")
        return json(200, {"status": "success", "data": told})

    async def metrics(self, _: Call) -> Answer | Problem:
        """Everything that is counted, for Prometheus."""
        now = self._clock()
        seen = await self._database.read(overview.see, now - LOOKS_BACK, now)
        measure(self._metrics, seen, now, hears_all=self._hears_all)
        return Answer(200, self._metrics.text(), METRICS_TEXT)

    async def healthz(self, _: Call) -> Answer | Problem:
        """200 while the process lives."""
        return json(200, {"status": "ok"})

    async def readyz(self, _: Call) -> Answer | Problem:
        """200 when the database answers, takes what is written and has the schema, else 503 with
        the reason."""
        if (trouble := self._database.trouble()) is not None:
            return _unavailable(trouble)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._database.read(migrate.check)
        except StoreUnavailable as error:
            # Anybody may ask here; where and how is for the log.
            if self._seldom.says(error.reason):
                log.warning("not_ready", **telemetry.described(error))
            return _unavailable(error.reason)
        except TimeoutError:
            return _unavailable("the database does not answer")
        except migrate.SchemaMismatch as error:
            return _unavailable(str(error))
        return json(200, {"status": "ok"})


def _unavailable(reason: str) -> Answer:
    return json(503, {"status": "unavailable", "reason": reason})
