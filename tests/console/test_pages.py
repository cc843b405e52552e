"""The operator's pages: what they show and do."""

import asyncio
from datetime import timedelta
from random import Random

import pytest
from typing_extensions import override

from calbell.console.live import Ending
from calbell.console.pages import Console
from calbell.domain.booking import Status
from calbell.domain.delivery import DeliveryState, Withdrawal
from calbell.domain.notification import NotificationState, Suppression
from calbell.domain.subscription import Platform
from calbell.flows import words
from calbell.flows.grant import grant
from calbell.flows.tally import Tally
from calbell.store import events
from calbell.store.connection import StoreUnavailable
from calbell.store.database import InlineDatabase, Unit, run_once
from calbell.store.events import EventState, Refusal
from calbell.store.sqlite import SqliteConnection
from tests.console.visit import (
    NOON,
    TOKEN,
    Browser,
    T,
    Tags,
    Time,
    event_of,
    form_key,
    means_of,
    mounted,
    take_in,
)
from tests.payloads import created, rescheduled


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
