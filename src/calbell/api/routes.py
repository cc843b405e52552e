"""Routes: every path and method there is, and who may enter."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from calbell.api.answers import Answer, Problem
from calbell.api.credentials import Credentials
from calbell.api.endpoint import Handler, UserHandler
from calbell.api.requests import EVENT_BODY, USER_BODY, Call


class Who(StrEnum):
    """Who may enter. The operator's token opens all that is for operators."""

    EVERYBODY = "everybody"
    USER = "user"
    SIGNED = "who signs"
    EVENTS = "operator: events"
    SUPPORT = "operator: support"
    ADMIN = "operator: admin"


ROLES: Final = {
    Who.EVENTS: ("events",),
    Who.SUPPORT: ("support", "admin"),
    Who.ADMIN: ("admin",),
}
"""Which roles of operators' keys open what is for operators: admin includes support, events stands
apart."""


class UserRoute(Struct, frozen=True):
    """What a user may do; the gate lets him in."""

    method: str
    path: str
    handle: UserHandler


class Route(Struct, frozen=True):
    """What somebody else may do. Signatures are the handler's own matter."""

    method: str
    path: str
    who: Who
    handle: Handler

    @property
    def longest_body(self) -> int:
        """In bytes."""
        return EVENT_BODY if self.who in (Who.SIGNED, Who.EVENTS) else USER_BODY


def guarded(route: Route, credentials: Credentials) -> Handler:
    """The route's handler, behind its door."""
    roles = ROLES.get(route.who)
    if roles is None:
        return route.handle

    async def handle(call: Call) -> Answer | Problem:
        asked = await credentials.operator(call, roles)
        return asked if isinstance(asked, Problem) else await route.handle(call)

    return handle


def by_path(routes: Iterable[Route]) -> dict[str, list[Route]]:
    """The routes of each path."""
    found: dict[str, list[Route]] = {}
    for route in routes:
        found.setdefault(route.path, []).append(route)
    return found
