"""The operator's pages: who is let in, what they show, and what they never show."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest
from msgspec import Struct
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message
from typing_extensions import override

from calbell.choices import app_of
from calbell.config import Settings
from calbell.console.live import Ending
from calbell.console.means import Means
from calbell.console.pages import Console
from calbell.console.sessions import MOST_SESSIONS
from calbell.domain.booking import Status
from calbell.domain.delivery import DeliveryState, Withdrawal
from calbell.domain.notification import NotificationState, Suppression
from calbell.domain.sightings import Sighting
from calbell.domain.subscription import Platform, Registration
from calbell.flows import words
from calbell.flows.grant import grant
from calbell.flows.receive import incoming_webhook
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import take_in_many
from calbell.flows.tally import Tally
from calbell.store import deliveries, events, migrate, receipts, subscriptions, users
from calbell.store.connection import StoreUnavailable
from calbell.store.database import Database, InlineDatabase, Unit, run_once
from calbell.store.deliveries import Completion
from calbell.store.events import EventState, Refusal
from calbell.store.receipts import SettledReceipt
from calbell.store.sqlite import SqliteConnection, SqliteEngine
from calbell.store.users import Profile
from tests.payloads import body, created, rescheduled

T = TypeVar("T")

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TOKEN = "operators-token-4711"
IPHONE = "ExponentPushToken[iphoneOfAda]"
ANDROID = "ExponentPushToken[androidOfAda]"
TICKET = "01900000-aaaa-bbbb-cccc-0123456789ab"
NEVER_SHOWN = (
    TOKEN,
    "ExponentPushToken",
    "phoneOfAda",
    "androidOfAda",
    "@example.com",
    "Ada Host",
    "Bob Guest",
    "0123456789ab",
)


NAMED_WHERE_ASKED = ("ExponentPushToken", "@example.com", "Ada Host", "Bob Guest")
NAMES_PEOPLE = ("/people", "/person", "/event/reveal")
"""Pages that say whom they are about, and tokens masked."""


class Time:
    """A clock that the tests set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Answer(Struct):
    """What a browser is given. `headers` are as they came, names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str:
        """The header's one value; empty without one."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def words(self) -> str:
        """What a reader sees."""
        lines = re.sub(r"</?(a|code|strong|time)\b[^>]*>", "", self.text)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", lines)).split())


class Browser:
    """Asks an ASGI application for pages, keeps cookies, and looks at what no page may show."""

    def __init__(self, app: ASGIApp, mounted_at: str = "/console", scheme: str = "http") -> None:
        self.app = app
        self.mounted_at = mounted_at
        self.scheme = scheme
        self.cookies: dict[str, str] = {}

    def get(self, path: str = "/", query: str = "") -> Answer:
        return self.ask("GET", path, query=query)

    def post(
        self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        own = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        return self.ask("POST", path, urlencode(form).encode(), headers=own | dict(headers or {}))

    def log_in(self, token: str = TOKEN) -> Answer:
        return self.post("/login", {"token": token})

    def ask(
        self,
        method: str,
        path: str,
        sent: bytes = b"",
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        may_name: bool = False,
    ) -> Answer:
        """`path` is below the place where the console is mounted."""
        all_headers = {"host": "push.example.org", **(headers or {})}
        if self.cookies:
            all_headers["cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "scheme": self.scheme,
            "path": self.mounted_at + path,
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in all_headers.items()],
        }
        answer = asyncio.run(_answer(self.app, scope, sent))
        for kept in SimpleCookie(answer.header("set-cookie")).values():
            self.cookies[kept.key] = kept.value
        for secret in NEVER_SHOWN:
            named = secret in NAMED_WHERE_ASKED and (may_name or path in NAMES_PEOPLE)
            assert named or secret not in answer.text
        return answer


async def _answer(app: ASGIApp, scope: dict[str, Any], sent: bytes) -> Answer:
    said = list[Message]()
    pieces = [sent[at : at + 4096] for at in range(0, len(sent), 4096)] or [b""]

    async def receive() -> Message:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    headers = [(name.decode(), value.decode()) for name, value in said[0]["headers"]]
    text = b"".join(message.get("body", b"") for message in said[1:]).decode()
    return Answer(said[0]["status"], headers, text)


