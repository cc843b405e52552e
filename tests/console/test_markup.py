"""How the pages are made: what they run, ask for and allow, and whether they can be read aloud."""

from collections.abc import Callable
from typing import Any

import pytest

from calbell.console.pages import Console
from calbell.domain.subscription import Platform, Registration
from calbell.store import subscriptions, users
from calbell.store.connection import Connection
from calbell.store.database import run_once
from calbell.store.sqlite import SqliteConnection
from calbell.store.users import Profile
from tests import payloads
from tests.console.visit import NOON, Answer, Browser, Tags, event_of, mounted, take_in

PAGES: list[Callable[[Browser], Answer]] = [
    lambda browser: browser.get(),
    lambda browser: browser.get("/", "span=week"),
    lambda browser: browser.get("/bookings"),
    lambda browser: browser.get("/bookings", "q=7&from=2026-11-01&to=2026-12-01"),
    lambda browser: browser.get("/people"),
    lambda browser: browser.get("/person", "id=7"),
    lambda browser: browser.get("/events"),
    lambda browser: browser.get("/events", "show=unreadable"),
    lambda browser: browser.get("/event", f"id={event_of(browser)}"),
    lambda browser: browser.get("/booking", "uid=bk1"),
    lambda browser: browser.get("/booking", "uid=bk9"),
    lambda browser: browser.get("/nothing"),
    lambda browser: Browser(browser.app).get("/login"),
    lambda browser: Browser(browser.app).log_in("wrong"),
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_and_asks_nothing_but_the_console_itself(
    operator: Browser, delivered: None, page: Callable[[Browser], Answer]
) -> None:
    answer = page(operator)
    policy = answer.header("content-security-policy").split("; ")
    assert set(policy) == {
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    }
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("content-type") == "text/html; charset=utf-8"
    tags = Tags(answer.text)
    assert not {tag for tag, _ in tags.all} & {"style", "iframe", "img"}
    assert all(script.keys() == {"src", "defer"} for script in tags.of("script"))
    assert "<script>" not in answer.text
    for _, attributes in tags.all:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("href", "src", "action"):
            assert str(attributes.get(name, "/console/")).startswith(("/console/", "#"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_read_aloud(
    operator: Browser, delivered: None, page: Callable[[Browser], Answer]
) -> None:
    tags = Tags(page(operator).text)
    assert tags.of("html") == [{"lang": "en"}]
    assert len(tags.of("h1")) == len(tags.of("main")) == len(tags.of("title")) == 1
    assert all(cell.get("scope") for cell in tags.of("th"))
    labelled = {label["for"] for label in tags.of("label")}
    for field in tags.of("input") + tags.of("select"):
        assert field.get("type") == "hidden" or field["id"] in labelled
    ids = [attributes["id"] for _, attributes in tags.all if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_other_pages_than_the_login_tell_nobody_where_the_reader_comes_from(
    operator: Browser,
) -> None:
    assert operator.get().header("referrer-policy") == "no-referrer"


def test_the_style_is_for_light_and_dark_and_for_a_phone(stranger: Browser) -> None:
    answer = stranger.get("/style.css")
    assert (answer.status, answer.header("content-type")) == (200, "text/css; charset=utf-8")
    assert "prefers-color-scheme: dark" in answer.text
    assert "max-width: 36rem" in answer.text
    assert "://" not in answer.text


@pytest.mark.parametrize("at", ["/console", "/ops/push console", ""])
def test_the_console_works_wherever_it_is_mounted(console: Console, booked: None, at: str) -> None:
    browser = Browser(mounted(console, at), mounted_at=at)
    linked = at.replace(" ", "%20")
    assert browser.get().header("location") == f"{linked}/login"
    entered = browser.log_in()
    assert entered.header("location") == f"{linked}/"
    assert f"Path={linked or '/'};" in entered.header("set-cookie")
    assert browser.get("/login/").header("location") == f"{linked}/"
    tags = Tags(browser.get("/booking/", "uid=bk1").text)
    actions = [form["action"] for form in tags.of("form")]
    assert actions == [f"{linked}/logout", f"{linked}/bookings"]
    links = [link["href"] for link in tags.of("link")]
    assert links == [f"{linked}/icon.svg", f"{linked}/style.css"]
    assert [script["src"] for script in tags.of("script")] == [f"{linked}/live.js"]


@pytest.mark.parametrize("path", ["", "/", "//"])
def test_a_slash_at_the_end_changes_nothing(console: Console, path: str) -> None:
    async def below(scope: Any, receive: Any, send: Any) -> None:
        await console.app({**scope, "root_path": "/console"}, receive, send)

    browser = Browser(below)
    browser.log_in()
    assert browser.get(path).status == 200


def add_guests(connection: Connection) -> None:
    """Six hundred users with a phone each."""
    for number in range(600):
        guest = Profile(
            id=1000 + number,
            name="Guest",
            username=None,
            time_zone="UTC",
            locale="en",
            time_format=24,
            source="test",
            addresses=(f"guest{number}@example.org",),
            created_at=NOON,
        )
        users.save(connection, guest, NOON)
        phone = Registration(guest.id, f"ExponentPushToken[g{number}]", Platform.IOS, "one")
        subscriptions.register_many(connection, [phone], NOON)


def test_a_page_about_very_many_people_and_events_stays_small(
    operator: Browser, booked: None, connection: SqliteConnection
) -> None:
    run_once(connection, add_guests)
    guests = [payloads.attendee(f"guest{number}@example.org") for number in range(600)]
    take_in(connection, payloads.created(uid="webinar", attendees=guests))
    for number in range(30):
        take_in(connection, payloads.created(uid="webinar", attendees=guests, unheardOf=number))
    page = operator.ask("GET", "/booking", query="uid=webinar&now=1", may_name=True)
    assert page.status == 200
    assert len(page.text.encode()) < 100_000
    assert "more users are not shown" in page.words
    assert "30 events are not shown: they told nobody, or came earlier" in page.words
    assert "553 more users are not shown" in page.words
    assert len(operator.get("/events").text.encode()) < 100_000
    assert len(operator.get("/people").text.encode()) < 100_000
