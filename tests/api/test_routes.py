"""Every route there is, and who may enter."""

import re
from collections.abc import Iterable

import pytest

from calbell.api.docs import METHODS, Docs
from calbell.config import Secret, Settings
from tests.api.desk import Desk

ADMIN = "the-operators-own-token"
EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")

EVERYBODY = {"nobody", "user", "events", "support", "admin", "token"}
USERS = {"user"}
SUPPORT = {"support", "admin", "token"}
ADMINS = {"admin", "token"}
SOURCES = {"events", "token"}
SIGNERS: set[str] = set()
"""Who signs enters; no credential counts."""

WHO_MAY = {
    "POST /v2/notifications/subscriptions/app-push": USERS,
    "DELETE /v2/notifications/subscriptions/app-push": USERS,
    "GET /v2/me": USERS,
    "GET /v1/me/devices": USERS,
    "POST /v1/me/devices/test": USERS,
    "GET /v1/me/preferences": USERS,
    "PATCH /v1/me/preferences": USERS,
    "POST /webhooks/cal": SIGNERS,
    "POST /webhooks/cal/{source}": SIGNERS,
    "POST /v1/events": SOURCES,
    "GET /v1/bookings/{uid}/timeline": SUPPORT,
    "GET /v1/users": ADMINS,
    "POST /v1/users": ADMINS,
    "GET /v1/users/{id}": ADMINS,
    "DELETE /v1/users/{id}": ADMINS,
    "GET /v1/keys": ADMINS,
    "POST /v1/keys": ADMINS,
    "DELETE /v1/keys/{id}": ADMINS,
    "GET /metrics": SUPPORT,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /openapi.json": EVERYBODY,
    "GET /docs": EVERYBODY,
}


def described() -> set[str]:
    """The routes of the document."""
    return {
        f"{method.upper()} {path}"
        for path, item in Docs().document["paths"].items()
        for method in METHODS
        if method in item
    }


def filled(path: str) -> str:
    """The path with values for its variable parts."""
    return re.sub(r"\{\w+\}", "12345", path)


@pytest.fixture
def desk() -> Desk:
    return Desk(Settings(admin_token=Secret(ADMIN), rate_limit_api_key=0))


@pytest.fixture
def credentials(desk: Desk) -> dict[str, str | None]:
    roles = {role: desk.key(role=role) for role in ("events", "support", "admin")}
    return {"nobody": None, "user": desk.user(), "token": ADMIN, **roles}


def test_the_document_names_every_route_and_no_other() -> None:
    assert described() == set(WHO_MAY)


@pytest.mark.parametrize("route", WHO_MAY)
def test_only_those_enter_who_may(
    desk: Desk, credentials: dict[str, str | None], route: str
) -> None:
    method, path = route.split()
    entered = {
        name
        for name, key in credentials.items()
        if desk.ask(method, filled(path), key=key).status not in (401, 403)
    }
    assert entered == WHO_MAY[route]


@pytest.mark.parametrize(
    "route", [route for route, who in WHO_MAY.items() if who in (SUPPORT, ADMINS, SOURCES)]
)
def test_where_nothing_is_configured_no_operator_enters(route: str) -> None:
    method, path = route.split()
    closed = Desk(Settings())
    for key in (None, "", "anything", "cal_anything", closed.user()):
        said = closed.ask(method, filled(path), key=key)
        assert said.status == 403
        assert "CALBELL_ADMIN_TOKEN" in said.message


def paths() -> Iterable[str]:
    return sorted({route.split()[1] for route in WHO_MAY})


@pytest.mark.parametrize("path", paths())
def test_a_method_that_a_path_does_not_have_is_404(
    desk: Desk, credentials: dict[str, str | None], path: str
) -> None:
    there_are = {route.split()[0] for route in WHO_MAY if route.split()[1] == path}
    if "GET" in there_are:
        there_are.add("HEAD")
    for method in EVERY_METHOD:
        if method not in there_are:
            for key in (None, credentials["user"], ADMIN):
                said = desk.ask(method, filled(path), key=key)
                assert said.status == 404
                assert said.message == f"Cannot {method} {filled(path)}"


def test_the_console_is_a_place_of_its_own(desk: Desk) -> None:
    for path in ("/console", "/console/"):
        said = desk.ask("GET", path)
        assert (said.status, said.headers["location"]) == (303, "/console/login")


@pytest.mark.parametrize(
    ("alias", "path"),
    [
        ("/api/v2/me", "/v2/me"),
        ("/v2/me/", "/v2/me"),
        ("/api/v2/me/", "/v2/me"),
        ("/v1/me/devices/", "/v1/me/devices"),
        ("/v1/users/", "/v1/users"),
        ("/healthz/", "/healthz"),
    ],
)
def test_aliases_lead_to_the_same(
    desk: Desk, credentials: dict[str, str | None], alias: str, path: str
) -> None:
    for key in credentials.values():
        assert desk.ask("GET", alias, key=key).status == desk.ask("GET", path, key=key).status


@pytest.mark.parametrize("path", ["/api/v1/users", "/api/webhooks/cal", "/v2me", "/V2/me"])
def test_there_are_no_other_aliases(desk: Desk, path: str) -> None:
    assert desk.ask("GET", path, key=ADMIN).status == 404
