"""The pages: who may see them, and what each one shows."""

import hmac
import math
from collections.abc import Awaitable, Callable
from random import Random

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from calbell.console.fence import Fence
from calbell.console.forms import is_from_here, read_form
from calbell.console.rendering import Rendering, root
from calbell.console.sessions import LIFETIME, Session, Sessions, WrongTries
from calbell.flows import words
from calbell.flows.story import timeline
from calbell.flows.surroundings import Clock
from calbell.store import upkeep
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Database

log = structlog.get_logger()

COOKIE = "calbell_console"

_PROBLEMS = {
    404: "There is no such page.",
    405: "This page does not do that.",
}

Page = Callable[[Request], Awaitable[Response]]
InsidePage = Callable[[Request, Session], Awaitable[Response]]


class Console:
    """The operator's pages, behind the operator's token. Without one the console is closed.

    Sessions are as hard to guess as `chance` is: in earnest it is a `SystemRandom`.
    """

    def __init__(
        self, database: Database, clock: Clock, chance: Random, admin_token: str | None
    ) -> None:
        self._database = database
        self._clock = clock
        self._admin_token = admin_token or None
        self._sessions = Sessions(clock, chance)
        self._wrong_tries = WrongTries(clock)
        self._rendering = Rendering()
        self._app = Fence(self._closed() if self._admin_token is None else self._open())

    @property
    def app(self) -> ASGIApp:
        """The application, to be mounted at `/console` or anywhere else."""
        return self._app

    def _open(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._inside(self._overview)),
                Route("/booking", self._inside(self._booking)),
                Route("/login", self._ask_token),
                Route("/login", self._login, methods=["POST"]),
                Route("/logout", self._inside(self._logout), methods=["POST"]),
                Route("/style.css", self._style),
            ],
            exception_handlers={
                HTTPException: self._problem,
                StoreUnavailable: self._unavailable,
            },
        )

    def _closed(self) -> Starlette:
        """Whatever is asked for but the style, the answer is how to open the console."""
        return Starlette(
            routes=[Route("/style.css", self._style)],
            exception_handlers={HTTPException: self._say_closed},
        )

    def _inside(self, page: InsidePage) -> Page:
        """The page for those in a session; everybody else is asked for the token."""

        async def guarded(request: Request) -> Response:
            session = self._session(request)
            return self._to(request, "/login") if session is None else await page(request, session)

        return guarded

    async def _overview(self, request: Request, session: Session) -> Response:
        now = self._clock()
        counts = await self._database.read(upkeep.counts, now)
        return self._rendering.page(
            request,
            "overview.html",
            session,
            now=now,
            counts=counts,
            deliveries=words.tallies(words.DELIVERIES, counts.deliveries),
            notifications=words.tallies(words.NOTIFICATIONS, counts.notifications),
        )

    async def _booking(self, request: Request, session: Session) -> Response:
        uid = request.query_params.get("uid", "").strip()
        if not uid:
            return self._to(request, "/")
        # No database of ours can hold a NUL, nor be asked for one.
        story = None if "\0" in uid else await self._database.read(timeline, uid)
        if story is None:
            return self._rendering.page(request, "no_booking.html", session, status=404, uid=uid)
        return self._rendering.page(request, "booking.html", session, story=story)

    async def _ask_token(self, request: Request) -> Response:
        if self._session(request) is not None:
            return self._to(request, "/")
        return self._login_page(request)

    async def _login(self, request: Request) -> Response:
        if not is_from_here(request):
            log.warning("console_login_refused", reason="other_site")
            raise HTTPException(403, "The token was not sent from the login page of this console.")
        sent = (await read_form(request)).get("token", "")
        # From here to the end nothing waits, so that tries at the same time are all counted.
        pause = self._wrong_tries.pause()
        if pause is not None:
            seconds = math.ceil(pause.total_seconds())
            said = f"Too many wrong tokens. Try again in {seconds} s."
            headers = {"retry-after": str(seconds)}
            return self._login_page(request, status=429, said=said, headers=headers)
        if not self._is_the_token(sent):
            self._wrong_tries.note()
            log.warning("console_login_refused", reason="wrong_token")
            return self._login_page(request, status=403, said="This is not the operator's token.")
        self._sessions.end(request.cookies.get(COOKIE))
        session = self._sessions.start()
        log.info("console_login")
        answer = self._to(request, "/")
        self._set_cookie(request, answer, session.id, int(LIFETIME.total_seconds()))
        return answer

    async def _logout(self, request: Request, session: Session) -> Response:
        await self._form_of(request, session)
        self._sessions.end(session.id)
        log.info("console_logout")
        answer = self._to(request, "/login")
        self._set_cookie(request, answer, "", 0)
        return answer

    async def _style(self, request: Request) -> Response:
        return self._rendering.style()

    async def _problem(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self._rendering.page(
            request,
            "problem.html",
            self._session(request),
            status=error.status_code,
            headers=error.headers,
            said=_PROBLEMS.get(error.status_code, error.detail),
        )

    async def _unavailable(self, request: Request, error: Exception) -> Response:
        log.error("database_unavailable", path=request.scope["path"], detail=str(error))
        said = "The database cannot be asked now. Try again in a moment."
        session = self._session(request)
        return self._rendering.page(request, "problem.html", session, status=503, said=said)

    async def _say_closed(self, request: Request, error: Exception) -> Response:
        return self._rendering.page(request, "closed.html", None, status=403)

    def _login_page(
        self,
        request: Request,
        *,
        status: int = 200,
        said: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        # Under `no-referrer` a browser names no origin of a form, which on plain http is all that
        # tells this page's form from another site's.
        own = {"referrer-policy": "same-origin", **(headers or {})}
        return self._rendering.page(
            request, "login.html", None, status=status, headers=own, said=said
        )

    async def _form_of(self, request: Request, session: Session) -> dict[str, str]:
        """The form, if a page of this session sent it."""
        form = await read_form(request)
        if not hmac.compare_digest(form.get("form_key", "").encode(), session.form_key.encode()):
            raise HTTPException(403, "The form is not one of this session. Load the page again.")
        return form

    def _is_the_token(self, sent: str) -> bool:
        assert self._admin_token is not None
        return hmac.compare_digest(sent.encode(), self._admin_token.encode())

    def _session(self, request: Request) -> Session | None:
        return self._sessions.find(request.cookies.get(COOKIE))

    def _to(self, request: Request, path: str) -> Response:
        """On to another page of the console, with `GET`."""
        return RedirectResponse(root(request) + path, 303)

    def _set_cookie(self, request: Request, answer: Response, value: str, seconds: int) -> None:
        answer.set_cookie(
            COOKIE,
            value,
            max_age=seconds,
            path=root(request) or "/",
            secure=request.scope.get("scheme") == "https",
            httponly=True,
            samesite="strict",
        )
