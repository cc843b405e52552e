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
    """The ASGI application, with the operator's pages under `/console`. The busiest routes come
    first."""

    def route(path: str, handlers: Mapping[str, Handler]) -> Route:
        return Route(path, Endpoint(handlers, clock=clock, chance=chance))

    def user_route(path: str, handlers: Mapping[str, Handler]) -> Route:
        endpoint = Endpoint(
            handlers, clock=clock, chance=chance, longest_body=USER_BODY, for_users=True
        )
        return Route(path, endpoint)

    app = Starlette(
        routes=[
            user_route(
                subscriptions.PATH, {"POST": subscribing.register, "DELETE": subscribing.remove}
            ),
            route(webhooks.PATH, {"POST": receiving.receive}),
            route("/v1/bookings/{uid}/timeline", {"GET": operating.timeline}),
            route("/healthz", {"GET": operating.healthz}),
            route("/readyz", {"GET": operating.readyz}),
            route("/metrics", {"GET": operating.metrics}),
            Mount("/console", console),
            user_route("/v2/{path:path}", {}),
            user_route("/v1/me/{path:path}", {}),
            route("/{path:path}", {}),
        ]
    )
    return Aliases(app)


class Aliases:
    """`/api/v2/...` is the same as `/v2/...`, and a trailing slash changes nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith("/api/v2/"):
                path = path[4:]
            if path.endswith("/") and len(path) > 1:
                path = path.rstrip("/") or "/"
            if path == "/console":
                path = "/console/"  # a mount answers below its path
            if path is not scope["path"]:
                scope = {**scope, "path": path}
        await self._app(scope, receive, send)
