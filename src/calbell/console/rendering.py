"""Rendering: a template and values become a page. Whatever is put into one is escaped."""

from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from calbell.console.sessions import Session
from calbell.flows import words


class Rendering:
    """The templates and the style sheet of the pages."""

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
            explained=words.explained,
            titled=words.titled,
            utc=words.utc,
            stamp=words.stamp,
            span=words.span,
        )
        self._style = (files("calbell.console") / "templates" / "style.css").read_bytes()

    def page(
        self,
        request: Request,
        template: str,
        session: Session | None,
        /,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> Response:
        """The page, with the way out for whoever is in a session."""
        text = self._templates.get_template(template).render(
            root=root(request), form_key=session.form_key if session else None, **values
        )
        return HTMLResponse(text, status, headers)

    def style(self) -> Response:
        """The style sheet of all pages."""
        return Response(self._style, media_type="text/css")


def root(request: Request) -> str:
    """Where the console is mounted, as a link writes it; nothing at the top."""
    mounted: str = request.scope.get("root_path", "")
    return quote(mounted.rstrip("/"))
