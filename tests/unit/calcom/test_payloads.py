"""Whom and what a payload names, and who is meant."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.payloads import (
    END,
    SENT_AT,
    START,
    attendee,
    body,
    cancelled,
    created,
    member,
    organizer,
    paid,
    recording_ready,
    rejected,
    requested,
    rescheduled,
    team,
)

from calbell.calcom.webhooks import Understood, read
from calbell.domain.events import BookingEvent, EventKind, TimeSpan
from calbell.domain.people import Person

ADA = Person("ada@example.com", "Ada Host", 7)
BOB = Person("bob@example.com", "Bob Guest")
CLEO = Person("cleo@example.com", "Cleo Cohost")


def event(envelope: dict[str, Any]) -> BookingEvent:
    reading = read(body(envelope), received_at=datetime(2026, 11, 20, 8, 16, tzinfo=UTC))
    assert isinstance(reading, Understood)
    assert reading.trigger == envelope["triggerEvent"]
    return reading.event


def test_a_booking_is_read_whole() -> None:
    assert event(created(uid="bk1")) == BookingEvent(
        kind=EventKind.CREATED,
        uid="bk1",
        sent_at=SENT_AT,
        title="30 min between Ada Host and Bob Guest",
        times=TimeSpan(START, END),
        place="https://app.cal.com/video/bk1",
        organizer=ADA,
        attendees=(BOB,),
    )


@pytest.mark.parametrize(
    ("envelope", "kind"),
    [
        (requested(), EventKind.REQUESTED),
        (created(), EventKind.CREATED),
        (rescheduled(), EventKind.RESCHEDULED),
        (cancelled(), EventKind.CANCELLED),
        (rejected(), EventKind.REJECTED),
    ],
)
def test_each_trigger_has_its_kind_and_its_form_of_times(
    envelope: dict[str, Any], kind: EventKind
) -> None:
    told = event(envelope)
    assert told.kind is kind
    assert told.times == TimeSpan(START, END)


def test_a_move_names_the_booking_it_replaces_who_moved_it_and_why() -> None:
    moved = event(rescheduled(uid="new", old_uid="old", rescheduledBy=" Bob@Example.com"))
    assert (moved.uid, moved.old_uid, moved.replaces) == ("new", "old", "old")
    assert moved.actor == "bob@example.com"
    assert moved.old_times == TimeSpan(
        datetime(2026, 11, 23, 9, 0, tzinfo=UTC), datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    )
    assert moved.reason is None


@pytest.mark.parametrize(
    "more",
    [
        {"rescheduleReason": " A train "},
        {"responses": {"rescheduleReason": {"label": "reason", "value": "A train"}}},
        {"rescheduleReason": 5, "responses": {"rescheduleReason": {"value": "A train"}}},
    ],
)
def test_a_move_gives_its_reason_in_one_of_two_places(more: dict[str, Any]) -> None:
    assert event(rescheduled(**more)).reason == "A train"


def test_a_booking_with_seats_that_is_moved_in_place_replaces_no_other() -> None:
    moved = event(rescheduled(uid="bk1", old_uid="bk1", seatsPerTimeSlot=5))
    assert moved.replaces is None
    assert moved.seats == 5


def test_a_move_that_needs_confirmation_comes_as_a_request() -> None:
    moved = event(requested(uid="new", rescheduleUid="old", rescheduledBy="bob@example.com"))
    assert (moved.kind, moved.replaces, moved.actor) == (
        EventKind.REQUESTED,
        "old",
        "bob@example.com",
    )


@pytest.mark.parametrize("odd", [None, "", " ", 5, "x" * 256])
def test_an_old_uid_that_is_none_is_not_said(odd: object) -> None:
    assert event(rescheduled(rescheduleUid=odd)).old_uid is None


def test_half_known_or_backward_old_times_are_not_said() -> None:
    assert event(rescheduled(rescheduleEndTime=None)).old_times is None
    assert event(rescheduled(old_start=END, old_end=START)).old_times is None


def test_a_booking_that_ends_replaces_no_other() -> None:
    for ended in (cancelled(rescheduleUid="old"), rejected(rescheduleUid="old")):
        assert event(ended).old_uid is None


def test_a_cancellation_names_who_and_why() -> None:
    ended = event(cancelled(cancelledBy="Bob@Example.com ", cancellationReason="  ill "))
    assert (ended.actor, ended.reason) == ("bob@example.com", "ill")
    assert not ended.asks_to_reschedule


def test_a_blank_reason_is_none() -> None:
    assert event(cancelled(cancellationReason=" ")).reason is None
    assert event(rejected(rejectionReason="")).reason is None


def test_a_rejection_names_why_and_nobody_who_did_it() -> None:
    declined = event(rejected(cancelledBy="ada@example.com", rescheduledBy="ada@example.com"))
    assert (declined.reason, declined.actor) == ("No time that day", None)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Please reschedule. I am ill", "I am ill"),
        ("Please reschedule. ", None),
        ("Please reschedule.", None),
        ("I am ill", "I am ill"),
        (None, None),
    ],
)
def test_a_request_to_reschedule_is_told_from_a_cancellation(
    said: str | None, reason: str | None
) -> None:
    asked = event(cancelled(requestReschedule=True, cancellationReason=said))
    assert asked.asks_to_reschedule
    assert asked.reason == reason


def test_a_plain_cancellation_keeps_its_words() -> None:
    said = "Please reschedule. I am ill"
    assert event(cancelled(cancellationReason=said)).reason == said


def test_a_request_to_reschedule_names_its_organizer_by_address_alone() -> None:
    """Id and name are those of whoever pressed the button."""
    pressed = organizer(id=99, name="Team Admin", email="Ada@example.com")
    asked = event(cancelled(requestReschedule=True, organizer=pressed))
    assert asked.organizer == Person("ada@example.com")


@pytest.mark.parametrize("odd", [None, "true", 1, False])
def test_only_true_asks_to_reschedule(odd: object) -> None:
    assert not event(cancelled(requestReschedule=odd)).asks_to_reschedule


def test_only_a_cancellation_asks_to_reschedule() -> None:
    asked = event(created(requestReschedule=True))
    assert not asked.asks_to_reschedule
    assert asked.organizer == ADA


@pytest.mark.parametrize("odd", [None, True, "7", 7.0, 0, -7, 10**30])
def test_an_organizer_whose_id_is_none_is_known_by_address(odd: object) -> None:
    said = event(created(organizer=organizer(id=odd))).organizer
    assert said == Person("ada@example.com", "Ada Host")


def test_an_organizer_without_an_address_is_known_by_id() -> None:
    said = event(created(organizer=organizer(email=None))).organizer
    assert said == Person("", "Ada Host", 7)


@pytest.mark.parametrize("odd", [None, [], "ada@example.com", {}, {"name": "Ada"}, {"email": " "}])
def test_an_organizer_who_is_nobody_is_not_said(odd: Any) -> None:
    assert (
        event(created() | {"payload": created()["payload"] | {"organizer": odd}}).organizer is None
    )


def test_hosts_beside_the_organizer_are_users_while_the_booking_goes_on() -> None:
    for build in (requested, created, rescheduled):
        told = event(build(team=team(member(id=8), member("dan@example.com", "Dan", id=9))))
        assert told.hosts == (
            Person("cleo@example.com", "Cleo Cohost", 8),
            Person("dan@example.com", "Dan", 9),
        )


def test_hosts_of_a_booking_that_ends_are_known_by_address() -> None:
    for build in (cancelled, rejected):
        assert event(build(team=team(member(id=8)))).hosts == (CLEO,)


def test_the_organizer_is_no_host() -> None:
    both = team(member("ADA@example.com", "Ada"), member())
    assert event(cancelled(team=both)).hosts == (CLEO,)
    both = team(member("ada.other@example.com", "Ada", id=7), member(id=8))
    assert event(created(team=both)).hosts == (Person("cleo@example.com", "Cleo Cohost", 8),)


def test_a_host_with_the_organizers_address_and_another_id_is_another_user() -> None:
    shared = team(member("ada@example.com", "Bea", id=8))
    assert event(created(team=shared)).hosts == (Person("ada@example.com", "Bea", 8),)


@pytest.mark.parametrize("odd", [None, "x", {}, team(), {"members": None}, {"members": ["x", 1]}])
def test_no_host_named_is_nothing_said(odd: object) -> None:
    assert event(created(team=odd)).hosts is None


def test_an_attendees_id_is_never_a_users() -> None:
    people = [attendee(id=7), attendee("Eve@Example.com", "Eve", id=8)]
    assert event(created(attendees=people)).attendees == (BOB, Person("eve@example.com", "Eve"))


def test_attendees_keep_their_order_and_come_once() -> None:
    people = [attendee("z@example.com", "Z"), attendee(), attendee("Z@example.com", "Zed")]
    assert event(created(attendees=people)).attendees == (Person("z@example.com", "Z"), BOB)


def test_an_attendee_without_an_address_is_dropped() -> None:
    nobody = attendee()
    del nobody["email"]
    people = [nobody, {"email": None}, attendee(), {"email": "x@example.com", "name": 5}]
    assert event(created(attendees=people)).attendees == (BOB, Person("x@example.com"))


@pytest.mark.parametrize("odd", [None, "bob@example.com", {}, [], [None, 1], [{"name": "Bob"}]])
def test_no_attendee_named_is_nothing_said(odd: Any) -> None:
    said = created()
    said["payload"]["attendees"] = odd
    assert event(said).attendees is None


@pytest.mark.parametrize("odd", [None, 0, -1, True, "5", 2.5])
def test_seats_are_a_number_above_zero(odd: object) -> None:
    assert event(created(seatsPerTimeSlot=odd)).seats is None


@pytest.mark.parametrize(
    ("metadata", "location", "place"),
    [
        (
            {"videoCallUrl": "https://meet.example/1"},
            "integrations:daily",
            "https://meet.example/1",
        ),
        ({"videoCallUrl": ""}, "Room 5", "Room 5"),
        ({"videoCallUrl": None}, "Room 5", "Room 5"),
        ({}, "integrations:daily", "integrations:daily"),
        (None, None, None),
        ("x", {"value": "Room 5"}, None),
    ],
)
def test_the_place_is_the_video_call_or_else_the_location(
    metadata: object, location: object, place: str | None
) -> None:
    assert event(created(metadata=metadata, location=location)).place == place


@pytest.mark.parametrize("tells", [paid, recording_ready])
def test_what_tells_of_something_else_does_not_put_a_provider_in_the_place_of_the_address(
    tells: Callable[..., dict[str, Any]],
) -> None:
    assert event(tells(metadata={}, location="integrations:daily")).place is None
    assert event(tells(metadata={}, location="Room 5")).place == "Room 5"


def test_names_of_any_writing_stay_as_they_are() -> None:
    people = [attendee("yamada@example.com", "山田太郎"), attendee("o@example.com", "Ольга 👩🏽‍💻")]
    told = event(created(title="اجتماع", attendees=people))
    assert told.title == "اجتماع"
    assert [person.name for person in told.attendees or ()] == ["山田太郎", "Ольга 👩🏽‍💻"]
