"""One more event: what becomes of the booking, and what there is to tell."""

import pytest

from calbell.domain.booking import Booking, Status
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
    MONDAY,
    REJECTED,
    REQUESTED,
    RESCHEDULED,
    TUESDAY,
    UID,
    copy,
    event,
    hear,
    later,
    move_to,
)


@pytest.mark.parametrize(
    ("kind", "status", "news"),
    [
        (REQUESTED, Status.PENDING, PushEvent.BOOKING_REQUESTED),
        (CREATED, Status.ACCEPTED, PushEvent.BOOKING_CONFIRMED),
        (RESCHEDULED, Status.ACCEPTED, PushEvent.BOOKING_RESCHEDULED),
        (CANCELLED, Status.CANCELLED, PushEvent.BOOKING_CANCELLED),
        (REJECTED, Status.REJECTED, PushEvent.BOOKING_REJECTED),
    ],
)
def test_each_kind_of_event_gives_a_booking_its_status_and_is_told(
    kind: EventKind, status: Status, news: PushEvent
) -> None:
    heard = hear(event(kind))
    assert heard.booking.status is status
    assert heard.kinds == [news]


def test_the_first_event_says_all_that_is_known() -> None:
    said = event(CREATED, place="Room 1", hosts=(DAN,), seats=None)
    booking = hear(said).booking
    assert (booking.title, booking.times, booking.place) == ("Intro", MONDAY, "Room 1")
    assert (booking.organizer, booking.hosts, booking.attendees) == (ADA, (DAN,), (BOB,))
    assert booking.seats is None
    assert booking.version == 1


def test_folding_leaves_the_given_booking_as_it_was() -> None:
    before = hear(event(CREATED)).booking
    observed = dict(before.observed)
    fold(before, event(RESCHEDULED, 5, times=TUESDAY))
    assert before.times == MONDAY
    assert before.observed == observed


@pytest.mark.parametrize(
    ("kinds", "news"),
    [
        ((REQUESTED, CREATED), ["BOOKING_REQUESTED", "BOOKING_CONFIRMED"]),
        ((REQUESTED, REJECTED), ["BOOKING_REQUESTED", "BOOKING_REJECTED"]),
        ((REQUESTED, CANCELLED), ["BOOKING_REQUESTED", "BOOKING_CANCELLED"]),
        ((CREATED, CANCELLED), ["BOOKING_CONFIRMED", "BOOKING_CANCELLED"]),
        ((RESCHEDULED, CANCELLED), ["BOOKING_RESCHEDULED", "BOOKING_CANCELLED"]),
    ],
)
def test_a_climbing_status_is_told_at_each_step(
    kinds: tuple[EventKind, ...], news: list[str]
) -> None:
    assert hear(*(event(kind, nth) for nth, kind in enumerate(kinds))).kinds == news


@pytest.mark.parametrize("late", list(EventKind))
@pytest.mark.parametrize("end", [REJECTED, CANCELLED])
def test_after_the_end_of_a_booking_nothing_is_told(end: EventKind, late: EventKind) -> None:
    ended = hear(event(end)).booking
    assert hear(event(late, 5, times=TUESDAY), booking=ended).changes == ()


def test_a_request_that_arrives_after_its_confirmation_changes_nothing() -> None:
    confirmed = hear(event(CREATED, 5)).booking
    folded = fold(confirmed, event(REQUESTED, 0))
    assert folded.is_copy
    assert folded.changes == ()
    assert folded.booking.status is Status.ACCEPTED


def test_a_request_that_was_sent_after_the_confirmation_does_not_take_it_back() -> None:
    heard = hear(event(CREATED), event(REQUESTED, 5))
    assert heard.booking.status is Status.ACCEPTED
    assert heard.kinds == ["BOOKING_CONFIRMED"]


@pytest.mark.parametrize("kind", list(EventKind))
def test_a_copy_in_other_bytes_changes_and_tells_nothing(kind: EventKind) -> None:
    said = event(kind)
    once = hear(said).booking
    folded = fold(once, copy(said))
    assert folded.is_copy
    assert folded.changes == ()
    assert folded.booking.version == once.version


def test_what_an_event_does_not_name_stays_known() -> None:
    known = event(CREATED, place="Room 1", hosts=(DAN,))
    silent = event(
        REJECTED, 5, title=None, times=None, organizer=None, hosts=None, attendees=None, place=None
    )
    booking = hear(known, silent).booking
    assert (booking.title, booking.times, booking.place) == ("Intro", MONDAY, "Room 1")
    assert (booking.organizer, booking.hosts, booking.attendees) == (ADA, (DAN,), (BOB,))


def test_each_detail_follows_the_newest_event_that_named_it() -> None:
    newest = event(CREATED, 9, title="Newest", place=None)
    booking = hear(newest, event(REQUESTED, 5, title="Older", place="Room 5")).booking
    assert booking.title == "Newest"
    assert booking.place == "Room 5"


def test_a_detail_that_changes_without_news_still_makes_a_new_version() -> None:
    folded = fold(hear(event(CREATED)).booking, event(CREATED, 5, title="Renamed"))
    assert folded.changes == ()
    assert not folded.is_copy
    assert folded.booking.version == 2


def test_two_events_of_one_instant_give_the_same_booking_in_either_order() -> None:
    one, other = event(CREATED, title="One"), event(CREATED, title="Other", times=TUESDAY)
    first, second = hear(one, other).booking, hear(other, one).booking
    assert (first.title, first.times) == (second.title, second.times)


def moved(minute: float, **more: object) -> BookingEvent:
    """A booking with seats that a host moves keeps its uid."""
    return event(RESCHEDULED, minute, old_uid=UID, **more)


