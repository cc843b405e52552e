"""Rendering: a template and values become a page. Whatever is put into one is escaped."""

from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from calbell.console.sessions import Session
from calbell.flows import words

FILES: Final[Mapping[str, str]] = {
    "style.css": "text/css",
    "live.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""What pages refer to, and what each is."""


_NOTHING: Final[Mapping[str, object]] = {}


class Rendering:
    """The templates of the pages and the files that they refer to."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("calbell.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            booking_words=partial(words.said, words=words.BOOKINGS),
            event_words=partial(words.said, words=words.EVENTS),
            notification_words=partial(words.said, words=words.NOTIFICATIONS),
            delivery_words=partial(words.said, words=words.DELIVERIES),
            outcome_words=partial(words.said, words=words.OUTCOMES),
            platform_words=partial(words.said, words=words.PLATFORMS),
            refusal_words=partial(words.said, words=words.REFUSALS),
            explained=words.explained,
            titled=words.titled,
            utc=words.utc,
            stamp=words.stamp,
            span=words.span,
            short_span=words.short_span,
        )
        folder = files("calbell.console") / "static"
        self._files = {name: (folder / name).read_bytes() for name in FILES}

    def page(
        self,
        request: Request,
        template: str,
        session: Session | None,
        values: Mapping[str, object] = _NOTHING,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The page, with the way out for whoever is in a session."""
        form_key = session.form_key if session else None
        return HTMLResponse(self._text(request, template, form_key, values), status, headers)

    def piece(self, request: Request, template: str, values: Mapping[str, object]) -> str:
        """A part of a page. It has no forms: only whole pages know the session."""
        return self._text(request, template, None, values)

    def _text(
        self, request: Request, template: str, form_key: str | None, values: Mapping[str, object]
    ) -> str:
        made = self._templates.get_template(template)
        return made.render(root=root(request), form_key=form_key, **values)

    def file(self, name: str) -> Response:
        """One of the files that pages refer to."""
        return Response(self._files[name], media_type=FILES[name])


def root(request: Request) -> str:
    """Where the console is mounted, as a link writes it; nothing at the top."""
    mounted: str = request.scope.get("root_path", "")
    return quote(mounted.rstrip("/"))
