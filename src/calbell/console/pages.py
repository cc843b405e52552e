"""The pages: who may see them, and where each one is."""

import hmac
import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from calbell.console.bookings import Bookings
from calbell.console.desk import COOKIE, Desk
from calbell.console.events import Events
from calbell.console.fence import Fence
from calbell.console.forms import is_from_here, read_form
from calbell.console.live import Ending, Live
from calbell.console.means import Means
from calbell.console.overview import Overview
from calbell.console.people import People
from calbell.console.rendering import FILES, root
from calbell.console.sessions import LIFETIME, Session, Sessions, WrongTries
from calbell.store.connection import StoreUnavailable

log = structlog.get_logger()

_PROBLEMS = {
    404: "There is no such page.",
    405: "This page does not do that.",
}


def _said(error: HTTPException) -> str:
    """What a page says of it: its own words, or ours instead of the framework's."""
    is_own = error.detail != HTTPStatus(error.status_code).phrase
    return error.detail if is_own else _PROBLEMS.get(error.status_code, error.detail)


OVERVIEW_SECONDS, STORY_SECONDS, TEST_SECONDS = 5.0, 1.0, 0.5
"""How often what is looked at is looked up."""


class Console:
    """The operator's pages, behind the operator's token. Without one the console is closed. What is
    live ends when `ending` begins."""

    def __init__(self, means: Means, admin_token: str | None, ending: Ending | None = None) -> None:
        self._admin_token = admin_token or None
        self._sessions = Sessions(means.clock, means.chance)
        self._wrong_tries = WrongTries(means.clock)
        self._desk = Desk(means, self._sessions)
        self._rendering = self._desk.rendering
        self._ending = ending or Ending()
        self._app = Fence(self._closed() if self._admin_token is None else self._open())

    @property
    def app(self) -> ASGIApp:
        """The application, to be mounted at `/console` or anywhere else."""
        return self._app

    def _open(self) -> Starlette:
        desk = self._desk
        overview, bookings = Overview(desk), Bookings(desk)
        people, events = People(desk), Events(desk)
        live = Live(
            desk,
            self._ending,
            {
                "overview": (overview.piece, OVERVIEW_SECONDS),
                "booking": (bookings.piece, STORY_SECONDS),
                "test": (people.piece, TEST_SECONDS),
            },
        )
        shown = {
            "/": overview.page,
            "/bookings": bookings.search,
            "/booking": bookings.story,
            "/people": people.search,
            "/person": people.one,
            "/events": events.listed,
            "/event": events.one,
            "/live": live.stream,
        }
        done = {
            "/booking/again": desk.acting(bookings.say_again),
            "/person/test": desk.acting(people.try_out),
            "/event/reveal": desk.inside(events.reveal),
            "/event/replay": desk.acting(events.replay),
            "/events/replay": desk.acting(events.replay_unreadable),
            "/logout": desk.inside(self._logout),
        }
        return Starlette(
            routes=[
                *(Route(path, desk.inside(page)) for path, page in shown.items()),
                *(Route(path, act, methods=["POST"]) for path, act in done.items()),
                Route("/login", self._ask_token),
                Route("/login", self._login, methods=["POST"]),
                *self._files(),
            ],
            exception_handlers={
                HTTPException: self._problem,
                StoreUnavailable: self._unavailable,
            },
        )

    def _closed(self) -> Starlette:
        """Whatever is asked for but the files, the answer is how to open the console."""
        return Starlette(routes=self._files(), exception_handlers={HTTPException: self._say_closed})

    def _files(self) -> list[Route]:
        def giving(name: str) -> Callable[[Request], Awaitable[Response]]:
            async def give(_: Request) -> Response:
                return self._rendering.file(name)

            return give

        return [Route(f"/{name}", giving(name)) for name in FILES]

    async def _ask_token(self, request: Request) -> Response:
        if self._desk.session(request) is not None:
            return self._desk.to(request, "/")
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
        answer = self._desk.to(request, "/")
        self._set_cookie(request, answer, session.id, int(LIFETIME.total_seconds()))
        return answer

    async def _logout(self, request: Request, session: Session) -> Response:
        await self._desk.form(request, session)
        self._sessions.end(session.id)
        log.info("console_logout")
        answer = self._desk.to(request, "/login")
        self._set_cookie(request, answer, "", 0)
        return answer

    async def _problem(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self._rendering.page(
            request,
            "problem.html",
            self._desk.session(request),
            {"said": _said(error)},
            status=error.status_code,
            headers=error.headers,
        )

    async def _unavailable(self, request: Request, error: Exception) -> Response:
        log.error("database_unavailable", path=request.scope["path"], detail=str(error))
        said = "The database cannot be asked now. Try again in a moment."
        session = self._desk.session(request)
        return self._rendering.page(request, "problem.html", session, {"said": said}, status=503)

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
            request, "login.html", None, {"said": said}, status=status, headers=own
        )

    def _is_the_token(self, sent: str) -> bool:
        assert self._admin_token is not None
        return hmac.compare_digest(sent.encode(), self._admin_token.encode())

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
