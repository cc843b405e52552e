"""Stories of nights: what waits for the morning, what does not, and what is never told."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from msgspec import structs

from calbell.choices import policy_of
from calbell.flows.explain import explain
from calbell.flows.welcome import keep_user
from calbell.store import deliveries, users
from calbell.store.database import run_once
from tests import payloads
from tests.api.desk import APP_PUSH, GOOD
from tests.api.home import SETTINGS, Home, berlin
from tests.api.stories import GUEST, HOST, booked, notifications_of, story, tell

NIGHT = {"from": "22:00", "to": "07:00"}
PHONE = "ExponentPushToken[7]"


@pytest.fixture
def home() -> Home:
    """The host sleeps from ten to seven."""
    home = Home()
    home.choose(HOST, quietHours=NIGHT, reminders=[])
    home.choose(GUEST, reminders=[])
    return home


def of_host(home: Home, uid: str = "uid-1") -> list[tuple[str, str, str | None]]:
    """Kind, state and reason of all that was to be said to the host."""
    return [
        (one["kind"], one["state"], one["reason"])
        for one in notifications_of(story(home, uid))
        if one["user_id"] == HOST
    ]


def due(home: Home, uid: str = "uid-1") -> datetime:
    """When the newest of that is due."""
    told = [one for one in notifications_of(story(home, uid)) if one["user_id"] == HOST]
    return datetime.fromisoformat(told[-1]["due_at"])


def at(start: str, **more: Any) -> dict[str, Any]:
    """A meeting of half an hour."""
    start_at = berlin(start)
    return {"start": start_at, "end": start_at + timedelta(minutes=30), **more}


def rung(home: Home) -> list[tuple[str, str]]:
    """What the host's phone is told now, after all that is due was released."""
    while home.release():
        pass
    return [(m.data.notification_event, m.title) for m in home.sent() if m.to == PHONE]


def why(home: Home) -> tuple[str, ...]:
    """What became of the newest thing that the host was to be told, in words."""
    since = home.now - timedelta(days=1)
    return run_once(home.connection, explain, HOST, None, since, home.now).notifications[-1][1]


def move_to(home: Home, place: str) -> None:
    """The first booking, which is the day after tomorrow, takes place there."""
    event = {
        "event": "BOOKING_LOCATION_CHANGED",
        "booking": {
            "uid": "uid-1",
            "title": "Coaching",
            "start": "2026-11-27T12:00:00+01:00",
            "end": "2026-11-27T12:30:00+01:00",
            "location": place,
            "organizer": {"id": HOST, "email": "user7@example.com"},
        },
    }
    assert home.ask("POST", "/v1/events", event, key=home.key(role="events")).status == 202


def test_booked_at_half_past_eleven_for_seven_is_told_at_once(home: Home) -> None:
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T07:00")))
    assert of_host(home) == [("BOOKING_CONFIRMED", "released", None)]
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]


def test_booked_at_half_past_eleven_for_noon_is_told_at_seven(home: Home) -> None:
    home.at("2026-11-25T23:30")
    assert tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))["recipients"] == 2
    assert of_host(home) == [("BOOKING_CONFIRMED", "waiting", "quiet_hours")]
    assert due(home) == berlin("2026-11-26T07:00")
    home.at("2026-11-26T06:59")
    assert rung(home) == []
    home.at("2026-11-26T07:00")
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]
    assert of_host(home) == [("BOOKING_CONFIRMED", "released", "quiet_hours")]


def test_the_story_says_until_when_it_was_held(home: Home) -> None:
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    held = "until 2026-11-26 06:00:00 UTC (held for the user's quiet hours)"
    assert why(home)[0] == f"waits {held}"
    home.at("2026-11-26T07:00")
    assert rung(home)
    assert why(home)[0] == f"waited {held}"


def test_nobody_else_waits_for_the_one_who_sleeps(home: Home) -> None:
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    assert [one.to for one in home.sent()] == ["ExponentPushToken[8]"]


def test_of_several_changes_in_one_night_only_the_newest_is_told(home: Home) -> None:
    home.at("2026-11-25T22:30")
    tell(home, booked(home, payloads.created, **at("2026-11-27T12:00")))
    for number, start in enumerate(("2026-11-27T13:00", "2026-11-27T14:00"), 2):
        home.later(minutes=10)
        moved = at(start, old_uid=f"uid-{number - 1}", rescheduledBy=None)
        tell(home, booked(home, payloads.rescheduled, f"uid-{number}", **moved))
    assert of_host(home) == [("BOOKING_CONFIRMED", "superseded", "quiet_hours")]
    assert of_host(home, "uid-2") == [("BOOKING_RESCHEDULED", "superseded", "quiet_hours")]
    home.at("2026-11-26T07:00")
    assert [kind for kind, _ in rung(home)] == ["BOOKING_RESCHEDULED"]
    assert of_host(home, "uid-3") == [("BOOKING_RESCHEDULED", "released", "quiet_hours")]


