"""The desk: what every page does, for those who are in a session."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from calbell.console.forms import read_form
from calbell.console.means import Means
from calbell.console.rendering import Rendering, root
from calbell.console.sessions import Session, Sessions

COOKIE = "calbell_console"

Page = Callable[[Request], Awaitable[Response]]
InsidePage = Callable[[Request, Session], Awaitable[Response]]
Act = Callable[[Request, Mapping[str, str]], Awaitable[Response]]


class Desk:
    """Where pages find who asks, read forms, and are made."""

    def __init__(self, means: Means, sessions: Sessions) -> None:
        self.means = means
        self.rendering = Rendering()
        self._sessions = sessions

    def session(self, request: Request) -> Session | None:
        """The session of whoever asks, while it lasts."""
        return self._sessions.find(request.cookies.get(COOKIE))

    def inside(self, page: InsidePage) -> Page:
        """The page for those in a session; everybody else is asked for the token."""

        async def guarded(request: Request) -> Response:
            session = self.session(request)
            return self.to(request, "/login") if session is None else await page(request, session)

        return guarded

    def acting(self, act: Act) -> Page:
        """What a form does, if a page of this session sent it."""

        async def done(request: Request, session: Session) -> Response:
            return await act(request, await self.form(request, session))

        return self.inside(done)

    async def form(self, request: Request, session: Session) -> dict[str, str]:
        """The form, if a page of this session sent it."""
        form = await read_form(request)
        if not hmac.compare_digest(form.get("form_key", "").encode(), session.form_key.encode()):
            raise HTTPException(403, "The form is not one of this session. Load the page again.")
        return form

    def page(
        self,
        request: Request,
        template: str,
        session: Session,
        values: Mapping[str, object],
        *,
        status: int = 200,
    ) -> Response:
        """The page, with values for its template."""
        return self.rendering.page(request, template, session, values, status=status)

    def to(self, request: Request, path: str, **query: object) -> Response:
        """On to another page of the console, with `GET`."""
        asked = f"?{urlencode(query)}" if query else ""
        return RedirectResponse(root(request) + path + asked, 303)


def whole_number(text: str) -> int | None:
    """The number that was typed, if it could be an id."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def clean(text: str) -> str:
    """What was typed, as a database can be asked for it: no database of ours can hold a NUL, nor
    half of a character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode().strip()
