"""The fold against a plain model that knows all events at once: whatever order they are heard in,
the booking is the model's, and each change is told at most once."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from calbell.domain.booking import Booking, Change, Status
from calbell.domain.events import BookingEvent, EventKind, Fact, Payment
from calbell.domain.fold import fold, replace
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent
from tests.unit.domain.builders import (
    BOB,
    CANCELLED,
    CREATED,
    CYD,
    DAN,
    MINUTE,
    MONDAY,
    NOW,
    TUESDAY,
    UID,
    event,
    half_hour,
    seat,
)
from tests.unit.domain.test_fold_any_order import STATUS, shuffled

PEOPLE = (BOB, CYD, DAN)


def hear(heard: Sequence[BookingEvent]) -> tuple[Booking, list[Change]]:
    """What becomes of the booking; events of another uid have moved it there."""
    booking, changes = Booking(uid=UID), list[Change]()
    for one in heard:
        folded = fold(booking, one) if one.uid == UID else replace(booking, one)
        booking = folded.booking
        changes += folded.changes
    return booking, changes


def a_minute_apart(events: Sequence[BookingEvent]) -> list[BookingEvent]:
    return [structs.replace(one, sent_at=NOW + nth * MINUTE) for nth, one in enumerate(events)]


def moves_seat(person: Person, uid: str) -> BookingEvent:
    return seat(EventKind.RESCHEDULED, person, uid=uid, old_uid=UID, times=TUESDAY)


seat_events = st.one_of(
    st.builds(seat, st.sampled_from([CREATED, CANCELLED]), st.sampled_from(PEOPLE)),
    st.builds(moves_seat, st.sampled_from(PEOPLE), st.sampled_from(["uid-2", "uid-3"])),
)


@settings(max_examples=400)
@given(st.data())
def test_seats_end_as_the_last_word_about_each_says(data: st.DataObject) -> None:
    sent = a_minute_apart(data.draw(st.lists(seat_events, min_size=1, max_size=7)))
    booking, changes = hear(data.draw(shuffled(sent)))
    last = {one.attendees[0].email: one for one in sent if one.attendees}
    seats = {email for email, one in last.items() if one.kind is CREATED}
    assert {person.email for person in booking.attendees} == seats
    moves = [one.uid for one in sent if one.uid != UID]
    cancels = any(one.kind is CANCELLED for one in sent)
    is_seated = any(one.uid == UID for one in sent)
    if seats:
        assert (booking.status, booking.replaced_by_uid) == (Status.ACCEPTED, None)
    else:
        assert booking.replaced_by_uid == (moves[0] if moves else None)
        if is_seated and cancels:
            assert booking.status is Status.CANCELLED
    if not moves:  # which is told under the other uid
        assert_told_once(changes)


def assert_told_once(changes: Sequence[Change]) -> None:
    """Nobody is told twice in a row of the same about one seat."""
    told: dict[str, PushEvent] = {}
    for change in changes:
        if change.attendee is not None:
            assert told.get(change.attendee.email) is not change.kind
            told[change.attendee.email] = change.kind


WEDNESDAY = half_hour(TUESDAY.start_at + 24 * 60 * MINUTE)
fact_kinds = st.sampled_from(
    [PushEvent.PAYMENT_RECEIVED, PushEvent.RECORDING_READY, PushEvent.TRANSCRIPT_READY]
)
facts = st.builds(
    lambda kind, key: event(
        EventKind.TOLD, fact=Fact(key=key, kind=kind, payment=Payment(100, "USD"))
    ),
    fact_kinds,
    st.sampled_from(["1", "2"]),
)
plain = st.builds(
    lambda kind, times: event(kind, times=times),
    st.sampled_from(list(STATUS)),
    st.sampled_from([MONDAY, TUESDAY, WEDNESDAY]),
)


@settings(max_examples=400)
@given(st.data())
def test_each_fact_is_told_once_and_changes_no_status(data: st.DataObject) -> None:
    sent = a_minute_apart(data.draw(st.lists(facts | plain, min_size=1, max_size=7)))
    booking, changes = hear(data.draw(shuffled(sent)))
    said = [STATUS[one.kind] for one in sent if one.fact is None]
    assert booking.status is max(said, key=lambda status: status.rank, default=None)
    assert booking.times == next(one.times for one in reversed(sent))
    wanted = {(one.fact.kind, one.fact.key) for one in sent if one.fact is not None}
    told = Counter(change.kind for change in changes if change.payment is not None)
    assert told == Counter(kind for kind, _ in wanted)


@settings(max_examples=200)
@given(st.data())
def test_to_and_fro_is_told_each_time_when_heard_in_order(data: st.DataObject) -> None:
    times = data.draw(st.lists(st.sampled_from([MONDAY, TUESDAY]), min_size=1, max_size=6))
    sent = a_minute_apart([event(CREATED, times=one) for one in times])
    _, changes = hear([one for event_ in sent for one in (event_, event_)])
    moves = sum(one != other for one, other in pairwise(times))
    kinds = [change.kind for change in changes]
    assert kinds == [PushEvent.BOOKING_CONFIRMED] + [PushEvent.BOOKING_RESCHEDULED] * moves


def test_a_payment_before_its_seat_does_not_swallow_the_news_of_the_seat() -> None:
    paid = event(
        EventKind.TOLD,
        1,
        attendees=(CYD,),
        seats=10,
        fact=Fact(key="1", kind=PushEvent.PAYMENT_RECEIVED, payment=Payment(500, "EUR")),
    )
    _, changes = hear([seat(CREATED, BOB), paid, seat(CREATED, CYD, 2)])
    assert [(change.kind, change.attendee) for change in changes] == [
        (PushEvent.BOOKING_CONFIRMED, None),
        (PushEvent.PAYMENT_RECEIVED, CYD),
        (PushEvent.BOOKING_CONFIRMED, CYD),
    ]


def test_a_payment_that_comes_first_does_not_confirm() -> None:
    paid = event(EventKind.TOLD, fact=Fact(key="1", kind=PushEvent.PAYMENT_RECEIVED))
    _, changes = hear([paid, event(CREATED, 1)])
    assert [change.kind for change in changes] == [
        PushEvent.PAYMENT_RECEIVED,
        PushEvent.BOOKING_CONFIRMED,
    ]


def test_the_last_seat_given_up_cancels_and_a_seat_heard_of_later_brings_it_back() -> None:
    booking, changes = hear([seat(CREATED, BOB), seat(CANCELLED, BOB, 5)])
    assert booking.status is Status.CANCELLED
    assert (changes[-1].kind, changes[-1].attendee) == (PushEvent.BOOKING_CANCELLED, BOB)
    back = fold(booking, seat(CREATED, CYD, 3))
    assert back.booking.status is Status.ACCEPTED
    assert [(one.kind, one.attendee) for one in back.changes] == [
        (PushEvent.BOOKING_CONFIRMED, CYD)
    ]


@pytest.mark.parametrize(
    "late",
    [
        event(
            EventKind.TOLD,
            -30,
            fact=Fact(key="late", kind=PushEvent.BOOKING_CONFIRMED),
            status_kind=CREATED,
        ),
        event(EventKind.TOLD, -30, fact=Fact(key="late", kind=PushEvent.BOOKING_RESCHEDULED)),
    ],
)
def test_late_news_of_how_a_booking_stands_is_not_told_against_what_is_known(
    late: BookingEvent,
) -> None:
    over, _ = hear([event(CREATED, -60), event(CANCELLED)])
    folded = fold(over, late)
    assert folded.changes == ()
    assert folded.booking.status is Status.CANCELLED
    assert fold(folded.booking, late).booking == folded.booking
    moved, _ = hear([event(CREATED, -60), event(CREATED, times=TUESDAY)])
    assert fold(moved, late).changes == ()


def test_names_and_their_order_follow_the_seats_and_not_the_hearing() -> None:
    bob, robert = Person("bob@example.com", "Bob"), Person("bob@example.com", "Robert")
    sent = [seat(CREATED, bob), seat(CREATED, CYD, 1), seat(CREATED, robert, 2)]
    ends = {hear(order)[0].attendees for order in permutations(sent)}
    assert ends == {(CYD, robert)}


def test_a_plain_event_tells_its_own_news_and_still_says_how_the_booking_stands() -> None:
    told = event(
        EventKind.TOLD,
        fact=Fact(key="k", kind=PushEvent.BOOKING_LOCATION_CHANGED, old_place="Room 1"),
        place="Room 2",
        status_kind=CREATED,
    )
    booking, changes = hear([told, told])
    assert (booking.status, booking.place) == (Status.ACCEPTED, "Room 2")
    (change,) = changes
    assert (change.kind, change.old_place) == (PushEvent.BOOKING_LOCATION_CHANGED, "Room 1")
