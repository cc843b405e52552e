"""The application: every route and who may enter it."""

from collections.abc import Mapping
from random import Random

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from calbell.api import subscriptions, webhooks
from calbell.api.endpoint import USER_BODY, Endpoint, Handler
from calbell.api.operator import OperatorApi
from calbell.api.subscriptions import Subscriptions
from calbell.api.webhooks import Webhooks
from calbell.flows.surroundings import Clock


def create_app(
    subscribing: Subscriptions,
    receiving: Webhooks,
    operating: OperatorApi,
    console: ASGIApp,
    clock: Clock,
    chance: Random,
) -> ASGIApp:
    """The ASGI application, with the operator's pages under `/console`."""

    def endpoint(handlers: Mapping[str, Handler]) -> Endpoint:
        return Endpoint(handlers, clock=clock, chance=chance)

    def for_users(handlers: Mapping[str, Handler]) -> Endpoint:
        return Endpoint(
            handlers, clock=clock, chance=chance, longest_body=USER_BODY, for_users=True
        )

    return Paths(
        {
            subscriptions.PATH: for_users(
                {"POST": subscribing.register, "DELETE": subscribing.remove}
            ),
            webhooks.PATH: endpoint({"POST": receiving.receive}),
            "/healthz": endpoint({"GET": operating.healthz}),
            "/readyz": endpoint({"GET": operating.readyz}),
            "/metrics": endpoint({"GET": operating.metrics}),
        },
        Starlette(
            routes=[
                Route("/v1/bookings/{uid}/timeline", endpoint({"GET": operating.timeline})),
                Mount("/console", console),
                Route("/v2/{path:path}", for_users({})),
                Route("/v1/me/{path:path}", for_users({})),
                Route("/{path:path}", endpoint({})),
            ]
        ),
    )


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
