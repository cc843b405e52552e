"""What users switch on and off, and what they are told then."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from calbell.choices import app_of, pace_of, policy_of
from calbell.config import Privacy, Secret, Settings
from calbell.flows.claim import claim
from calbell.flows.compose import compose
from tests import payloads
from tests.api.home import Home
from tests.api.stories import ADMIN, GUEST, HOST, SECRET, booked, displayed, tell


@pytest.fixture
def home() -> Home:
    return Home()


def news(home: Home, uid: str = "uid-1") -> list[tuple[str, int, str, str | None]]:
    return [one for one in displayed(home, uid) if one[0] != "BOOKING_REMINDER"]


OFF: list[Callable[[Home], None]] = [
    lambda home: home.choose(HOST, enabled=False),
    lambda home: home.choose(HOST, events={"BOOKING_CONFIRMED": False}),
]


@pytest.mark.parametrize("switch_off", OFF)
def test_what_is_switched_off_is_not_told_and_the_story_says_so(
    home: Home, switch_off: Callable[[Home], None]
) -> None:
    switch_off(home)
    assert tell(home, booked(home, payloads.created))["recipients"] == 1
    assert news(home) == [
        ("BOOKING_CONFIRMED", GUEST, "released", None),
        ("BOOKING_CONFIRMED", HOST, "suppressed", "switched_off"),
    ]


def test_another_event_is_told_all_the_same(home: Home) -> None:
    home.choose(HOST, events={"BOOKING_CONFIRMED": False})
    tell(home, booked(home, payloads.created))
    tell(home, booked(home, payloads.cancelled, cancelledBy=None))
    assert news(home)[2:] == [
        ("BOOKING_CANCELLED", HOST, "released", None),
        ("BOOKING_CANCELLED", GUEST, "released", None),
    ]


@pytest.mark.parametrize("switch_off", OFF)
def test_what_waits_is_judged_again_at_its_time(
    home: Home, switch_off: Callable[[Home], None]
) -> None:
    tell(home, booked(home, payloads.created, recurringEvent={"count": 2}))
    switch_off(home)
    home.later(seconds=3)
    home.release()
    assert news(home) == [
        ("BOOKING_CONFIRMED", HOST, "suppressed", "switched_off"),
        ("BOOKING_CONFIRMED", GUEST, "released", None),
    ]


@pytest.mark.parametrize("switch_off", OFF)
def test_whoever_switches_off_before_it_was_sent_is_not_told(
    home: Home, switch_off: Callable[[Home], None]
) -> None:
    tell(home, booked(home, payloads.created))
    switch_off(home)
    assert [one.to for one in home.sent()] == ["ExponentPushToken[8]"]


def test_reminders_that_are_switched_off_are_not_told_and_on_again_they_are(home: Home) -> None:
    tell(home, booked(home, payloads.created))
    home.choose(HOST, events={"BOOKING_REMINDER": False})
    home.choose(GUEST, enabled=False)
    home.choose(GUEST, enabled=True)
    home.later(days=2, minutes=-10)
    home.release()
    assert [one for one in displayed(home, "uid-1") if one[0] == "BOOKING_REMINDER"] == [
        ("BOOKING_REMINDER", HOST, "suppressed", "switched_off"),
        ("BOOKING_REMINDER", GUEST, "released", None),
    ]


def test_whoever_did_it_is_told_if_he_wishes(home: Home) -> None:
    tell(home, booked(home, payloads.created))
    tell(home, booked(home, payloads.created, "uid-2"))
    by_guest: dict[str, Any] = {"cancelledBy": "USER8@example.com"}
    assert tell(home, booked(home, payloads.cancelled, **by_guest))["recipients"] == 1
    assert news(home)[2:] == [
        ("BOOKING_CANCELLED", HOST, "released", None),
        ("BOOKING_CANCELLED", GUEST, "suppressed", "own_action"),
    ]
    home.choose(GUEST, ownActions=True)
    assert tell(home, booked(home, payloads.cancelled, "uid-2", **by_guest))["recipients"] == 2
    assert news(home, "uid-2")[3] == ("BOOKING_CANCELLED", GUEST, "released", None)


def before(home: Home, *minutes: int) -> set[datetime]:
    start = home.now + timedelta(days=2)
    return {start - timedelta(minutes=one) for one in minutes}


def test_reminders_follow_the_users_own_list(home: Home) -> None:
    home.choose(HOST, reminders=[5, 60])
    tell(home, booked(home, payloads.created))
    assert home.reminders() == before(home, 5, 60)


def test_a_list_that_is_changed_moves_adds_and_withdraws_what_waits(home: Home) -> None:
    tell(home, booked(home, payloads.created))
    for minutes in ([10, 30], [30], [], [10], [10, 30], None):
        home.choose(HOST, reminders=minutes)
        wanted = (10,) if minutes is None else minutes
        assert home.reminders() == before(home, *wanted)
    told = [one for one in displayed(home, "uid-1") if one[0] == "BOOKING_REMINDER"]
    assert told == [
        ("BOOKING_REMINDER", GUEST, "waiting", None),
        ("BOOKING_REMINDER", HOST, "waiting", None),
        ("BOOKING_REMINDER", HOST, "suppressed", "switched_off"),
    ]


def test_a_reminder_whose_time_has_passed_is_not_begun_by_a_longer_list(home: Home) -> None:
    start = home.now + timedelta(minutes=30)
    tell(home, booked(home, payloads.created, start=start, end=start + timedelta(minutes=30)))
    home.choose(HOST, reminders=[60, 10, 5])
    due = [start - timedelta(minutes=10), start - timedelta(minutes=5)]
    assert sorted(home.reminders()) == due


def test_a_list_is_followed_where_the_booking_moves(home: Home) -> None:
    tell(home, booked(home, payloads.created, seatsPerTimeSlot=5))
    home.choose(HOST, reminders=[20])
    start = home.now + timedelta(days=3)
    home.later(seconds=1)
    moved: dict[str, Any] = {
        "start": start,
        "end": start + timedelta(minutes=30),
        "seatsPerTimeSlot": 5,
    }
    tell(home, booked(home, payloads.rescheduled, old_uid="uid-1", rescheduledBy=None, **moved))
    assert home.reminders() == {start - timedelta(minutes=20)}


def test_whoever_becomes_a_user_gets_the_reminders_that_he_chose(home: Home) -> None:
    quiet = Home(Settings(webhook_secrets=(Secret(SECRET),), admin_token=Secret(ADMIN)))
    quiet.choose(HOST, reminders=[15])
    host = {"email": "late@example.com", "name": "Ada"}
    tell(quiet, booked(quiet, payloads.created, organizer=host))
    assert not quiet.reminders()
    body = {"id": HOST, "emails": ["user7@example.com", "late@example.com"]}
    assert quiet.ask("POST", "/v1/users", body, key=ADMIN).status == 201
    assert quiet.reminders() == before(quiet, 15)


def test_words_are_as_private_as_the_user_wishes(home: Home) -> None:
    home.choose(HOST, privacy="minimal")
    home.choose(GUEST, privacy="no_names")
    tell(home, booked(home, payloads.created))
    bodies = {one.to: one.body for one in home.sent()}
    assert bodies["ExponentPushToken[7]"] == "You have a new booking"
    assert "Coaching" in bodies["ExponentPushToken[8]"]
    assert "Ada" not in bodies["ExponentPushToken[8]"]


def test_the_operators_privacy_is_the_least_also_for_who_chose_before() -> None:
    home = Home()
    home.choose(HOST, privacy="no_names")
    tell(home, booked(home, payloads.created))
    stricter = app_of(Settings(privacy=Privacy.MINIMAL))
    policy, pace = policy_of(home.settings), pace_of(home.settings)
    claimed = home.run(claim, policy, pace, "worker", 6, home.now)
    assert claimed is not None
    (request,) = claimed.requests
    said = {compose(one, stricter, home.now).message.body for one in request}
    assert said == {"You have a new booking"}


def test_a_test_push_comes_whatever_is_switched_off(home: Home) -> None:
    home.choose(HOST, enabled=False, privacy="minimal")
    said = home.ask("POST", "/v1/me/devices/test", key=home.keys[HOST])
    assert said.status == 202
    (device,) = said.json()["data"]["devices"]
    (message,) = home.sent()
    assert message.body == device["body"] == "You have a new booking"
