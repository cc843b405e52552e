"""From webhooks to what is told to whom, in one process: sequences as Cal.com sends them
(cal-webhooks.md section 6), late, twice and in the wrong order."""

from datetime import timedelta

import pytest

from calbell.config import Secret, Settings
from calbell.flows.release import release_due
from calbell.flows.surroundings import Policy
from calbell.store import bookings, deliveries, notifications
from tests import payloads
from tests.api.desk import APP_PUSH, GOOD, Desk
from tests.api.stories import (
    ADMIN,
    COHOST,
    GUEST,
    HOST,
    SECRET,
    booked,
    displayed,
    story,
    tell,
    told,
)
from tests.payloads import attendee, organizer


@pytest.fixture
def desk() -> Desk:
    at = Desk(Settings(webhook_secrets=(Secret(SECRET),), admin_token=Secret(ADMIN)))
    for id_ in (HOST, GUEST, COHOST):
        key = at.user(id_)
        said = at.ask("POST", APP_PUSH, GOOD | {"token": f"ExponentPushToken[{id_}]"}, key=key)
        assert said.status == 201
    return at


def both(kind: str) -> list[tuple[str, int, str]]:
    return [(kind, HOST, "organizer"), (kind, GUEST, "attendee")]


def test_paid_and_confirmed_are_two_pieces_of_news(desk: Desk) -> None:
    for make in (payloads.paid, payloads.created, payloads.paid, payloads.created):
        tell(desk, booked(desk, make))
    assert told(desk) == both("PAYMENT_RECEIVED") + both("BOOKING_CONFIRMED")


def test_paid_with_confirmation(desk: Desk) -> None:
    for make in (payloads.paid, payloads.requested, payloads.created):
        tell(desk, booked(desk, make))
    kinds = ["PAYMENT_RECEIVED", "BOOKING_REQUESTED", "BOOKING_CONFIRMED"]
    assert told(desk) == [one for kind in kinds for one in both(kind)]


def test_a_second_payment_is_told_too(desk: Desk) -> None:
    for payment_id in (1, 2, 1):
        tell(desk, booked(desk, payloads.paid, paymentId=payment_id))
    assert told(desk) == both("PAYMENT_RECEIVED") * 2


def test_a_recording_is_told_to_the_organizer_who_was_known_before(desk: Desk) -> None:
    tell(desk, booked(desk, payloads.created))
    desk.later(days=3)
    nobody = organizer(email="calendar@example.com", name="Ada")
    for make in (payloads.recording_ready, payloads.transcript_ready):
        for _ in range(2):
            again = booked(desk, make, organizer=nobody)
            tell(desk, again)
            desk.later(seconds=1)
    assert told(desk)[2:] == both("RECORDING_READY") + both("TRANSCRIPT_READY")
    states = [n["state"] for event in story(desk)["events"] for n in event["notifications"]]
    assert states == ["released"] * 6


def test_cohosts_are_named_in_many_ways_and_told_once(desk: Desk) -> None:
    team = payloads.team({"id": COHOST, "name": "Cyd", "email": "other@example.com"})
    tell(desk, booked(desk, payloads.created, team=team))
    guests = [attendee("user8@example.com", "Bea"), attendee("user9@example.com", "Cyd")]
    tell(desk, booked(desk, payloads.cancelled, attendees=guests, cancelledBy=None))
    expected = [
        (kind, user, role)
        for kind in ("BOOKING_CONFIRMED", "BOOKING_CANCELLED")
        for user, role in ((HOST, "organizer"), (COHOST, "host"), (GUEST, "attendee"))
    ]
    assert told(desk) == expected


def test_a_request_to_reschedule_keeps_the_organizer_whoever_pressed_the_button(
    desk: Desk,
) -> None:
    tell(desk, booked(desk, payloads.created))
    admin = organizer(id=COHOST, email="calendar@example.com", name="Admin")
    asked = booked(
        desk,
        payloads.cancelled,
        organizer=admin,
        requestReschedule=True,
        cancellationReason="Please reschedule. I am ill",
        cancelledBy=None,
    )
    tell(desk, asked)
    assert told(desk)[2:] == both("BOOKING_RESCHEDULE_REQUESTED")


def test_who_did_it_is_not_told(desk: Desk) -> None:
    tell(desk, booked(desk, payloads.created))
    tell(desk, booked(desk, payloads.cancelled, cancelledBy="USER8@example.com"))
    assert displayed(desk, "uid-1")[2:] == [
        ("BOOKING_CANCELLED", HOST, "released", None),
        ("BOOKING_CANCELLED", GUEST, "suppressed", "own_action"),
    ]


def test_nobody_is_told_of_a_booking_that_is_over(desk: Desk) -> None:
    start = desk.now - timedelta(hours=2)
    tell(desk, booked(desk, payloads.created, start=start, end=start + timedelta(hours=1)))
    states = {n["state"] for event in story(desk)["events"] for n in event["notifications"]}
    assert states == {"expired"}