def test_what_was_booked_and_cancelled_in_one_night_never_was_for_the_host(home: Home) -> None:
    home.at("2026-11-25T23:00")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    home.at("2026-11-25T23:30")
    cancelled = booked(home, payloads.cancelled, cancelledBy=None, **at("2026-11-26T12:00"))
    assert tell(home, cancelled)["recipients"] == 1
    assert of_host(home) == [
        ("BOOKING_CONFIRMED", "superseded", "quiet_hours"),
        ("BOOKING_CANCELLED", "suppressed", "never_heard"),
    ]
    home.at("2026-11-26T07:00")
    assert rung(home) == []


def test_the_guest_who_booked_it_is_told_that_it_was_cancelled(home: Home) -> None:
    home.choose(GUEST, quietHours=NIGHT)
    home.at("2026-11-25T23:00")
    for make in (payloads.created, payloads.cancelled):
        more: dict[str, Any] = {"cancelledBy": None} if make is payloads.cancelled else {}
        tell(home, booked(home, make, **at("2026-11-26T12:00"), **more))
        home.later(minutes=10)
    home.at("2026-11-26T07:00")
    home.release()
    said = [(one.to, one.data.notification_event) for one in home.sent()]
    assert said == [("ExponentPushToken[8]", "BOOKING_CANCELLED")]


def test_a_cancellation_of_what_the_host_knows_is_told_in_the_morning(home: Home) -> None:
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    home.at("2026-11-25T23:00")
    tell(home, booked(home, payloads.cancelled, cancelledBy=None, **at("2026-11-26T12:00")))
    assert of_host(home)[1] == ("BOOKING_CANCELLED", "waiting", "quiet_hours")
    home.at("2026-11-26T07:00")
    assert "BOOKING_CANCELLED" in [kind for kind, _ in rung(home)]


def test_a_cancellation_of_what_was_asked_for_before_is_told(home: Home) -> None:
    """A move that needs a confirmation looks like a new request; the old booking is known."""
    home.at("2026-11-25T23:00")
    for make in (payloads.requested, payloads.created, payloads.cancelled):
        more: dict[str, Any] = {"cancelledBy": None} if make is payloads.cancelled else {}
        tell(home, booked(home, make, **at("2026-11-26T12:00"), **more))
        home.later(minutes=10)
    assert of_host(home)[-1] == ("BOOKING_CANCELLED", "waiting", "quiet_hours")


def test_a_cancellation_is_told_to_who_was_told_of_the_booking_in_another_way(home: Home) -> None:
    tell(home, booked(home, payloads.paid, **at("2026-11-26T12:00")))
    home.at("2026-11-25T23:00")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    home.later(minutes=10)
    tell(home, booked(home, payloads.cancelled, cancelledBy=None, **at("2026-11-26T12:00")))
    assert of_host(home) == [
        ("PAYMENT_RECEIVED", "released", None),
        ("BOOKING_CONFIRMED", "superseded", "quiet_hours"),
        ("BOOKING_CANCELLED", "waiting", "quiet_hours"),
    ]


def test_a_cancellation_of_what_took_the_place_of_another_booking_is_told(home: Home) -> None:
    home.at("2026-11-25T23:00")
    tell(home, booked(home, payloads.created, rescheduleUid="uid-0", **at("2026-11-26T12:00")))
    home.later(minutes=10)
    tell(home, booked(home, payloads.cancelled, cancelledBy=None, **at("2026-11-26T12:00")))
    assert of_host(home)[-1] == ("BOOKING_CANCELLED", "waiting", "quiet_hours")


def test_a_cancellation_of_what_was_moved_in_the_night_is_told(home: Home) -> None:
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    home.at("2026-11-25T23:00")
    moved = at("2026-11-26T13:00", old_uid="uid-1", rescheduledBy=None)
    tell(home, booked(home, payloads.rescheduled, "uid-2", **moved))
    home.later(minutes=10)
    over = at("2026-11-26T13:00", cancelledBy=None)
    tell(home, booked(home, payloads.cancelled, "uid-2", **over))
    assert of_host(home, "uid-2") == [
        ("BOOKING_RESCHEDULED", "superseded", "quiet_hours"),
        ("BOOKING_CANCELLED", "waiting", "quiet_hours"),
    ]