def test_a_booking_that_is_moved_there_and_back_and_there_again_tells_three_moves() -> None:
    heard = hear(
        event(CREATED),
        moved(1, times=TUESDAY),
        moved(2, times=MONDAY),
        moved(3, times=TUESDAY),
    )
    assert heard.kinds == ["BOOKING_CONFIRMED"] + 3 * ["BOOKING_RESCHEDULED"]
    assert [change.old_times for change in heard.changes[1:]] == [MONDAY, TUESDAY, MONDAY]
    assert heard.booking.times == TUESDAY


def test_a_move_in_place_names_who_moved_it_and_why() -> None:
    said = moved(1, times=TUESDAY, actor="bob@example.com", reason="Train is late")
    (_, change) = hear(event(CREATED), said).changes
    assert (change.actor, change.reason) == ("bob@example.com", "Train is late")


def test_a_move_that_arrives_after_a_later_one_tells_nothing() -> None:
    heard = hear(event(CREATED), moved(2, times=MONDAY), moved(1, times=TUESDAY))
    assert heard.kinds == ["BOOKING_CONFIRMED"]
    assert heard.booking.times == MONDAY


def test_a_move_in_place_replaces_no_booking() -> None:
    assert moved(1).replaces is None
    assert event(RESCHEDULED).replaces is None
    assert event(RESCHEDULED, old_uid="booking-0").replaces == "booking-0"


def test_a_move_to_a_new_uid_is_told_under_the_new_one_with_the_old_times() -> None:
    said = event(RESCHEDULED, times=TUESDAY, old_uid="booking-0", old_times=MONDAY)
    (change,) = hear(said).changes
    assert change.kind is PushEvent.BOOKING_RESCHEDULED
    assert change.old_times == MONDAY


def test_a_booking_that_was_moved_elsewhere_is_dead_and_tells_nothing() -> None:
    folded = replace(hear(event(CREATED)).booking, move_to("booking-2"))
    assert folded.changes == ()
    assert not folded.is_copy
    assert folded.booking.replaced_by_uid == "booking-2"
    assert not folded.booking.stands
    heard = hear(event(CANCELLED, 5), booking=folded.booking)
    assert heard.changes == ()


@pytest.mark.parametrize("kind", list(EventKind))
def test_a_booking_that_is_heard_of_only_after_it_was_moved_elsewhere_tells_nothing(
    kind: EventKind,
) -> None:
    dead = replace(Booking(uid=UID), move_to("booking-2")).booking
    heard = hear(event(kind), booking=dead)
    assert heard.changes == ()
    assert heard.booking.title == "Intro"
    assert not heard.booking.stands


def test_moving_a_booking_elsewhere_twice_changes_nothing() -> None:
    dead = replace(Booking(uid=UID), move_to("booking-2")).booking
    folded = replace(dead, move_to("booking-3"))
    assert folded.is_copy
    assert folded.booking.replaced_by_uid == "booking-2"
    earlier = replace(dead, move_to("booking-0", 4))
    assert earlier.booking.replaced_by_uid == "booking-0"


def test_a_cancellation_that_asks_to_reschedule_is_told_as_that() -> None:
    said = event(CANCELLED, 5, asks_to_reschedule=True, reason="Later?", actor="ada@example.com")
    heard = hear(event(CREATED), said)
    assert heard.booking.status is Status.CANCELLED
    assert heard.kinds == ["BOOKING_CONFIRMED", "BOOKING_RESCHEDULE_REQUESTED"]
    assert heard.changes[1].reason == "Later?"
    assert heard.changes[1].actor == "ada@example.com"


def test_an_organizer_known_by_id_is_not_displaced_by_one_known_by_address_only() -> None:
    by_address = Person("calendar@example.com", "Ada's Calendar")
    heard = hear(event(CREATED), event(CANCELLED, 5, organizer=by_address))
    assert heard.booking.organizer == ADA


def test_an_organizer_named_by_id_displaces_one_known_by_address_even_if_sent_earlier() -> None:
    by_address = Person("calendar@example.com")
    heard = hear(event(CANCELLED, 5, organizer=by_address), event(CREATED, 0))
    assert heard.booking.organizer == ADA


def test_of_two_organizers_of_one_sort_the_newest_counts() -> None:
    reassigned = event(CREATED, 5, organizer=DAN)
    assert hear(event(CREATED), reassigned).booking.organizer == DAN
    assert hear(reassigned, event(CREATED)).booking.organizer == DAN
    one, other = Person("one@example.com"), Person("other@example.com")
    assert (
        hear(event(CREATED, organizer=one), event(CREATED, 5, organizer=other)).booking.organizer
        == other
    )


def test_attendees_of_a_booking_without_seats_are_those_of_the_newest_event() -> None:
    first = event(CREATED)
    assert hear(first, later(first, 5, attendees=(CYD,))).booking.attendees == (CYD,)
    assert hear(later(first, 5, attendees=(CYD,)), first).booking.attendees == (CYD,)


@pytest.mark.parametrize("is_heard_first", [False, True])
@pytest.mark.parametrize("came_back", [False, True])
def test_who_was_removed_is_the_organizer_until_somebody_is_named_by_an_address(
    came_back: bool, is_heard_first: bool
) -> None:
    """He may be a user once more, and webhooks that tell of an end may name him so."""
    removed = Person(email=alias_of(5))
    named = Person(email="ada@example.com", name="Ada")
    old, new = (removed, named) if came_back else (named, removed)
    events = [event(CREATED, organizer=old), later(event(CANCELLED, organizer=new), 1)]
    if is_heard_first:
        events.reverse()
    booking = Booking(uid=UID)
    for one in events:
        booking = fold(booking, one).booking
    assert booking.organizer == new