def test_a_whole_story_with_two_events_swapped_and_one_doubled(desk: Desk) -> None:
    """Requested, confirmed, moved twice and cancelled; the moves are heard in the wrong order."""
    asked = booked(desk, payloads.requested)
    tell(desk, asked)
    desk.later(minutes=1)
    tell(desk, booked(desk, payloads.created))
    desk.later(minutes=1)
    start = desk.now + timedelta(days=3)
    moved = booked(
        desk,
        payloads.rescheduled,
        "uid-2",
        old_uid="uid-1",
        start=start,
        end=start + timedelta(minutes=30),
        rescheduledBy=None,
    )
    desk.later(minutes=1)
    start += timedelta(days=1)
    again = booked(
        desk,
        payloads.rescheduled,
        "uid-3",
        old_uid="uid-2",
        start=start,
        end=start + timedelta(minutes=30),
        rescheduledBy=None,
    )
    for envelope in (again, moved, again):
        tell(desk, envelope)
    desk.later(minutes=1)
    over = booked(
        desk,
        payloads.cancelled,
        "uid-3",
        start=start,
        end=start + timedelta(minutes=30),
        cancelledBy=None,
    )
    assert tell(desk, over)["recipients"] == 2
    assert told(desk, "uid-1") == both("BOOKING_REQUESTED") + both("BOOKING_CONFIRMED")
    assert told(desk, "uid-2") == []
    assert told(desk, "uid-3") == both("BOOKING_RESCHEDULED") + both("BOOKING_CANCELLED")
    assert story(desk, "uid-1")["replaced_by_uid"] == "uid-2"
    assert story(desk, "uid-2")["replaced_by_uid"] == "uid-3"
    assert story(desk, "uid-3")["status"] == "cancelled"
    superseded = [
        n["superseded"] for event in story(desk, "uid-3")["events"] for n in event["notifications"]
    ]
    assert superseded == [True, True, False, False]


def release(desk: Desk) -> int:
    return desk.run(release_due, Policy(), desk.now, desk.chance)


def counts(desk: Desk) -> list[int]:
    """How many each queued delivery is about, by the facts of its notification."""
    project = desk.run(deliveries.pick_project, desk.now)
    assert project is not None
    due = desk.run(deliveries.due, project, desk.now, 100)
    return [one.facts.count for one in due]


def test_a_series_that_comes_at_once_is_one_line_with_a_count(desk: Desk) -> None:
    for number in range(4):
        start = desk.now + timedelta(days=2 + 7 * number)
        tell(
            desk,
            booked(
                desk,
                payloads.created,
                f"uid-{number}",
                start=start,
                end=start + timedelta(minutes=30),
                recurringEvent={"freq": 2, "count": 4, "interval": 1},
            ),
        )
        desk.later(seconds=0.4)
    assert release(desk) == 0
    desk.later(seconds=0.5)
    assert release(desk) == 2
    assert counts(desk) == [4, 4]
    assert {state for _, _, state, _ in displayed(desk, "uid-0")} == {"released"}
    for number in (1, 2, 3):
        assert displayed(desk, f"uid-{number}") == [
            ("BOOKING_CONFIRMED", user, "suppressed", "told_together") for user in (HOST, GUEST)
        ]


def test_occurrences_more_than_two_seconds_apart_are_two_lines(desk: Desk) -> None:
    for number in range(2):
        tell(desk, booked(desk, payloads.created, f"uid-{number}", recurringEvent={"count": 2}))
        desk.later(seconds=2.1)
        assert release(desk) == 2
    assert counts(desk) == [1, 1, 1, 1]


def test_seats_of_one_booking_that_come_at_once_are_one_line_for_the_host(desk: Desk) -> None:
    for guest in ("user8@example.com", "user9@example.com", "stranger@example.net"):
        tell(
            desk,
            booked(desk, payloads.created, attendees=[attendee(guest)], seatsPerTimeSlot=10),
        )
        desk.later(seconds=0.1)
    desk.later(seconds=2)
    assert release(desk) == 3
    assert sorted(counts(desk)) == [1, 1, 3]


def test_a_seat_given_up_before_its_news_left_takes_that_news_along(desk: Desk) -> None:
    for guest in ("user8@example.com", "user9@example.com"):
        tell(
            desk,
            booked(desk, payloads.created, attendees=[attendee(guest)], seatsPerTimeSlot=10),
        )
    desk.later(seconds=0.5)
    given_up = booked(
        desk,
        payloads.cancelled,
        attendees=[attendee("user9@example.com")],
        seatsPerTimeSlot=10,
        cancelledBy=None,
    )
    tell(desk, given_up)
    states = {(kind, user): state for kind, user, state, _ in displayed(desk, "uid-1")}
    assert states["BOOKING_CONFIRMED", COHOST] == "superseded"
    assert states["BOOKING_CONFIRMED", GUEST] == "waiting"
    assert states["BOOKING_SEAT_CANCELLED", COHOST] == "waiting"


