"""Reminders: planned ahead, and kept in step with the booking."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from calbell.domain.booking import Booking, Change, Status
from calbell.domain.people import Person, Role
from calbell.domain.plan import Rules, Waiting
from calbell.domain.preferences import Choices
from calbell.domain.push_events import PushEvent
from tests.unit.domain.builders import (
    ADA,
    ADA_USER,
    BOB,
    BOB_USER,
    CYD,
    DAN,
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    NOW,
    TUESDAY,
    after,
    directory,
    half_hour,
    planned_for,
    standing,
    user,
)

RULES = Rules(reminders=(10 * MINUTE, HOUR))
MOVED = Change(kind=PushEvent.BOOKING_RESCHEDULED, old_times=MONDAY)
CANCELLATION = Change(kind=PushEvent.BOOKING_CANCELLED)


def waiting_for(booking: Booking) -> list[Waiting]:
    return after([], planned_for(booking, rules=RULES))


def test_everybody_who_is_told_is_reminded_before_the_start() -> None:
    made = planned_for(standing(), rules=RULES)
    assert {(item.user_id, item.role, item.due_at) for item in made.reminders} == {
        (7, Role.ORGANIZER, MONDAY.start_at - 10 * MINUTE),
        (7, Role.ORGANIZER, MONDAY.start_at - HOUR),
        (8, Role.ATTENDEE, MONDAY.start_at - 10 * MINUTE),
        (8, Role.ATTENDEE, MONDAY.start_at - HOUR),
    }
    assert {item.kind for item in made.reminders} == {PushEvent.BOOKING_REMINDER}
    assert {item.expires_at for item in made.reminders} == {MONDAY.start_at}


def test_a_reminder_says_nothing_of_any_change() -> None:
    made = planned_for(standing(), MOVED, rules=RULES)
    assert {item.facts.old_times for item in made.reminders} == {None}
    assert made.reminders[0].facts.times == MONDAY


def test_whoever_acted_is_reminded_all_the_same() -> None:
    own = Change(kind=PushEvent.BOOKING_CONFIRMED, actor="ada@example.com")
    assert 7 in {item.user_id for item in planned_for(standing(), own, rules=RULES).reminders}


def test_roles_that_are_switched_off_are_not_reminded() -> None:
    rules = Rules(frozenset({Role.ATTENDEE}), RULES.reminders)
    assert {item.user_id for item in planned_for(standing(), rules=rules).reminders} == {8}


@pytest.mark.parametrize(
    "booking",
    [
        standing(status=Status.PENDING),
        standing(status=Status.REJECTED),
        standing(status=Status.CANCELLED),
        standing(status=None),
        standing(replaced_by_uid="booking-2"),
        standing(times=None),
    ],
)
def test_only_a_booking_that_stands_is_reminded_of(booking: Booking) -> None:
    assert planned_for(booking, rules=RULES).reminders == ()


def test_a_reminder_whose_time_has_passed_is_not_begun() -> None:
    half_an_hour_before = MONDAY.start_at - 30 * MINUTE
    made = planned_for(standing(), rules=RULES, now=half_an_hour_before)
    assert {item.due_at for item in made.reminders} == {MONDAY.start_at - 10 * MINUTE}
    at_the_very_time = MONDAY.start_at - 10 * MINUTE
    assert planned_for(standing(), rules=RULES, now=at_the_very_time).reminders == ()


def test_reminders_move_with_the_booking() -> None:
    waiting = waiting_for(standing())
    made = planned_for(standing(times=TUESDAY), MOVED, waiting=waiting, rules=RULES)
    assert set(made.superseded) == {item.id for item in waiting}
    assert {item.due_at for item in made.reminders} == {
        TUESDAY.start_at - 10 * MINUTE,
        TUESDAY.start_at - HOUR,
    }


def test_reminders_that_are_still_right_are_left_alone() -> None:
    waiting = waiting_for(standing())
    made = planned_for(standing(version=2), waiting=waiting, rules=RULES)
    assert made.superseded == ()
    assert made.reminders == ()


def test_a_reminder_whose_words_would_change_is_planned_again() -> None:
    waiting = waiting_for(standing())
    made = planned_for(standing(title="Renamed"), waiting=waiting, rules=RULES)
    assert len(made.superseded) == len(waiting)
    assert {item.facts.title for item in made.reminders} == {"Renamed"}


@pytest.mark.parametrize(
    "gone", [standing(status=Status.CANCELLED), standing(replaced_by_uid="booking-2")]
)
def test_reminders_go_with_the_booking(gone: Booking) -> None:
    waiting = waiting_for(standing())
    made = planned_for(gone, CANCELLATION, waiting=waiting, rules=RULES)
    assert set(made.superseded) == {item.id for item in waiting}
    assert made.reminders == ()


def test_an_attendee_who_left_is_not_reminded_any_more() -> None:
    waiting = waiting_for(standing(attendees=(BOB, CYD), seats=10))
    made = planned_for(standing(attendees=(BOB,), seats=10), waiting=waiting, rules=RULES)
    superseded = {item.planned.user_id for item in waiting if item.id in made.superseded}
    assert superseded == {10}


def test_a_reminder_that_is_due_and_still_right_is_not_lost_to_an_event_in_between() -> None:
    waiting = waiting_for(standing())
    five_minutes_before = MONDAY.start_at - 5 * MINUTE
    made = planned_for(standing(), waiting=waiting, rules=RULES, now=five_minutes_before)
    assert made.superseded == ()
    renamed = planned_for(
        standing(title="Renamed"), waiting=waiting, rules=RULES, now=five_minutes_before
    )
    assert len(renamed.reminders) == len(waiting)


def test_each_is_reminded_by_his_own_list() -> None:
    own = structs.replace(BOB_USER, choices=Choices(reminders=(5, 30)))
    made = planned_for(standing(), users=directory(ADA_USER, own), rules=RULES)
    due = {(item.user_id, MONDAY.start_at - item.due_at) for item in made.reminders}
    assert due == {(7, 10 * MINUTE), (7, HOUR), (8, 5 * MINUTE), (8, 30 * MINUTE)}


def test_reminders_are_planned_also_while_they_are_switched_off() -> None:
    off = structs.replace(BOB_USER, choices=Choices(enabled=False))
    made = planned_for(standing(), users=directory(off), rules=RULES)
    assert {item.user_id for item in made.reminders} == {8}


bookings = st.builds(
    standing,
    status=st.sampled_from(Status),
    title=st.sampled_from(["Intro", "Renamed"]),
    times=st.sampled_from([None, MONDAY, TUESDAY, half_hour(NOW + 20 * MINUTE)]),
    organizer=st.sampled_from([None, ADA, Person("ada@example.com")]),
    hosts=st.sampled_from([(), (DAN,)]),
    attendees=st.sampled_from([(BOB,), (BOB, CYD), (ADA, DAN), ()]),
    replaced_by_uid=st.sampled_from([None, None, "booking-2"]),
)
rules = st.builds(
    Rules,
    st.frozensets(st.sampled_from(Role)),
    st.lists(st.sampled_from([5 * MINUTE, 10 * MINUTE, HOUR, DAY]), max_size=3).map(tuple),
)


@settings(deadline=None)
@given(bookings, rules, st.integers(0, 10))
def test_planning_twice_changes_nothing(booking: Booking, decided: Rules, days: int) -> None:
    waiting = after([], planned_for(booking, rules=decided))
    again = planned_for(booking, waiting=waiting, rules=decided, now=NOW + days * DAY)
    assert again.reminders == ()
    assert again.superseded == ()


@settings(deadline=None)
@given(st.lists(bookings, min_size=1, max_size=4), rules)
def test_what_waits_is_what_the_booking_asks_for_whatever_it_was_before(
    history: list[Booking], decided: Rules
) -> None:
    waiting: list[Waiting] = []
    for booking in history:
        waiting = after(waiting, planned_for(booking, waiting=waiting, rules=decided))
    fresh = planned_for(history[-1], rules=decided).reminders
    assert len(waiting) == len(fresh)
    assert all(item.planned in fresh for item in waiting)


@settings(deadline=None)
@given(bookings, rules)
def test_a_reminder_is_due_before_it_is_stale_and_nobody_has_two_at_once(
    booking: Booking, decided: Rules
) -> None:
    made = planned_for(booking, rules=decided).reminders
    assert all(NOW < item.due_at < item.expires_at for item in made)
    assert len({(item.user_id, item.due_at) for item in made}) == len(made)


def test_a_thousand_attendees_are_reminded_each_once() -> None:
    crowd = [user(100 + nth, f"guest{nth}@example.com") for nth in range(1000)]
    people = tuple(Person(address) for one in crowd for address in one.addresses)
    booking = standing(organizer=None, attendees=people, times=half_hour(NOW + DAY))
    made = planned_for(
        booking, users=directory(*crowd), rules=Rules(reminders=(timedelta(minutes=10),))
    )
    assert {item.user_id for item in made.reminders} == {one.id for one in crowd}
    assert {len(item.facts.attendees) for item in made.reminders} == {1}
