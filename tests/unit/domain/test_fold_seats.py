"""Seats: several people book one slot, each for himself."""

from msgspec import structs

from calbell.domain.booking import Booking, Status
from calbell.domain.fold import fold, replace
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent
from tests.unit.domain.builders import (
    BOB,
    CANCELLED,
    CREATED,
    CYD,
    DAN,
    REQUESTED,
    RESCHEDULED,
    TUESDAY,
    UID,
    copy,
    event,
    hear,
    move_to,
    seat,
)


def shared() -> Booking:
    """A booking in which Bob and Cyd have a seat."""
    return hear(seat(CREATED, BOB), seat(CREATED, CYD, 1)).booking


def emails(booking: Booking) -> set[str]:
    return {attendee.email for attendee in booking.attendees}


def test_the_next_seat_is_told_as_that_attendees() -> None:
    heard = hear(seat(CREATED, BOB), seat(CREATED, CYD, 1))
    assert heard.kinds == ["BOOKING_CONFIRMED", "BOOKING_CONFIRMED"]
    assert [change.attendee for change in heard.changes] == [None, CYD]
    assert heard.booking.attendees == (BOB, CYD)


def test_an_older_event_of_another_seat_is_told_as_well() -> None:
    heard = hear(seat(CREATED, CYD, 1), seat(CREATED, BOB))
    assert [change.attendee for change in heard.changes] == [None, BOB]


def test_a_seat_that_is_only_requested_is_told_as_a_request() -> None:
    heard = hear(seat(REQUESTED, BOB), seat(REQUESTED, CYD, 1))
    assert heard.kinds == ["BOOKING_REQUESTED", "BOOKING_REQUESTED"]


def test_a_copy_of_a_seat_tells_nothing() -> None:
    folded = fold(shared(), copy(seat(CREATED, CYD, 1)))
    assert folded.is_copy
    assert folded.changes == ()


def test_one_seat_that_is_cancelled_leaves_the_booking_to_the_others() -> None:
    said = seat(CANCELLED, CYD, 2, reason="Ill", actor=CYD.email)
    heard = hear(said, booking=shared())
    (change,) = heard.changes
    assert change.kind is PushEvent.BOOKING_SEAT_CANCELLED
    assert (change.attendee, change.reason, change.actor) == (CYD, "Ill", CYD.email)
    assert heard.booking.status is Status.ACCEPTED
    assert heard.booking.attendees == (BOB,)


def test_a_seat_is_known_from_the_cancellation_alone_where_it_says_that_there_are_seats() -> None:
    booking = hear(event(CREATED, attendees=(BOB, CYD))).booking
    heard = hear(seat(CANCELLED, CYD, 2), booking=booking)
    assert heard.kinds == ["BOOKING_SEAT_CANCELLED"]


def test_the_copy_of_a_cancelled_seat_tells_nothing() -> None:
    said = seat(CANCELLED, CYD, 2)
    folded = fold(hear(said, booking=shared()).booking, copy(said))
    assert folded.is_copy
    assert folded.changes == ()
    assert folded.booking.status is Status.ACCEPTED


def test_the_last_seat_that_is_cancelled_cancels_the_booking() -> None:
    heard = hear(seat(CANCELLED, CYD, 2), seat(CANCELLED, BOB, 3), booking=shared())
    assert heard.kinds == ["BOOKING_SEAT_CANCELLED", "BOOKING_CANCELLED"]
    assert heard.booking.status is Status.CANCELLED


def test_a_cancellation_that_lists_everybody_is_the_bookings() -> None:
    heard = hear(event(CANCELLED, 2, seats=10, attendees=(BOB, CYD)), booking=shared())
    assert heard.kinds == ["BOOKING_CANCELLED"]


def test_where_there_are_no_seats_a_cancellation_that_lists_one_is_the_bookings() -> None:
    booking = hear(event(CREATED, attendees=(BOB, CYD))).booking
    heard = hear(event(CANCELLED, 2, attendees=(BOB,)), booking=booking)
    assert heard.kinds == ["BOOKING_CANCELLED"]


def test_a_host_who_asks_one_attendee_to_reschedule_ends_the_booking() -> None:
    heard = hear(seat(CANCELLED, BOB, 2, asks_to_reschedule=True), booking=shared())
    assert heard.kinds == ["BOOKING_RESCHEDULE_REQUESTED"]


def test_a_seat_cancelled_before_it_was_heard_of_is_never_told() -> None:
    heard = hear(seat(CANCELLED, DAN, 5), seat(CREATED, DAN, 4), booking=shared())
    assert heard.changes == ()
    assert heard.booking.attendees == (BOB, CYD)


def test_a_seat_that_is_booked_again_is_told_again() -> None:
    heard = hear(seat(CANCELLED, CYD, 2), seat(CREATED, CYD, 3), booking=shared())
    assert heard.kinds == ["BOOKING_SEAT_CANCELLED", "BOOKING_CONFIRMED"]
    assert emails(heard.booking) == emails(shared())


def test_a_cancellation_that_arrives_after_the_seat_was_booked_again_takes_nothing() -> None:
    heard = hear(seat(CREATED, CYD, 3), seat(CANCELLED, CYD, 2), booking=shared())
    assert heard.changes == ()
    assert heard.booking.attendees == (BOB, CYD)


def test_a_seat_given_up_in_a_booking_that_is_over_is_not_told() -> None:
    cancelled = hear(event(CANCELLED, 3, seats=10, attendees=(BOB, CYD)), booking=shared()).booking
    assert hear(seat(CANCELLED, CYD, 2), booking=cancelled).changes == ()
    moved = replace(shared(), move_to("booking-2", attendees=(BOB, CYD))).booking
    assert hear(seat(CANCELLED, CYD, 2), booking=moved).changes == ()


def test_a_booking_with_seats_that_is_moved_in_place_is_moved_for_all() -> None:
    said = event(RESCHEDULED, 5, seats=10, attendees=(BOB, CYD), times=TUESDAY, old_uid=UID)
    heard = hear(said, booking=shared())
    assert heard.kinds == ["BOOKING_RESCHEDULED"]
    assert heard.changes[0].attendee is None


def test_who_moves_his_seat_to_another_booking_leaves_this_one_to_the_others() -> None:
    folded = replace(shared(), move_to("booking-2", attendees=(CYD,)))
    assert folded.changes == ()
    assert folded.booking.attendees == (BOB,)
    assert folded.booking.stands
    assert hear(seat(CREATED, CYD, 2), booking=folded.booking).changes == ()


def test_one_event_may_fill_several_seats() -> None:
    eve = Person("eve@example.com", "Eve Guest")
    said = structs.replace(seat(CREATED, DAN, 5), attendees=(DAN, eve))
    heard = hear(said, booking=shared())
    assert [change.attendee for change in heard.changes] == [DAN, eve]
