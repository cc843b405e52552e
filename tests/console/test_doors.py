"""The operator's pages: who is let in, and what may come in."""

import asyncio
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from starlette.types import Message

from calbell.console.pages import Console
from calbell.console.sessions import MOST_SESSIONS
from calbell.store.database import InlineDatabase
from calbell.store.sqlite import SqliteConnection
from tests.console.visit import (
    TOKEN,
    Browser,
    Tags,
    Time,
    form_key,
    means_of,
    mounted,
)


@pytest.mark.parametrize("path", ["/", "/booking", "/login", "/logout", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_the_console_says_how_to_open_it_and_nothing_else(
    connection: SqliteConnection, time: Time, token: str | None, method: str, path: str
) -> None:
    console = Console(means_of(InlineDatabase(connection), time), token)
    answer = Browser(mounted(console)).ask(method, path, b"token=")
    assert answer.status == 403
    assert "The console is closed" in answer.words
    assert "CALBELL_ADMIN_TOKEN" in answer.words
    assert "<form" not in answer.text


@pytest.mark.parametrize("path", ["/", "/booking"])
def test_whoever_is_not_logged_in_is_asked_for_the_token(
    stranger: Browser, booked: None, path: str
) -> None:
    answer = stranger.get(path, "uid=bk1")
    assert (answer.status, answer.header("location")) == (303, "/console/login")
    assert answer.text == ""
    login = stranger.get("/login")
    assert login.status == 200
    kinds = {field["name"]: field.get("type") for field in Tags(login.text).of("input")}
    # The name is for password managers alone: whatever it says is not looked at.
    assert kinds == {"user": None, "token": "password"}


def test_the_token_opens_a_session_in_a_cookie_that_only_the_console_is_sent(
    stranger: Browser,
) -> None:
    answer = stranger.log_in()
    assert (answer.status, answer.header("location")) == (303, "/console/")
    name, *attributes = answer.header("set-cookie").split("; ")
    assert re.fullmatch(r"calbell_console=[0-9a-f]{32}", name)
    assert set(attributes) == {"HttpOnly", "SameSite=strict", "Path=/console", "Max-Age=43200"}
    assert stranger.get().status == 200


def test_by_https_the_cookie_is_sent_by_https_only(console: Console) -> None:
    browser = Browser(mounted(console), scheme="https")
    assert "Secure" in browser.log_in().header("set-cookie").split("; ")


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + " ", TOKEN[:-1], "\N{SNOWMAN}"])
def test_a_wrong_token_opens_nothing(stranger: Browser, token: str) -> None:
    answer = stranger.log_in(token)
    assert answer.status == 403
    assert "This is not the operator's token." in answer.words
    assert answer.header("set-cookie") == ""
    assert stranger.get().status == 303


def test_after_five_wrong_tries_no_token_is_looked_at_for_the_rest_of_the_minute(
    console: Console, time: Time
) -> None:
    for _ in range(5):
        assert Browser(mounted(console)).log_in("wrong").status == 403
        time.now += timedelta(seconds=5)
    answer = Browser(mounted(console)).log_in()
    assert (answer.status, answer.header("retry-after")) == (429, "35")
    assert "Try again in 35 s." in answer.words
    time.now += timedelta(seconds=34.9)
    assert Browser(mounted(console)).log_in().status == 429
    time.now += timedelta(seconds=0.1)
    assert Browser(mounted(console)).log_in().status == 303


def test_too_many_wrong_tries_do_not_disturb_who_is_in(
    console: Console, operator: Browser, stranger: Browser
) -> None:
    for _ in range(6):
        answer = stranger.log_in("wrong")
    assert answer.status == 429
    assert operator.get().status == 200


