"""Words: what a push says to its reader."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.events import Payment, TimeSpan
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.samples import sample
from tests.unit.domain.builders import (
    ADA,
    BOB,
    CYD,
    DAN,
    MONDAY,
    NOW,
    TUESDAY,
    facts,
    half_hour,
    reader,
    said,
)

HOSTS = (Role.ORGANIZER, Role.HOST)
MONDAY_SAID = "Mon, Nov 23, 10:00 – 10:30"
SEAT = {"attendee": CYD, "seats": 10, "attendee_count": 3}
anything = st.text(st.characters(exclude_categories=()))


def lines(kind: PushEvent, about: BookingFacts, role: Role = Role.ORGANIZER) -> list[str]:
    return said(kind, about, reader(role)).body.split("\n")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("kind", list(PushEvent))
def test_every_push_says_what_with_whom_and_when(kind: PushEvent, role: Role) -> None:
    words = said(kind, facts(), reader(role))
    other = ADA if role is Role.ATTENDEE else BOB
    first, second, *_ = words.body.split("\n")
    assert words.title
    assert words.title == words.title.strip()
    assert "Intro" in first
    assert other.name in first
    assert second == MONDAY_SAID


@pytest.mark.parametrize("role", list(Role))
def test_every_kind_of_news_has_a_title_of_its_own(role: Role) -> None:
    titles = {said(kind, sample(kind, NOW), reader(role)).title for kind in PushEvent}
    assert len(titles) == len(PushEvent)


@pytest.mark.parametrize("kind", list(PushEvent))
@pytest.mark.parametrize("role", list(Role))
def test_of_a_booking_of_which_nothing_is_known_something_is_said(
    kind: PushEvent, role: Role
) -> None:
    words = said(kind, BookingFacts(uid="u"), reader(role))
    assert words.title
    assert words.body.split("\n")[0] == "Booking"


# Who


def test_an_attendee_is_told_all_the_hosts() -> None:
    hosted = facts(hosts=(DAN,))
    assert lines(PushEvent.BOOKING_CONFIRMED, hosted, Role.ATTENDEE)[0] == (
        "Intro with Ada Host and Dan Cohost"
    )
    more = facts(hosts=(DAN, CYD))
    assert lines(PushEvent.BOOKING_CONFIRMED, more, Role.ATTENDEE)[0] == (
        "Intro with Ada Host and 2 others"
    )


@pytest.mark.parametrize("role", HOSTS)
@pytest.mark.parametrize(
    ("known", "count", "expected"),
    [
        ((BOB,), 0, "Bob Guest"),
        ((BOB,), 1, "Bob Guest"),
        ((BOB,), 2, "Bob Guest and 1 other"),
        ((BOB, CYD), 0, "Bob Guest and Cyd Guest"),
        ((BOB, CYD), 2, "Bob Guest and Cyd Guest"),
        ((BOB, CYD), 2000, "Bob Guest and 1999 others"),
        ((BOB, Person("", "")), 2, "Bob Guest and 1 other"),
        ((Person("", ""), BOB), 2, "Bob Guest and 1 other"),
    ],
)
def test_a_host_is_told_who_comes_or_how_many(
    role: Role, known: tuple[Person, ...], count: int, expected: str
) -> None:
    about = facts(attendees=known, attendee_count=count)
    assert lines(PushEvent.BOOKING_CONFIRMED, about, role)[0] == f"Intro with {expected}"


def test_only_a_co_host_is_told_who_the_organizer_is_besides() -> None:
    said_of_him = {
        role: "Organized by Ada Host" in lines(PushEvent.BOOKING_CONFIRMED, facts(), role)
        for role in Role
    }
    assert said_of_him == {Role.ORGANIZER: False, Role.HOST: True, Role.ATTENDEE: False}


def test_somebody_without_a_name_is_named_by_his_address() -> None:
    nameless = facts(attendees=(Person("bob@example.com"),))
    assert lines(PushEvent.BOOKING_CONFIRMED, nameless)[0] == "Intro with bob@example.com"


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("kind", list(PushEvent))
def test_nobody_with_a_name_is_named_by_his_address(kind: PushEvent, role: Role) -> None:
    words = said(kind, sample(kind, NOW), reader(role))
    assert "@" not in words.title + words.body


def test_somebody_without_name_and_address_is_not_named() -> None:
    by_id = facts(organizer=Person("", "", 7))
    assert lines(PushEvent.BOOKING_CONFIRMED, by_id, Role.ATTENDEE)[0] == "Intro"


@pytest.mark.parametrize(
    "title", ["30 min between Ada Host and Bob Guest", "BOB GUEST: intro", "Intro (Bob Guest)"]
)
def test_a_name_that_stands_in_the_title_is_not_said_twice(title: str) -> None:
    assert lines(PushEvent.BOOKING_CONFIRMED, facts(title=title))[0] == title


@pytest.mark.parametrize(
    ("title", "name"), [("Planning", "Ann"), ("Final call", "Al"), ("Intro for Bobby", "Bob")]
)
def test_a_name_that_is_only_part_of_a_word_of_the_title_is_said(title: str, name: str) -> None:
    about = facts(title=title, attendees=(Person("x@example.com", name),))
    assert lines(PushEvent.BOOKING_CONFIRMED, about)[0] == f"{title} with {name}"


@pytest.mark.parametrize("kind", [PushEvent.BOOKING_ATTENDEE_ADDED, PushEvent.BOOKING_GUESTS_ADDED])
def test_who_joined_is_named_and_not_counted_among_those_whom_he_joined(kind: PushEvent) -> None:
    about = facts(added=(CYD, DAN), attendees=(BOB, CYD), attendee_count=3)
    assert lines(kind, about)[0] == "Cyd Guest and Dan Cohost joined Intro with Bob Guest"
    assert lines(kind, about, Role.ATTENDEE)[0] == (
        "Cyd Guest and Dan Cohost joined Intro with Ada Host"
    )


@pytest.mark.parametrize("role", list(Role))
def test_another_organizer_is_told_with_the_one_before(role: Role) -> None:
    about = facts(organizer=DAN, old_organizer=ADA)
    assert lines(PushEvent.BOOKING_REASSIGNED, about, role)[1] == "From Ada Host to Dan Cohost"


# When


def test_a_move_says_the_new_times_and_the_old_ones() -> None:
    about = facts(times=TUESDAY, old_times=MONDAY)
    assert lines(PushEvent.BOOKING_RESCHEDULED, about)[1:3] == [
        "Tue, Nov 24, 15:00 – 15:30",
        f"Was {MONDAY_SAID}",
    ]


def test_a_proposal_says_what_it_would_replace() -> None:
    about = facts(times=TUESDAY, old_times=MONDAY)
    said_of_it = lines(PushEvent.BOOKING_PROPOSAL_REQUESTED, about)
    assert said_of_it[2] == f"Instead of {MONDAY_SAID}"


def test_a_move_within_the_day_does_not_say_the_day_twice() -> None:
    later = half_hour(MONDAY.start_at + timedelta(hours=3))
    about = facts(times=later, old_times=MONDAY)
    assert lines(PushEvent.BOOKING_RESCHEDULED, about)[1:3] == [
        "Mon, Nov 23, 13:00 – 13:30",
        "Was 10:00 – 10:30",
    ]


@pytest.mark.parametrize("old", [None, MONDAY])
def test_old_times_are_not_said_where_they_are_not_known_or_the_same(old: TimeSpan | None) -> None:
    assert "Was" not in said(PushEvent.BOOKING_RESCHEDULED, facts(old_times=old)).body


def test_old_times_are_said_where_the_new_ones_are_not_known() -> None:
    about = facts(times=None, old_times=MONDAY)
    assert lines(PushEvent.BOOKING_RESCHEDULED, about) == [
        "Intro with Bob Guest",
        f"Was {MONDAY_SAID}",
    ]


@pytest.mark.parametrize("kind", list(PushEvent))
@pytest.mark.parametrize("role", list(Role))
def test_nothing_that_is_said_changes_within_a_year(kind: PushEvent, role: Role) -> None:
    facts_of_it, to = sample(kind, NOW), reader(role)
    first = said(kind, facts_of_it, to, now=datetime(2026, 1, 1, tzinfo=UTC))
    last = said(kind, facts_of_it, to, now=datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert first == last


def test_a_series_is_told_in_one_line() -> None:
    about = facts(count=6)
    assert lines(PushEvent.BOOKING_CANCELLED, about) == [
        "Intro with Bob Guest",
        f"6 bookings, the first {MONDAY_SAID}",
    ]


# Seats


@pytest.mark.parametrize("role", HOSTS)
def test_the_news_of_a_seat_says_whose_it_is_and_how_many_are_booked(role: Role) -> None:
    taken = said(PushEvent.BOOKING_CONFIRMED, facts(**SEAT), reader(role))
    assert taken.title == "Seat: Booking Confirmed"
    assert taken.body.split("\n")[0] == "Intro with Cyd Guest"
    assert "Seat 3 of 10" in taken.body.split("\n")
    left = said(PushEvent.BOOKING_SEAT_CANCELLED, facts(**SEAT), reader(role))
    assert left.title == "Seat: Booking Cancelled"
    assert left.body.split("\n")[0] == "Intro with Cyd Guest"
    assert "That left 3 of 10 seats booked" in left.body.split("\n")


def test_the_last_seat_that_is_given_up_leaves_none() -> None:
    about = facts(attendee=CYD, seats=10, attendee_count=0)
    assert "That left 0 of 10 seats booked" in lines(PushEvent.BOOKING_SEAT_CANCELLED, about)


def test_how_many_seats_are_booked_is_not_said_where_it_is_not_known() -> None:
    about = facts(attendee=CYD, seats=10)
    assert "Seat " not in said(PushEvent.BOOKING_CONFIRMED, about).body


@pytest.mark.parametrize("kind", list(PushEvent))
def test_an_attendee_is_not_told_of_the_seats_of_others(kind: PushEvent) -> None:
    about = facts(added=(CYD,), **SEAT)
    body = said(kind, about, reader(Role.ATTENDEE)).body
    assert "10" not in body.replace(MONDAY_SAID, "")
    assert CYD.name not in body


def test_seats_that_were_booked_at_once_are_told_in_one_line() -> None:
    about = facts(attendee=CYD, seats=10, attendee_count=5, count=3)
    assert lines(PushEvent.BOOKING_CONFIRMED, about) == [
        "Intro with Cyd Guest and 2 others",
        MONDAY_SAID,
        "3 seats",
    ]


def test_a_seat_that_was_paid_for_is_named_as_one() -> None:
    about = facts(payment=Payment(5000, "EUR"), **SEAT)
    words = said(PushEvent.PAYMENT_RECEIVED, about)
    assert words.title == "Seat: Payment Received"
    assert words.body.split("\n")[0] == "€50.00 for Intro with Cyd Guest"


@pytest.mark.parametrize("role", list(Role))
def test_a_payment_of_which_no_amount_is_known_says_for_what(role: Role) -> None:
    for payment in (None, Payment(1, "?")):
        about = facts(payment=payment)
        assert lines(PushEvent.PAYMENT_RECEIVED, about, role)[0].startswith("Intro with ")


# Where


@pytest.mark.parametrize(
    "kind",
    [
        PushEvent.BOOKING_CONFIRMED,
        PushEvent.BOOKING_REASSIGNED,
        PushEvent.BOOKING_REMINDER,
        PushEvent.BOOKING_REQUESTED,
        PushEvent.BOOKING_RESCHEDULED,
        PushEvent.CAL_EVENT_NEW_REGISTRATION,
    ],
)
def test_those_who_will_come_are_told_where(kind: PushEvent) -> None:
    assert said(kind, facts(place="Room 1")).body.endswith("\nRoom 1")


@pytest.mark.parametrize(
    "kind", [PushEvent.BOOKING_CANCELLED, PushEvent.BOOKING_REJECTED, PushEvent.RECORDING_READY]
)
def test_of_a_booking_that_does_not_take_place_no_place_is_said(kind: PushEvent) -> None:
    assert "Room 1" not in said(kind, facts(place="Room 1")).body


def test_another_place_is_told_with_the_one_before() -> None:
    about = facts(place="Room 2", old_place="Room 1")
    assert lines(PushEvent.BOOKING_LOCATION_CHANGED, about)[2:] == [
        "New location: Room 2",
        "Was Room 1",
    ]


@pytest.mark.parametrize("old", [None, "Room 2", "inPerson", "integrations:unheard_of"])
def test_a_place_before_that_says_nothing_is_not_told(old: str | None) -> None:
    about = facts(place="Room 2", old_place=old)
    assert lines(PushEvent.BOOKING_LOCATION_CHANGED, about)[2:] == ["New location: Room 2"]


# Why


@pytest.mark.parametrize("kind", list(PushEvent))
def test_a_reason_is_said_as_what_somebody_else_wrote(kind: PushEvent) -> None:
    assert "Reason: “I am {ill}”" in lines(kind, facts(reason="I am {ill}"))


def test_a_reason_that_shows_nothing_is_not_said() -> None:
    assert "Reason" not in said(PushEvent.BOOKING_CANCELLED, facts(reason=" \u202e")).body


# Whatever comes


@settings(deadline=None)
@given(anything, anything, st.sampled_from([12, 24]))
def test_no_zone_and_no_locale_makes_words_fail(zone: str, locale: str, clock: int) -> None:
    to = reader(time_zone=zone, locale=locale, time_format=clock)
    assert said(PushEvent.BOOKING_CONFIRMED, facts(), to).body
