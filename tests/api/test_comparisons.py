"""Secrets are compared in constant time, wherever one is asked for."""

import hmac
from collections.abc import Callable
from datetime import timedelta

import pytest

from calbell.calcom.signature import sign
from calbell.config import Secret, Settings
from calbell.store import sources
from calbell.store.connection import Connection
from tests.api.desk import APP_PUSH, BOTH, GOOD, NOON, Desk, Said, SilentCalcom

ADMIN = "the-operators-own-token"
GUESS = "the-operators-own-tokem"
SECRET = "a-webhook-secret"
FORM = {"content-type": "application/x-www-form-urlencoded"}

Ask = Callable[[Desk], Said]


def signed(path: str) -> Ask:
    """A webhook with a signature of the right form."""
    headers = {"x-cal-signature-256": sign(b"{}", GUESS)}
    return lambda desk: desk.ask("POST", path, b"{}", headers=headers)


def logged_in(desk: Desk) -> str:
    entered = desk.ask("POST", "/console/login", f"token={ADMIN}".encode(), headers=FORM)
    return entered.headers["set-cookie"].partition(";")[0]


def form(desk: Desk) -> Said:
    headers = {**FORM, "cookie": logged_in(desk)}
    return desk.ask("POST", "/console/logout", f"form_key={GUESS}".encode(), headers=headers)


DOORS: dict[str, Ask] = {
    "operators": lambda desk: desk.ask("GET", "/v1/users", key=GUESS),
    "metrics": lambda desk: desk.ask("GET", "/metrics", key=GUESS),
    "events": lambda desk: desk.ask("POST", "/v1/events", {}, key=GUESS),
    "users": lambda desk: desk.ask("POST", APP_PUSH, GOOD, key=GUESS),
    "login": lambda desk: desk.ask(
        "POST", "/console/login", f"token={GUESS}".encode(), headers=FORM
    ),
    "forms": form,
    "webhooks": signed("/webhooks/cal"),
    "a source's webhooks": signed("/webhooks/cal/known"),
    "an unknown source's webhooks": signed("/webhooks/cal/unknown"),
}


def with_source(connection: Connection) -> None:
    source = sources.create(connection, path="known", secret="one", scope="user")
    sources.rotate(connection, source, "two", NOON + timedelta(days=1))


@pytest.fixture
def desk() -> Desk:
    chosen = Settings(
        admin_token=Secret(ADMIN), webhook_secrets=(Secret(SECRET), Secret("another")), auth=BOTH
    )
    desk = Desk(chosen, SilentCalcom())
    desk.run(with_source)
    return desk


@pytest.mark.parametrize("door", DOORS)
def test_a_guess_is_compared_in_constant_time(
    desk: Desk, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def noted(one: str | bytes, other: str | bytes) -> bool:
        compared.extend(each.encode() if isinstance(each, str) else each for each in (one, other))
        return compare(*(each.encode() if isinstance(each, str) else each for each in (one, other)))

    monkeypatch.setattr(hmac, "compare_digest", noted)
    said = DOORS[door](desk)
    assert said.status in (401, 403, 503)
    guess = sign(b"{}", GUESS) if "webhooks" in door else GUESS
    assert guess.encode() in compared


@pytest.mark.parametrize(("path", "secrets"), [("/webhooks/cal", 2), ("/webhooks/cal/known", 2)])
@pytest.mark.parametrize("matching", [0, 1, None])
def test_every_secret_of_a_webhook_is_compared_whichever_matches(
    desk: Desk, path: str, secrets: int, matching: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    compare = hmac.compare_digest

    def noted(one: str, other: str) -> bool:
        compared.append(one)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    known = ("two", "one") if path.endswith("known") else (SECRET, "another")
    secret = GUESS if matching is None else known[matching]
    said = desk.ask("POST", path, b"{}", headers={"x-cal-signature-256": sign(b"{}", secret)})
    assert said.status == (401 if matching is None else 200)
    assert len(compared) == secrets