def test_a_cancellation_of_a_meeting_right_after_the_night_is_told_at_once(home: Home) -> None:
    tell(home, booked(home, payloads.created, **at("2026-11-26T07:10")))
    home.at("2026-11-25T23:00")
    home.sent()
    tell(home, booked(home, payloads.cancelled, cancelledBy=None, **at("2026-11-26T07:10")))
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CANCELLED"]


def test_a_reminder_in_the_night_waits_or_not(home: Home) -> None:
    home.choose(HOST, reminders=[60])
    for uid, start in (("uid-1", "2026-11-26T07:50"), ("uid-2", "2026-11-26T07:10")):
        tell(home, booked(home, payloads.created, uid, **at(start)))
    rung(home)
    home.at("2026-11-26T06:10")
    assert [kind for kind, _ in rung(home)] == ["BOOKING_REMINDER"]
    home.at("2026-11-26T06:50")
    assert rung(home) == []
    home.at("2026-11-26T07:00")
    assert [kind for kind, _ in rung(home)] == ["BOOKING_REMINDER"]


def test_reminders_move_when_quiet_hours_do(home: Home) -> None:
    home.choose(HOST, reminders=[60])
    tell(home, booked(home, payloads.created, **at("2026-11-26T07:50")))
    assert home.reminders() == {berlin("2026-11-26T07:00")}
    home.choose(HOST, quietHours=None)
    assert home.reminders() == {berlin("2026-11-26T06:50")}
    home.choose(HOST, quietHours={**NIGHT, "to": "06:55"})
    assert home.reminders() == {berlin("2026-11-26T06:55")}
    home.choose(HOST, quietHours=NIGHT)
    assert home.reminders() == {berlin("2026-11-26T07:00")}
    ended = [one for one in of_host(home) if one[1] == "suppressed"]
    assert {reason for *_, reason in ended} == {"planned_anew"}


def test_a_reminder_whose_own_time_has_passed_is_not_lost_with_the_quiet_hours(home: Home) -> None:
    home.choose(HOST, reminders=[60])
    tell(home, booked(home, payloads.created, **at("2026-11-26T07:50")))
    rung(home)
    home.at("2026-11-26T06:55")
    home.choose(HOST, quietHours=None)
    home.at("2026-11-26T07:00")
    assert [kind for kind, _ in rung(home)] == ["BOOKING_REMINDER"]


def test_whoever_ends_his_quiet_hours_is_told_what_waits(home: Home) -> None:
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    home.choose(HOST, quietHours={"weekdays": []})
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]


def test_whoever_switches_off_in_the_night_is_not_told_in_the_morning(home: Home) -> None:
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    home.choose(HOST, enabled=False)
    home.at("2026-11-26T07:00")
    assert rung(home) == []
    assert of_host(home) == [("BOOKING_CONFIRMED", "suppressed", "switched_off")]


def test_whoever_flies_away_sleeps_there(home: Home) -> None:
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T18:00")))
    profile = home.run(users.find, HOST)
    assert profile is not None
    moved = structs.replace(profile, time_zone="America/New_York")
    home.run(keep_user, moved, policy_of(SETTINGS).rules, home.now)
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]
    home.at("2026-11-26T08:00")
    tell(home, booked(home, payloads.created, "uid-2", **at("2026-11-26T18:00")))
    assert due(home, "uid-2") == berlin("2026-11-26T13:00")


def test_the_operators_quiet_hours_count_for_who_chose_none() -> None:
    home = Home(structs.replace(SETTINGS, default_quiet_hours=(time(22), time(7))))
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    assert of_host(home)[0] == ("BOOKING_CONFIRMED", "waiting", "quiet_hours")
    home.choose(HOST, quietHours={"weekdays": []})
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]


def test_a_series_that_is_booked_in_the_night_is_one_line_in_the_morning(home: Home) -> None:
    home.at("2026-11-25T23:30")
    for number in range(3):
        more = at(f"2026-11-{26 + number}T12:00", recurringEvent={"count": 3})
        tell(home, booked(home, payloads.created, f"uid-{number}", **more))
        home.later(seconds=0.3)
    home.later(seconds=2)
    assert rung(home) == []
    assert of_host(home, "uid-2") == [("BOOKING_CONFIRMED", "waiting", "quiet_hours")]
    home.at("2026-11-26T07:00")
    (said,) = rung(home)
    assert said[0] == "BOOKING_CONFIRMED"
    assert of_host(home, "uid-1") == [("BOOKING_CONFIRMED", "suppressed", "told_together")]


