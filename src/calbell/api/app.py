"""The application: every route led to its endpoint."""

from collections.abc import Mapping, Sequence
from random import Random

import starlette.routing
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from calbell.api.credentials import Credentials
from calbell.api.endpoint import Endpoint, UserEndpoint, UserHandler
from calbell.api.gate import Gate
from calbell.api.routes import Route, UserRoute, by_path, guarded
from calbell.flows.surroundings import Clock

FOR_USERS = ("/v2", "/v1/me")
"""The paths that answer as Cal.com does, also where there is nothing."""


def create_app(
    user_routes: Sequence[UserRoute],
    routes: Sequence[Route],
    gate: Gate,
    credentials: Credentials,
    clock: Clock,
    chance: Random,
    console: ASGIApp,
) -> ASGIApp:
    """The ASGI application, with the operator's pages under `/console`."""

    def for_users(handlers: Mapping[str, UserHandler]) -> ASGIApp:
        return UserEndpoint(handlers, gate, clock, chance)

    paths: dict[str, dict[str, UserHandler]] = {}
    for route in user_routes:
        paths.setdefault(route.path, {})[route.method] = route.handle
    endpoints = {path: for_users(handlers) for path, handlers in paths.items()} | {
        path: Endpoint(
            {route.method: guarded(route, credentials) for route in own},
            clock,
            longest_body=own[0].longest_body,
        )
        for path, own in by_path(routes).items()
    }
    nothing, nothing_for_users = Endpoint({}, clock), for_users({})
    exact = {path: endpoint for path, endpoint in endpoints.items() if "{" not in path}
    exact |= dict.fromkeys(FOR_USERS, nothing_for_users)
    return Paths(
        exact,
        Router(
            routes=[
                *(
                    starlette.routing.Route(path, endpoint)
                    for path, endpoint in endpoints.items()
                    if path not in exact
                ),
                Mount("/console", console),
            ],
            redirect_slashes=False,
            # No route of the last resort: its pattern would not take a path with a line break.
            default=Nowhere(nothing, nothing_for_users),
        ),
    )


class Nowhere:
    """Answers where no path is, in the form of the paths around it."""

    def __init__(self, nothing: ASGIApp, nothing_for_users: ASGIApp) -> None:
        self._nothing = nothing
        self._nothing_for_users = nothing_for_users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_for_users = scope["path"].startswith(tuple(f"{path}/" for path in FOR_USERS))
        nothing = self._nothing_for_users if is_for_users else self._nothing
        await nothing(scope, receive, send)


class Paths:
    """Leads to the endpoint of a path at once, and to the router for paths with a variable part.

    `/api/v2/...` is the same as `/v2/...`, and a trailing slash changes nothing.
    """

    def __init__(self, exact: Mapping[str, ASGIApp], router: ASGIApp) -> None:
        self._exact = exact
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if (endpoint := self._exact.get(path)) is not None:
            await endpoint(scope, receive, send)
            return
        if path.startswith("/api/v2/"):
            path = path.removeprefix("/api")
        path = path.rstrip("/") or "/"
        if (endpoint := self._exact.get(path)) is not None:
            await endpoint(scope, receive, send)
            return
        if path == "/console":
            path = "/console/"  # a mount answers below its path
        await self._router({**scope, "path": path}, receive, send)