def test_a_clock_that_is_set_back_does_not_lock_the_door(stranger: Browser, time: Time) -> None:
    for _ in range(5):
        stranger.log_in("wrong")
    time.now -= timedelta(days=1)
    assert stranger.log_in().status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "", "origin": "http://push.example.org"},
    ],
)
def test_another_site_cannot_log_its_visitors_in(
    stranger: Browser, headers: dict[str, str]
) -> None:
    assert stranger.post("/login", {"token": TOKEN}, headers).status == 403
    assert stranger.get().status == 303


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://push.example.org", 303),
        ("https://push.example.org", 303),
        ("http://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
        ("", 403),
    ],
)
def test_a_browser_that_names_only_the_origin_must_name_ours(
    stranger: Browser, origin: str, status: int
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": origin}
    answer = stranger.ask("POST", "/login", f"token={TOKEN}".encode(), headers=headers)
    assert answer.status == status


def test_the_login_page_lets_the_browser_name_its_origin(stranger: Browser) -> None:
    assert stranger.get("/login").header("referrer-policy") == "same-origin"
    assert stranger.log_in("wrong").header("referrer-policy") == "same-origin"


def test_a_session_ends_after_twelve_hours(operator: Browser, time: Time) -> None:
    time.now += timedelta(hours=12) - timedelta(seconds=1)
    assert operator.get().status == 200
    time.now += timedelta(seconds=1)
    assert operator.get().status == 303


def test_the_oldest_session_ends_when_there_are_too_many(
    console: Console, operator: Browser
) -> None:
    for _ in range(MOST_SESSIONS - 1):
        newest = Browser(mounted(console))
        newest.log_in()
    assert operator.get().status == 200
    Browser(mounted(console)).log_in()
    assert operator.get().status == 303
    assert newest.get().status == 200


def test_logging_in_again_ends_the_session_before(console: Console, operator: Browser) -> None:
    former = Browser(mounted(console))
    former.cookies = dict(operator.cookies)
    operator.log_in()
    assert operator.get().status == 200
    assert former.get().status == 303


def test_logging_out_ends_the_session(console: Console, operator: Browser) -> None:
    thief = Browser(mounted(console))
    thief.cookies = dict(operator.cookies)
    answer = operator.post("/logout", {"form_key": form_key(operator.get())})
    assert (answer.status, answer.header("location")) == (303, "/console/login")
    assert "Max-Age=0" in answer.header("set-cookie").split("; ")
    assert thief.get().status == 303


def test_a_form_of_another_session_or_of_none_is_refused(
    console: Console, operator: Browser
) -> None:
    other = Browser(mounted(console))
    other.log_in()
    for form in ({}, {"form_key": ""}, {"form_key": "é"}, {"form_key": form_key(other.get())}):
        assert operator.post("/logout", form).status == 403
    assert operator.get("/logout").status == 405
    assert operator.get().status == 200


# What comes in


@pytest.mark.parametrize(
    ("sent", "media_type", "status"),
    [
        (b"token=" + b"x" * 16 * 1024, "application/x-www-form-urlencoded", 413),
        (b"&".join([b"a=b"] * 20), "application/x-www-form-urlencoded", 400),
        (b'{"token":"x"}', "application/json", 415),
        (b"token=x", "multipart/form-data; boundary=x", 415),
        (b"token=%ff%00%ed%a0%80\xff\x00&=&;%", "application/x-www-form-urlencoded", 403),
        (b"token=x", "Application/X-WWW-Form-URLencoded; charset=nonsense", 403),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(
    stranger: Browser, sent: bytes, media_type: str, status: int
) -> None:
    answer = stranger.ask("POST", "/login", sent, headers={"content-type": media_type})
    assert answer.status == status
    assert 'role="alert"' in answer.text


def test_a_browser_that_leaves_while_it_posts_does_no_harm(console: Console) -> None:
    async def ask() -> list[Message]:
        said = list[Message]()

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            said.append(message)

        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        scope = {"type": "http", "method": "POST", "path": "/login", "query_string": b""}
        await console.app({**scope, "headers": headers}, receive, send)
        return said

    assert asyncio.run(ask())[0]["status"] == 400


@pytest.mark.parametrize(
    "query", ["uid=%00", "uid=%ff%fe", "uid=%ed%a0%80", "uid=" + "x" * 5000, "uid=a%2F..%2Fb"]
)
def test_a_uid_that_cannot_be_is_not_found(operator: Browser, query: str) -> None:
    assert operator.get("/booking", query).status == 404


@pytest.mark.parametrize("query", ["", "uid=", "uid=%20", "other=1"])
def test_without_a_uid_the_way_leads_to_the_search(operator: Browser, query: str) -> None:
    assert operator.get("/booking", query).header("location") == "/console/bookings"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/x/y", 404), ("PUT", "/", 405)])
def test_what_there_is_not_is_said_in_words(
    operator: Browser, method: str, path: str, status: int
) -> None:
    answer = operator.ask(method, path)
    assert answer.status == status
    assert "That did not work" in answer.words


def test_markup_in_a_uid_stays_text(operator: Browser) -> None:
    answer = operator.get("/booking", urlencode({"uid": '"><script>alert(1)</script>'}))
    assert answer.status == 404
    assert "<script>" not in answer.text