def test_a_cancellation_takes_along_all_that_waits_to_be_told_together(desk: Desk) -> None:
    tell(desk, booked(desk, payloads.created, recurringEvent={"count": 2}))
    tell(desk, booked(desk, payloads.cancelled, cancelledBy=None))
    assert displayed(desk, "uid-1") == [
        ("BOOKING_CONFIRMED", HOST, "superseded", None),
        ("BOOKING_CONFIRMED", GUEST, "superseded", None),
        ("BOOKING_CANCELLED", HOST, "released", None),
        ("BOOKING_CANCELLED", GUEST, "released", None),
    ]


def test_a_series_whose_first_occurrence_is_over_is_told_by_the_next(desk: Desk) -> None:
    for number, minutes in enumerate((10, 60 * 24)):
        start = desk.now + timedelta(minutes=minutes - 5)
        tell(
            desk,
            booked(
                desk,
                payloads.created,
                f"uid-{number}",
                start=start,
                end=start + timedelta(minutes=5),
                recurringEvent={"count": 2},
            ),
        )
    desk.later(minutes=15)
    release(desk)
    assert {state for _, _, state, _ in displayed(desk, "uid-0")} == {"expired"}
    assert {state for _, _, state, _ in displayed(desk, "uid-1")} == {"released"}


def test_what_is_told_together_to_nobody_is_said_so_of_each(desk: Desk) -> None:
    for user in (HOST, GUEST):
        gone = {"token": f"ExponentPushToken[{user}]"}
        assert desk.ask("DELETE", APP_PUSH, gone, key=desk.key(user)).status == 200
    for number in range(2):
        tell(desk, booked(desk, payloads.created, f"uid-{number}", recurringEvent={"count": 2}))
    desk.later(seconds=3)
    release(desk)
    for number in range(2):
        assert {one[2:] for one in displayed(desk, f"uid-{number}")} == {
            ("suppressed", "no_device")
        }


def test_a_single_booking_waits_for_nothing(desk: Desk) -> None:
    tell(desk, booked(desk, payloads.created))
    assert {state for _, _, state, _ in displayed(desk, "uid-1")} == {"released"}


def test_whoever_becomes_a_user_after_the_booking_is_reminded_of_it() -> None:
    chosen = Settings(
        webhook_secrets=(Secret(SECRET),),
        admin_token=Secret(ADMIN),
        default_reminder_minutes=(10, 60),
    )
    desk = Desk(chosen)
    desk.user(HOST)
    tell(desk, booked(desk, payloads.created))
    tell(desk, booked(desk, payloads.created, "uid-2", attendees=[attendee("x@example.com")]))
    body = {"id": GUEST, "emails": ["user8@example.com"]}
    assert desk.ask("POST", "/v1/users", body, key=ADMIN).status == 201
    assert desk.ask("POST", "/v1/users", body, key=ADMIN).status == 201
    waiting = desk.run(notifications.waiting_of, [1, 2])
    planned = [(one.planned.user_id, one.planned.role) for one in waiting[1]]
    assert sorted(planned) == [(HOST, "organizer")] * 2 + [(GUEST, "attendee")] * 2
    assert {one.planned.user_id for one in waiting[2]} == {HOST}


def test_a_user_who_gets_a_second_role_is_still_reminded_once() -> None:
    desk = Desk(
        Settings(
            webhook_secrets=(Secret(SECRET),),
            admin_token=Secret(ADMIN),
            default_reminder_minutes=(10,),
        )
    )
    desk.user(GUEST, addresses=("user8@example.com",))
    host = {"email": "calendar@example.com", "name": "Ada"}
    tell(desk, booked(desk, payloads.created, organizer=host))
    body = {"id": GUEST, "emails": ["user8@example.com", "calendar@example.com"]}
    assert desk.ask("POST", "/v1/users", body, key=ADMIN).status == 201
    waiting = desk.run(notifications.waiting_of, [1])
    assert [one.planned.user_id for one in waiting[1]] == [GUEST]


def test_an_organizer_is_found_by_his_id(desk: Desk) -> None:
    late = organizer(id=55, email="nobody-knows@example.com", name="Late")
    for uid, host in (("uid-1", late), ("uid-2", organizer(id=555, email="o@example.com"))):
        tell(desk, booked(desk, payloads.created, uid, organizer=host))
    found = desk.run(bookings.upcoming_of, 55, ["l_te@example.com"], desk.now)
    assert [kept.booking.uid for kept in found] == ["uid-1"]
    desk.later(days=3)
    assert desk.run(bookings.upcoming_of, 55, [], desk.now) == []