class Tags(HTMLParser):
    """Every opening tag of a page with its attributes, and whether all were closed in order."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.all if name == tag]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SqliteConnection]:
    engine = SqliteEngine(str(tmp_path / "calbell.db"))
    migrate.bring_up_to_date(engine, NOON)
    connection = engine.connect()
    yield connection
    connection.close()


@pytest.fixture
def wakes() -> list[bool]:
    """How often somebody was told that there is something to send."""
    return []


@pytest.fixture
def ending() -> Ending:
    return Ending()


def mounted(console: Console, at: str = "/console") -> ASGIApp:
    return Starlette(routes=[Mount(at, console.app)])


def means_of(database: Database, time: Time, wakes: list[bool] | None = None) -> Means:
    return Means(
        database=database,
        clock=time,
        chance=Random(5),
        policy=Policy(),
        app=app_of(Settings()),
        wake=lambda: None if wakes is None else wakes.append(True),
        hears_all=True,
    )


@pytest.fixture
def console(connection: SqliteConnection, time: Time, wakes: list[bool], ending: Ending) -> Console:
    return Console(means_of(InlineDatabase(connection), time, wakes), TOKEN, ending)


@pytest.fixture
def stranger(console: Console) -> Browser:
    return Browser(mounted(console))


@pytest.fixture
def operator(console: Console) -> Browser:
    browser = Browser(mounted(console))
    assert browser.log_in().status == 303
    return browser


def take_in(connection: SqliteConnection, envelope: object, now: datetime = NOON) -> None:
    incoming = incoming_webhook(body(envelope), now)
    run_once(connection, take_in_many, [incoming], Policy(), now, Random(incoming.key))


@pytest.fixture
def booked(connection: SqliteConnection) -> None:
    """Ada has two phones, and Bob none; a booking of theirs came in."""
    for id_, name, address in ((7, "Ada Host", "ada"), (8, "Bob Guest", "bob")):
        profile = Profile(
            id=id_,
            name=name,
            username=None,
            time_zone="Europe/London",
            locale="en",
            time_format=12,
            source="test",
            addresses=(f"{address}@example.com",),
            created_at=NOON,
        )
        run_once(connection, users.save, profile, NOON)
    phones = [
        Registration(7, IPHONE, Platform.IOS, "one"),
        Registration(7, ANDROID, Platform.ANDROID, "two"),
    ]
    run_once(connection, subscriptions.register_many, phones, NOON)
    take_in(connection, created(uid="bk1"))


@pytest.fixture
def delivered(connection: SqliteConnection, booked: None) -> None:
    """Expo took the news for the iPhone and has a good receipt; the Android phone is gone."""
    at = NOON + timedelta(seconds=5)
    project = run_once(connection, deliveries.pick_project, at)
    assert project is not None
    due = run_once(connection, deliveries.due, project, at, 10)
    run_once(connection, deliveries.lease, [one.id for one in due], "w", at + timedelta(minutes=1))
    reports = [
        Completion(
            delivery_id=one.id,
            worker="w",
            attempt=1,
            asked_at=at,
            most_together=100,
            outcome="accepted",
            ticket_id=TICKET,
            receipt_due_at=at + timedelta(minutes=15),
            phone_id=one.phone_id,
            token=one.token,
        )
        if one.platform is Platform.IOS
        else Completion(
            delivery_id=one.id,
            worker="w",
            attempt=1,
            asked_at=at,
            most_together=100,
            outcome="phone_gone",
            code="DeviceNotRegistered",
            state=DeliveryState.UNREGISTERED,
            phone_id=one.phone_id,
            token=one.token,
            sighting=Sighting.GONE,
        )
        for one in due
    ]
    run_once(connection, deliveries.complete_many, reports, at)
    later = at + timedelta(minutes=15)
    (ticket,) = run_once(connection, receipts.claim, later, later + timedelta(minutes=1), 10)
    settled = SettledReceipt(ticket.attempt_id, ticket.delivery_id, "ok", DeliveryState.DELIVERED)
    run_once(connection, receipts.settle, [settled], later)


# Who is let in


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


def form_key(page: Answer) -> str:
    (key,) = {f["value"] for f in Tags(page.text).of("input") if f["name"] == "form_key"}
    assert key
    return key


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


# What is shown


def test_the_overview_of_an_empty_service_says_so(operator: Browser) -> None:
    said = operator.get().words
    assert "Due now 0 nothing waits" in said
    assert "Last event none yet" in said
    assert "there is no user, so that nobody can be told" in said
    assert "no event has ever come in" in said
    assert "Not counted yet: it is within a minute." in said
    assert "Last failures None." in said


def test_the_overview_shows_what_status_shows(
    operator: Browser, booked: None, time: Time, connection: SqliteConnection
) -> None:
    take_in(connection, {"triggerEvent": "BOOKING_CREATED", "payload": {"title": "Bob Guest"}})
    time.now += timedelta(minutes=4, seconds=12)
    asyncio.run(Tally(InlineDatabase(connection), time, time).turn())
    said = operator.get().words
    assert "As of 2026-11-20 12:04:12 UTC." in said
    assert "Due now 2 the oldest for 4 min 12 s" in said
    assert "2 deliveries are waiting, the oldest for 4 min 12 s" in said
    assert "Last event 4 min 12 s ago 2026-11-20 12:00:00 UTC" in said
    assert "Phones 2 0 gone, 2 new in the last 24 hours" in said
    assert "Users 2 Unreadable events 1" in said
    assert "1 event could not be understood; nobody was told" in said
    assert "2 under way" in said
    assert "1 not said: no phone, or not wanted" in said


def test_the_overview_names_the_last_failures_in_words(operator: Browser, delivered: None) -> None:
    said = operator.get().words
    assert "Phones 1 1 gone" in said
    assert (
        "2026-11-20 12:00:05 UTC: the phone is gone: the app is gone from the phone, "
        "or may not notify there (DeviceNotRegistered)"
    ) in said


def test_the_story_leads_from_the_event_to_the_receipt(operator: Browser, delivered: None) -> None:
    said = operator.get("/booking", "uid=+bk1+").words
    order = [
        "Booking bk1",
        "Status stands",
        "Starts 2026-11-24 10:00:00 UTC",
        "Booking created Came in 2026-11-20 12:00:00 UTC",
        "taken in. Event evt_",
        "User 7, organizer: Booking confirmed released: given to the user's phones.",
        "iOS phone",
        "delivered: handed to Apple or Google; nothing later can be known.",
        "Attempt 1, 2026-11-20 12:00:05 UTC: accepted by Expo. Ticket 01900000…, receipt: "
        "handed to Apple or Google (ok)",
        "Android phone",
        "unregistered: the phone is gone: the app is gone from the phone",
        "User 8, attendee: Booking confirmed suppressed: not said: the user has no phone",
    ]
    places = [said.index(words) for words in order]
    assert places == sorted(places)


def test_the_story_of_a_booking_that_was_moved_leads_to_the_new_one(
    operator: Browser, booked: None, connection: SqliteConnection, time: Time
) -> None:
    take_in(connection, rescheduled(uid="b k&2", old_uid="bk1"), NOON + timedelta(minutes=1))
    answer = operator.get("/booking", "uid=bk1")
    assert "A later change has made it pointless since." in answer.words
    assert "No attempt yet." in answer.words
    links = [str(a["href"]) for a in Tags(answer.text).of("a")]
    assert "/console/booking?uid=b%20k%262" in links
    said = operator.get("/booking", "uid=b%20k%262").words
    assert "Booking b k&2" in said
    assert "Booking rescheduled Came in" in said


def test_a_copy_of_an_event_is_told_as_one(
    operator: Browser, booked: None, connection: SqliteConnection
) -> None:
    take_in(connection, created(uid="bk1", unheardOf="a field that says nothing"))
    said = operator.get("/booking", "uid=bk1").words
    assert "told nothing new, so nobody is told again. Event evt_" in said
    assert "It is told to nobody." in said


def test_a_booking_that_nobody_heard_of_is_not_found(operator: Browser) -> None:
    answer = operator.get("/booking", "uid=bk9")
    assert answer.status == 404
    assert "Nothing was ever heard of a booking with this uid" in answer.words


def test_a_database_that_cannot_be_asked_is_said_in_words(
    connection: SqliteConnection, time: Time
) -> None:
    class Down(InlineDatabase):
        @override
        async def read(self, unit: Unit[..., T], *args: object, **kwargs: object) -> T:
            raise StoreUnavailable("it is locked")

    browser = Browser(mounted(Console(means_of(Down(connection), time), TOKEN)))
    browser.log_in()
    answer = browser.get()
    assert answer.status == 503
    assert "The database cannot be asked now." in answer.words


def test_every_state_and_reason_has_words() -> None:
    assert set(words.BOOKINGS) == set(Status)
    assert set(words.EVENTS) == set(EventState)
    assert set(words.NOTIFICATIONS) == set(NotificationState)
    assert set(words.DELIVERIES) == set(DeliveryState)
    assert set(words.PLATFORMS) == set(Platform)
    assert set(words.REASONS) >= {*Suppression, *Withdrawal}


def test_what_has_no_words_is_shown_as_it_is_called() -> None:
    assert words.explained("ProviderError:Shutdown") == (
        "Apple or Google refused it (ProviderError:Shutdown)"
    )
    assert words.explained("NewCode") == "code NewCode"
    assert words.said("some_new_state", words.DELIVERIES) == "some new state"
    assert [t.number for t in words.tallies({"a": "is a"}, {"b": 2})] == [0, 2]


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=1), "1 min 0 s"),
        (timedelta(hours=25, minutes=59), "1 d 1 h"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(time: timedelta, said: str) -> None:
    assert words.span(time) == said


def event_of(browser: Browser) -> str:
    """The id of the newest event, as the page of events leads to it."""
    links = [str(a["href"]) for a in Tags(browser.get("/events").text).of("a")]
    return next(link for link in links if "/event?id=" in link).partition("=")[2]


def test_what_would_be_sent_now_is_said_to_whom_it_is(
    operator: Browser, booked: None, wakes: list[bool], time: Time
) -> None:
    time.now += timedelta(minutes=1)
    page = operator.ask("GET", "/booking", query="uid=bk1&now=1", may_name=True)
    assert "User 7, organizer: Booking confirmed" in page.words
    assert "Bob Guest" in page.words
    assert "Nothing now: the user has no phone that could be rung." in page.words
    form = {"form_key": form_key(page), "uid": "bk1", "user": "7"}
    assert not wakes
    assert operator.post("/booking/again", form).header("location") == (
        "/console/booking?uid=bk1&sent=7"
    )
    assert wakes
    said = operator.get("/booking", "uid=bk1&sent=7").words
    assert "It is on its way to user 7 again" in said
    assert "What no event led to" in said


@pytest.mark.parametrize(
    ("uid", "user", "status", "words"),
    [
        ("bk1", "8", 409, "Nothing was sent: user 8 is not told now: the user has no phone"),
        ("bk1", "9", 409, "Nothing was sent: user 9 has no part in this booking."),
        ("bk9", "7", 409, "Nothing was sent: nothing was ever heard of this booking."),
        ("bk1", "x", 400, "This is no user."),
    ],
)
def test_what_cannot_be_sent_again_is_said_why(
    operator: Browser, booked: None, uid: str, user: str, status: int, words: str
) -> None:
    form = {"form_key": form_key(operator.get()), "uid": uid, "user": user}
    answer = operator.post("/booking/again", form)
    assert answer.status == status
    assert words in answer.words


def test_a_booking_that_is_over_is_not_told_again(
    operator: Browser, booked: None, time: Time
) -> None:
    form = {"form_key": form_key(operator.get()), "uid": "bk1", "user": "7"}
    time.now += timedelta(days=10)
    operator.log_in()
    form["form_key"] = form_key(operator.get())
    assert "it is no news any more" in operator.post("/booking/again", form).words


@pytest.mark.parametrize(
    "query", ["q=bk1", "q=7", "q=BOB@example.com", "q=ada%20host", "from=2026-11-24&to=2026-11-24"]
)
def test_a_booking_is_found_by_uid_person_or_time(
    operator: Browser, booked: None, query: str
) -> None:
    answer = operator.ask("GET", "/bookings", query=query, may_name=True)
    if answer.status == 303:
        assert answer.header("location") == "/console/booking?uid=bk1"
    else:
        links = [str(a["href"]) for a in Tags(answer.text).of("a")]
        assert "/console/booking?uid=bk1" in links


@pytest.mark.parametrize(
    "query",
    [
        "q=9",
        "q=zoe@example.org",
        "q=da@example.com",
        "q=%00",
        "q=%25",
        "from=2026-11-25&to=2026-11-26",
        "from=x",
    ],
)
def test_what_there_is_not_is_not_found(operator: Browser, booked: None, query: str) -> None:
    answer = operator.ask("GET", "/bookings", query=query, may_name=True)
    assert answer.status == 200
    assert ("bk1" in answer.text) == (query in ("from=x", "q=%00"))


def test_the_page_of_a_user_says_all_that_is_known_of_him(
    operator: Browser, delivered: None, connection: SqliteConnection
) -> None:
    made = run_once(connection, grant, 7, None, "phone", None, NOON, Random(1))
    answer = operator.get("/person", "id=7")
    said = answer.words
    assert "Addresses ada@example.com" in said
    assert "iOS well nothing was sent to this phone yet" in said
    assert "Android not well gone since 2026-11-20 12:00:05 UTC" in said
    assert "ExponentPushToken[iph…]" in said
    assert f"…{made.key[-4:]} phone good" in said
    assert made.key not in answer.text
    assert "Quiet hours none" in said
    assert "Booking confirmed, as organizer, booking bk1" in said
    assert operator.get("/person", "id=9").status == 404
    assert operator.get("/person", "id=x").header("location") == "/console/people"


def test_users_are_found_by_id_address_and_part_of_a_name(operator: Browser, booked: None) -> None:
    for query in ("q=7", "q=Ada@example.com", "q=da%20ho", "q=ada%40ex"):
        said = operator.get("/people", query).words
        assert "User 7 Ada Host 2 2" in said
        assert "Bob" not in said
    assert "Nobody was found." in operator.get("/people", "q=%25").words
    assert "User 8 Bob Guest 0 0" in operator.get("/people").words


def test_a_test_push_is_sent_and_its_result_is_shown(
    operator: Browser, booked: None, wakes: list[bool]
) -> None:
    form = {"form_key": form_key(operator.get()), "user": "7", "event": "BOOKING_CANCELLED"}
    path = operator.post("/person/test", form).header("location")
    assert wakes
    said = operator.get("/person", path.partition("?")[2]).words
    assert "What became of the test push iOS phone" in said
    assert operator.post("/person/test", form | {"event": "NONE"}).status == 400
    answer = operator.post("/person/test", form | {"user": "8"})
    assert answer.status == 409
    assert "no device is registered" in answer.words


def test_a_body_is_shown_whole_to_whoever_asks_on_purpose(operator: Browser, booked: None) -> None:
    page = operator.get("/event", f"id={event_of(operator)}")
    assert "BOOKING_CREATED" in page.words
    assert "•••" in page.words
    form = {"form_key": form_key(page), "id": event_of(operator)}
    assert "Bob Guest" in operator.post("/event/reveal", form).words
    assert operator.post("/event/reveal", {"id": event_of(operator)}).status == 403
    assert operator.get("/event/reveal").status == 405
    assert operator.get("/event", "id=%00").status == 404


def test_an_event_is_taken_in_again(
    operator: Browser, booked: None, connection: SqliteConnection, time: Time
) -> None:
    take_in(connection, {"triggerEvent": "BOOKING_CREATED", "payload": {"title": "Bob Guest"}})
    form = {"form_key": form_key(operator.get()), "id": event_of(operator)}
    path = operator.post("/event/replay", form).header("location")
    assert path.endswith("replayed=unreadable")
    assert "still cannot be understood" in operator.get("/event", path.partition("?")[2]).words
    time.now += timedelta(minutes=1)
    path = operator.post("/events/replay", form).header("location")
    assert path == "/console/events?show=unreadable&replayed=unreadable"


def test_what_was_refused_is_listed_with_its_reason(
    operator: Browser, connection: SqliteConnection
) -> None:
    run_once(connection, events.note_refusals, [Refusal("bad_signature", 17)], NOON)
    assert "no secret here makes its signature 17" in operator.get("/events").words
    assert "1 webhook was refused within a day" in operator.get().words


@pytest.mark.parametrize(
    "path", ["/booking/again", "/person/test", "/event/reveal", "/event/replay", "/events/replay"]
)
def test_nothing_is_done_for_a_form_of_another_page(
    stranger: Browser, operator: Browser, path: str, wakes: list[bool]
) -> None:
    assert operator.post(path, {"user": "7", "uid": "bk1"}).status == 403
    assert stranger.post(path, {"form_key": "x"}).header("location") == "/console/login"
    assert not wakes


def test_a_live_page_gets_what_changed_until_the_service_stops(
    console: Console, operator: Browser, ending: Ending, booked: None
) -> None:
    ending.begin()
    answer = operator.get("/live", "of=booking&uid=bk1")
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    assert answer.text.startswith('data: "')
    assert "What happened" in answer.text
    assert operator.get("/live", "of=nothing").status == 204


# How pages are made


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