def test_seats_that_are_taken_in_one_night_are_one_line_in_the_morning(home: Home) -> None:
    home.at("2026-11-25T23:30")
    for guest in ("a@example.net", "b@example.net"):
        more = at("2026-11-26T12:00", seatsPerTimeSlot=5)
        person = payloads.attendee(guest)
        tell(home, booked(home, payloads.created, **more, attendees=[person]))
        home.later(hours=1)
        home.release()
    home.at("2026-11-26T07:00")
    assert len(rung(home)) == 1


def test_what_was_queued_before_the_night_does_not_ring_in_it(home: Home) -> None:
    home.at("2026-11-25T21:59")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    home.at("2026-11-25T22:30")
    assert rung(home) == []
    (told,) = (one for one in notifications_of(story(home)) if one["user_id"] == HOST)
    (delivery,) = told["deliveries"]
    assert (delivery["state"], delivery["reason"]) == ("queued", "quiet_hours")
    assert datetime.fromisoformat(delivery["due_at"]) == berlin("2026-11-26T07:00")
    home.at("2026-11-26T07:00")
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]


def test_what_was_queued_before_the_night_is_told_when_it_is_called_off(home: Home) -> None:
    home.at("2026-11-25T21:59")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    home.at("2026-11-25T22:30")
    assert rung(home) == []
    home.choose(HOST, quietHours=None)
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]


def test_an_iphone_that_is_passive_shows_it_at_once_without_a_sound_and_android_waits(
    home: Home,
) -> None:
    android = GOOD | {"token": "ExponentPushToken[a]", "platform": "ANDROID"}
    assert home.ask("POST", APP_PUSH, android, key=home.keys[HOST]).status == 201
    home.choose(HOST, quietHours={"passive": True})
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T12:00")))
    by_phone = {one.to: one for one in home.sent()}
    assert by_phone.keys() == {PHONE, "ExponentPushToken[8]"}
    said = by_phone[PHONE]
    assert (said.interruption_level, said.sound) == ("passive", None)
    assert by_phone["ExponentPushToken[8]"].interruption_level is None
    home.at("2026-11-26T07:00")
    (late,) = home.sent()
    assert (late.to, late.sound) == ("ExponentPushToken[a]", "default")


def test_what_cannot_wait_rings_on_a_passive_iphone_too(home: Home) -> None:
    home.choose(HOST, quietHours={"passive": True})
    home.at("2026-11-25T23:30")
    tell(home, booked(home, payloads.created, **at("2026-11-26T07:00")))
    (said,) = (one for one in home.sent() if one.to == PHONE)
    assert (said.interruption_level, said.sound) == (None, "default")


def test_a_test_push_rings_in_the_night(home: Home) -> None:
    home.at("2026-11-25T23:30")
    said = home.ask("POST", "/v1/me/devices/test", key=home.keys[HOST])
    assert said.status == 202
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]


def test_a_place_that_changes_twice_in_a_night_is_told_once(home: Home) -> None:
    tell(home, booked(home, payloads.created, **at("2026-11-27T12:00")))
    rung(home)
    home.at("2026-11-25T23:00")
    for place in ("Room 1", "Room 2"):
        move_to(home, place)
        home.later(minutes=5)
    home.at("2026-11-26T07:00")
    while home.release():
        pass
    (said,) = (one for one in home.sent() if one.to == PHONE)
    assert "Room 2" in said.body


def test_details_of_what_is_cancelled_meanwhile_are_not_told(home: Home) -> None:
    tell(home, booked(home, payloads.created, **at("2026-11-27T12:00")))
    rung(home)
    home.at("2026-11-25T23:00")
    move_to(home, "Room 2")
    home.later(minutes=5)
    tell(home, booked(home, payloads.cancelled, cancelledBy=None, **at("2026-11-27T12:00")))
    home.at("2026-11-26T07:00")
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CANCELLED"]


def test_the_clock_is_that_of_the_morning_after_it_was_changed() -> None:
    home = Home()
    home.choose(HOST, quietHours=NIGHT, reminders=[])
    home.at("2027-03-27T23:30")
    tell(home, booked(home, payloads.created, **at("2027-03-28T12:00")))
    assert due(home) == berlin("2027-03-28T07:00")
    home.at("2027-03-28T07:00")
    assert [kind for kind, _ in rung(home)] == ["BOOKING_CONFIRMED"]


def test_nothing_is_due_again_and_again_in_the_night(home: Home) -> None:
    home.at("2026-11-25T23:30")
    tell(
        home, booked(home, payloads.created, recurringEvent={"count": 2}, **at("2026-11-26T12:00"))
    )
    home.later(seconds=3)
    assert home.release() == 2
    assert home.release() == 0
    home.sent()
    assert home.run(deliveries.next_due_at) is None
