"""The overview: what comes in and what goes out, how fast, and what is wrong."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from calbell.console.charts import Chart, Layer, stacked
from calbell.console.desk import Desk
from calbell.console.sessions import Session
from calbell.flows import words
from calbell.flows.measure import QUANTILES
from calbell.flows.trouble import troubles
from calbell.store import overview
from calbell.store.overview import Seen
from calbell.store.tallies import DOUBLED, HOUR, PHONES, start_of_hour

SPANS: Mapping[str, tuple[int, timedelta, str]] = {
    "day": (24, HOUR, "the last 24 hours"),
    "week": (28, timedelta(hours=6), "the last 7 days"),
}
"""What can be looked at: how many columns of which time, and its name."""

DELIVERIES = (
    Layer("handed to Apple or Google", "good", ("delivered",)),
    Layer("under way", "calm", ("queued", "sending", "accepted")),
    Layer("no longer wanted or out of date", "faint", ("withdrawn", "expired")),
    Layer("to phones that are gone", "warm", ("unregistered",)),
    Layer("failed or not known", "bad", ("failed", "unknown")),
)
NOTIFICATIONS = (
    Layer("given to phones", "good", ("released",)),
    Layer("waiting for their time", "calm", ("waiting",)),
    Layer("made pointless by a later change, or out of date", "faint", ("superseded", "expired")),
    Layer("not said: no phone, or not wanted", "warm", ("suppressed",)),
)
EVENTS = (
    Layer("taken in", "good", ("taken",)),
    Layer("told nothing new", "calm", ("copy",)),
    Layer("without consequence", "faint", ("ignored",)),
    Layer("not understood", "bad", ("unreadable",)),
)


class Overview:
    """The page, and the part of it that is live."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, request: Request, session: Session) -> Response:
        """The whole page."""
        values = await self._values(request)
        return self._desk.page(request, "overview.html", session, values)

    async def piece(self, request: Request) -> str:
        """What of it changes."""
        values = await self._values(request)
        return self._desk.rendering.piece(request, "overview_piece.html", values)

    async def _values(self, request: Request) -> dict[str, object]:
        means, now = self._desk.means, self._desk.means.clock()
        asked = request.query_params.get("span", "day")
        name = asked if asked in SPANS else "day"
        number, span, said = SPANS[name]
        since = start_of_hour(now) + HOUR - number * span
        seen = await means.database.read(overview.see, min(since, now - timedelta(days=1)), now)
        return {
            "now": now,
            "span_name": name,
            "span_words": said,
            "spans": tuple(SPANS),
            "seen": seen,
            "troubles": troubles(seen, now, hears_all=means.hears_all),
            "charts": _charts(seen, since, number, span),
            "to_expo": _quantiles(seen.to_expo),
            "to_receipt": _quantiles(seen.to_receipt),
            "doubled": sum(seen.tallied.total(DOUBLED, since).values()),
            "new_phones": sum(seen.tallied.total(PHONES, since).values()),
        }


def _charts(
    seen: Seen, since: datetime, number: int, span: timedelta
) -> list[tuple[str, str, Chart]]:
    drawn = (
        ("events", "Events by what was made of them", EVENTS),
        ("notifications", "Notifications by what became of them", NOTIFICATIONS),
        ("deliveries", "Deliveries by outcome", DELIVERIES),
    )
    return [
        (name, title, stacked(seen.tallied.counts.get(name, {}), layers, since, number, span))
        for name, title, layers in drawn
    ]


def _quantiles(spans: tuple[timedelta, ...]) -> list[tuple[str, str]]:
    """The middle, and what only few exceed, in words."""
    found = ((f"p{share:.0%}".rstrip("%"), overview.quantile(spans, share)) for share in QUANTILES)
    return [(name, words.short_span(span)) for name, span in found if span is not None]
