"""What is not known yet of a booking that was looked up becomes events; what is known does not."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from calbell.domain.booking import Booking, Status
from calbell.domain.differences import differences
from calbell.domain.events import BookingEvent, EventKind
from calbell.domain.fold import fold, replace
from calbell.domain.people import Person, alias_of
from calbell.domain.push_events import PushEvent
from tests.unit.domain.builders import (
    ADA,
    BOB,
    CANCELLED,
    CREATED,
    CYD,
    DAN,
    DAY,
    NOW,
    REJECTED,
    REQUESTED,
    RESCHEDULED,
    TUESDAY,
    UID,
    event,
    seat,
)

ROOM, HALL = "https://meet.example.com/room", "https://meet.example.com/hall"


def known(*events: BookingEvent) -> Booking:
    booking = Booking(uid=UID)
    for one in events:
        booking = fold(booking, one).booking
    return booking


def missing(
    booking: Booking, seen: BookingEvent, *, moved_to: str | None = None
) -> tuple[BookingEvent, ...]:
    return differences(booking, None, seen, moved_to, NOW)


def news(booking: Booking, *events: BookingEvent) -> list[str]:
    told = []
    for one in events:
        folded = fold(booking, one)
        told += [change.kind.value for change in folded.changes]
        booking = folded.booking
    return told


@pytest.mark.parametrize(
    ("before", "seen", "expected"),
    [
        ((), CREATED, "BOOKING_CONFIRMED"),
        ((), REQUESTED, "BOOKING_REQUESTED"),
        ((REQUESTED,), CREATED, "BOOKING_CONFIRMED"),
        ((REQUESTED,), REJECTED, "BOOKING_REJECTED"),
        ((CREATED,), CANCELLED, "BOOKING_CANCELLED"),
    ],
)
def test_a_status_that_was_not_heard_of_is_an_event(
    before: tuple[EventKind, ...], seen: EventKind, expected: str
) -> None:
    booking = known(*(event(kind, -10) for kind in before))
    assert news(booking, *missing(booking, event(seen, -1))) == [expected]


@given(
    st.lists(st.sampled_from([REQUESTED, CREATED, CANCELLED, REJECTED]), min_size=1, max_size=4),
    st.integers(-5, 5),
)
def test_what_is_taken_in_once_is_not_missing_any_more(kinds: list[EventKind], minute: int) -> None:
    booking = known(*(event(kind, n) for n, kind in enumerate(kinds[:-1])))
    seen = event(kinds[-1], minute, place=ROOM, organizer=DAN, attendees=(BOB, CYD))
    found = missing(booking, seen)
    for one in found:
        booking = fold(booking, one).booking
    assert missing(booking, seen) == ()


def test_a_move_in_place_is_an_event() -> None:
    booking = known(event(CREATED, -10))
    found = missing(booking, event(CREATED, -1, times=TUESDAY))
    assert news(booking, *found) == ["BOOKING_RESCHEDULED"]


def test_what_a_webhook_said_later_counts() -> None:
    booking = known(event(CREATED, -10), event(CREATED, -1, times=TUESDAY, place=HALL))
    assert missing(booking, event(CREATED, -5, place=ROOM)) == ()


def test_what_is_over_and_was_never_heard_of_is_no_news() -> None:
    times = structs.replace(TUESDAY, start_at=NOW - DAY, end_at=NOW)
    assert missing(known(), event(CREATED, -1, times=times)) == ()
    assert missing(known(), event(CANCELLED, -24 * 60)) == ()
    assert missing(known(), event(CANCELLED, -23 * 60)) != ()


def test_a_booking_that_was_moved_counts_as_cancelled_at_cal_com_and_is_not_told_so() -> None:
    booking = known(event(CREATED, -10))
    (gone,) = missing(booking, event(CANCELLED, -1), moved_to="other")
    assert (gone.uid, gone.old_uid, gone.fact) == ("other", UID, None)
    dead = replace(booking, gone)
    assert (dead.changes, dead.booking.replaced_by_uid) == ((), "other")
    assert missing(dead.booking, event(CANCELLED, -1), moved_to="other") == ()
    assert fold(Booking(uid="other"), gone).changes == ()


def test_of_a_booking_that_was_moved_before_anything_was_heard_of_it_nothing_is_told_later() -> (
    None
):
    """The webhook that made it comes late."""
    (gone,) = missing(known(), event(CANCELLED, -1), moved_to="other")
    dead = replace(Booking(uid=UID), gone).booking
    assert missing(dead, event(CANCELLED, -1), moved_to="other") == ()
    late = fold(dead, event(CREATED, -10))
    assert (late.changes, late.booking.replaced_by_uid) == ((), "other")


def test_that_a_known_booking_took_anothers_place_is_found_out() -> None:
    # A move that has to be confirmed is confirmed without a word of where it came from.
    old, new = known(event(CREATED, -20)), known(event(CREATED, -10))
    seen = event(RESCHEDULED, -10, old_uid="old")
    assert differences(new, old, seen, None, NOW) == (seen,)
    assert fold(new, seen).changes == ()
    dead = structs.replace(old, replaced_by_uid=UID)
    assert differences(new, dead, seen, None, NOW) == ()
    assert differences(new, None, seen, None, NOW) == ()


def detail(booking: Booking, seen: BookingEvent) -> list[PushEvent]:
    return [one.fact.kind for one in missing(booking, seen) if one.fact is not None]


def test_another_place_is_told_with_the_one_before() -> None:
    booking = known(event(CREATED, -10, place=ROOM))
    (told,) = missing(booking, event(CREATED, -1, place=HALL))
    assert told.fact is not None
    assert (told.fact.kind, told.fact.old_place) == (PushEvent.BOOKING_LOCATION_CHANGED, ROOM)
    assert fold(booking, told).booking.place == HALL


@pytest.mark.parametrize(
    ("before", "after"), [(None, ROOM), ("integrations:daily", ROOM), (ROOM, "integrations:zoom")]
)
def test_a_place_that_was_only_to_be_provided_is_no_other_place(
    before: str | None, after: str
) -> None:
    assert detail(known(event(CREATED, -10, place=before)), event(CREATED, -1, place=after)) == []


def test_another_organizer_is_told_and_named() -> None:
    booking = known(event(CREATED, -10))
    (told,) = missing(booking, event(CREATED, -1, organizer=DAN))
    assert told.fact is not None
    assert (told.fact.kind, told.fact.old_organizer) == (PushEvent.BOOKING_REASSIGNED, ADA)
    assert detail(booking, event(CREATED, -1, organizer=Person("x@example.com"))) == []


def test_guests_who_joined_are_told_and_hosts_are_none_of_them() -> None:
    booking = known(event(CREATED, -10, hosts=(DAN,)))
    (told,) = missing(booking, event(CREATED, -1, attendees=(BOB, DAN, ADA, CYD)))
    assert told.fact is not None
    assert (told.fact.kind, told.fact.added) == (PushEvent.BOOKING_GUESTS_ADDED, (CYD,))


def test_who_is_being_removed_is_no_guest_who_joined() -> None:
    """What is looked up stands for him already; the booking is reached by and by."""
    booking = known(event(CREATED, -10))
    assert missing(booking, event(CREATED, -1, attendees=(Person(alias_of(7)),))) == ()


def test_several_details_are_told_each_once() -> None:
    booking = known(event(CREATED, -10, place=ROOM))
    seen = event(CREATED, -1, place=HALL, organizer=DAN, attendees=(BOB, CYD))
    assert news(booking, *missing(booking, seen)) == [
        "BOOKING_LOCATION_CHANGED",
        "BOOKING_REASSIGNED",
        "BOOKING_GUESTS_ADDED",
    ]


def test_of_a_booking_that_is_over_no_detail_matters() -> None:
    booking = known(event(CREATED, -10, place=ROOM), event(CANCELLED, -5))
    assert missing(booking, event(CANCELLED, -1, place=HALL)) == ()


def test_seats_that_were_taken_and_given_up_are_events() -> None:
    booking = known(seat(CREATED, BOB, -10), seat(CREATED, CYD, -9))
    seen = event(CREATED, -1, attendees=(CYD, DAN), seats=2)
    found = missing(booking, seen)
    assert news(booking, *found) == ["BOOKING_CONFIRMED", "BOOKING_SEAT_CANCELLED"]
    for one in found:
        booking = fold(booking, one).booking
    assert {person.email for person in booking.attendees} == {CYD.email, DAN.email}
    assert (booking.status, booking.seats) == (Status.ACCEPTED, 10)
    assert missing(booking, seen) == ()


def test_a_seat_that_was_taken_later_is_not_given_up() -> None:
    booking = known(seat(CREATED, BOB, -10), seat(CREATED, CYD, -1))
    assert missing(booking, event(CREATED, -5, attendees=(BOB,), seats=1)) == ()


def test_the_end_of_news_is_counted_from_the_last_change() -> None:
    (told,) = missing(known(), event(CREATED, -90))
    assert told.sent_at == NOW - timedelta(minutes=90)
