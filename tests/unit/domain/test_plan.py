"""Planning: who is told of a change, and until when it is news."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from calbell.domain.booking import Change
from calbell.domain.events import Payment
from calbell.domain.notification import Suppression
from calbell.domain.people import Directory, Person, Role, User
from calbell.domain.plan import FRESH_FOR, Plan, Rules, recipients
from calbell.domain.preferences import Choices
from calbell.domain.push_events import AFTERMATH, STATE_NEWS, PushEvent
from calbell.domain.release import Stale, release
from tests.unit.domain.builders import (
    ADA,
    ADA_USER,
    BOB,
    BOB_USER,
    CYD,
    CYD_USER,
    DAN,
    DAN_USER,
    DAY,
    EVERYBODY,
    HOUR,
    MONDAY,
    NOW,
    TUESDAY,
    directory,
    planned_for,
    standing,
    told,
    user,
)

CONFIRMED = Change(kind=PushEvent.BOOKING_CONFIRMED)
EVERY_ROLE = frozenset(Role)


def roles(*booking_roles: Role) -> Rules:
    return Rules(frozenset(booking_roles))


def test_organizer_hosts_and_attendees_who_are_users_are_told() -> None:
    booking = standing(hosts=(DAN,), attendees=(BOB, CYD))
    assert told(planned_for(booking, CONFIRMED)) == [
        (7, Role.ORGANIZER),
        (9, Role.HOST),
        (8, Role.ATTENDEE),
        (10, Role.ATTENDEE),
    ]


def test_people_who_are_no_users_are_not_told() -> None:
    booking = standing(hosts=(DAN,))
    assert told(planned_for(booking, CONFIRMED, users=directory(DAN_USER))) == [(9, Role.HOST)]


def test_a_booking_without_organizer_tells_the_others() -> None:
    assert told(planned_for(standing(organizer=None), CONFIRMED)) == [(8, Role.ATTENDEE)]


def test_without_a_change_there_is_no_news() -> None:
    made = planned_for(standing())
    assert made.news == ()
    assert not made.ends_news


def test_a_user_in_several_roles_is_told_once_in_the_first_of_them() -> None:
    ada_again = Person("ada@private.example", "Ada at home")
    booking = standing(hosts=(ADA, DAN), attendees=(ada_again, structs.replace(DAN), BOB))
    assert told(planned_for(booking, CONFIRMED)) == [
        (7, Role.ORGANIZER),
        (9, Role.HOST),
        (8, Role.ATTENDEE),
    ]


def test_an_attendee_is_known_by_any_address_and_never_by_an_id() -> None:
    by_other_address = Person("ada@private.example", "Ada")
    of_a_row = Person("stranger@example.com", "Stranger", 9)
    booking = standing(organizer=None, attendees=(by_other_address, of_a_row))
    assert told(planned_for(booking, CONFIRMED)) == [(7, Role.ATTENDEE)]


def test_an_organizer_or_host_is_known_by_id_before_the_address() -> None:
    secondary = Person("bob@example.com", "Ada", 7)
    by_address = Person("dan@example.com", "Dan")
    unknown_id = Person("cyd@example.com", "Cyd", 4711)
    booking = standing(organizer=secondary, hosts=(by_address, unknown_id), attendees=())
    assert told(planned_for(booking, CONFIRMED)) == [
        (7, Role.ORGANIZER),
        (9, Role.HOST),
        (10, Role.HOST),
    ]


@pytest.mark.parametrize(
    ("switched_on", "expected"),
    [
        (roles(Role.ORGANIZER), [(7, Role.ORGANIZER)]),
        (roles(Role.HOST), [(9, Role.HOST)]),
        (roles(Role.ATTENDEE), [(8, Role.ATTENDEE)]),
        (roles(), []),
    ],
)
def test_roles_that_are_switched_off_are_not_told(
    switched_on: Rules, expected: list[tuple[int, Role]]
) -> None:
    booking = standing(hosts=(DAN,))
    assert told(planned_for(booking, CONFIRMED, rules=switched_on)) == expected


def test_who_organizes_is_not_told_as_attendee_where_organizers_are_switched_off() -> None:
    booking = standing(attendees=(ADA, BOB))
    assert told(planned_for(booking, CONFIRMED, rules=roles(Role.ATTENDEE))) == [(8, Role.ATTENDEE)]


@pytest.mark.parametrize("address", ["ada@example.com", "ada@private.example"])
def test_whoever_acted_is_not_told_of_it_whichever_of_his_addresses_is_named(address: str) -> None:
    cancelled = Change(kind=PushEvent.BOOKING_CANCELLED, actor=address)
    assert told(planned_for(standing(), cancelled)) == [(8, Role.ATTENDEE)]


def test_an_actor_who_is_no_user_keeps_nobody_from_being_told() -> None:
    cancelled = Change(kind=PushEvent.BOOKING_CANCELLED, actor="stranger@example.com")
    assert told(planned_for(standing(), cancelled)) == [(7, Role.ORGANIZER), (8, Role.ATTENDEE)]


def seat_of(attendee: Person, kind: PushEvent = PushEvent.BOOKING_CONFIRMED) -> Change:
    return Change(kind=kind, attendee=attendee)


def test_a_new_seat_is_told_to_the_hosts_and_to_that_attendee_only() -> None:
    booking = standing(hosts=(DAN,), attendees=(BOB, CYD), seats=10)
    assert told(planned_for(booking, seat_of(CYD))) == [
        (7, Role.ORGANIZER),
        (9, Role.HOST),
        (10, Role.ATTENDEE),
    ]


def test_a_seat_given_up_is_told_to_the_attendee_who_is_none_any_more() -> None:
    booking = standing(attendees=(BOB,), seats=10)
    made = planned_for(booking, seat_of(CYD, PushEvent.BOOKING_SEAT_CANCELLED))
    assert told(made) == [(7, Role.ORGANIZER), (10, Role.ATTENDEE)]
    assert made.news[0].facts.attendee == CYD


def test_a_seat_is_not_told_to_its_attendee_where_attendees_are_switched_off() -> None:
    booking = standing(attendees=(BOB,), seats=10)
    for change in (seat_of(BOB), seat_of(CYD, PushEvent.BOOKING_SEAT_CANCELLED)):
        made = planned_for(booking, change, rules=roles(Role.ORGANIZER, Role.HOST))
        assert told(made) == [(7, Role.ORGANIZER)]


def test_an_organizer_who_takes_a_seat_himself_is_told_once() -> None:
    booking = standing(attendees=(ADA, BOB), seats=10)
    assert told(planned_for(booking, seat_of(ADA))) == [(7, Role.ORGANIZER)]
    assert told(planned_for(booking, seat_of(ADA), rules=roles(Role.ATTENDEE))) == []


def test_several_seats_of_one_event_are_told_to_the_organizer_once() -> None:
    booking = standing(attendees=(BOB, CYD), seats=10)
    made = planned_for(booking, seat_of(BOB), seat_of(CYD))
    assert told(made) == [(7, Role.ORGANIZER), (8, Role.ATTENDEE), (10, Role.ATTENDEE)]
    assert [item.facts.attendee for item in made.news] == [BOB, BOB, CYD]


def test_whoever_gives_up_his_own_seat_is_not_told() -> None:
    left = Change(kind=PushEvent.BOOKING_SEAT_CANCELLED, attendee=CYD, actor=CYD.email)
    assert told(planned_for(standing(seats=10), left)) == [(7, Role.ORGANIZER)]


def test_news_carries_the_facts_of_the_change_and_is_due_at_once() -> None:
    change = Change(kind=PushEvent.BOOKING_RESCHEDULED, old_times=TUESDAY, reason="Ill")
    booking = standing(place="Room 1", attendees=(BOB, CYD))
    item = planned_for(booking, change).news[0]
    assert item.kind is PushEvent.BOOKING_RESCHEDULED
    assert item.due_at == NOW
    assert item.facts.uid == booking.uid
    assert (item.facts.title, item.facts.place, item.facts.reason) == ("Intro", "Room 1", "Ill")
    assert (item.facts.times, item.facts.old_times) == (MONDAY, TUESDAY)
    assert (item.facts.organizer, item.facts.attendees) == (ADA, (BOB, CYD))
    assert item.facts.attendee_count == 2


def test_facts_name_a_few_of_whom_there_may_be_thousands() -> None:
    crowd = tuple(Person(f"guest{number}@example.com") for number in range(1_000))
    booking = standing(attendees=crowd, hosts=crowd, seats=2_000)
    facts = planned_for(booking, CONFIRMED).news[0].facts
    assert (len(facts.attendees), len(facts.hosts)) == (3, 3)
    assert (facts.attendee_count, facts.seats) == (1_000, 2_000)


def test_a_fact_brings_along_what_its_words_need() -> None:
    change = Change(
        kind=PushEvent.PAYMENT_RECEIVED,
        payment=Payment(5_000, "USD"),
        added=(CYD,),
        old_place="Room 1",
        old_organizer=DAN,
    )
    facts = planned_for(standing(), change).news[0].facts
    assert (facts.payment, facts.added) == (Payment(5_000, "USD"), (CYD,))
    assert (facts.old_place, facts.old_organizer) == ("Room 1", DAN)


@pytest.mark.parametrize("kind", sorted(AFTERMATH))
def test_what_comes_when_the_meeting_is_over_is_news_for_a_day(kind: PushEvent) -> None:
    now = MONDAY.end_at + HOUR
    (item, _) = planned_for(standing(), Change(kind=kind), event_at=now, now=now).news
    assert item.expires_at == now + DAY


def test_news_is_stale_a_day_after_its_event() -> None:
    sent_at = NOW - 3 * HOUR
    (item, _) = planned_for(standing(), CONFIRMED, event_at=sent_at).news
    assert item.expires_at == sent_at + FRESH_FOR == sent_at + DAY


def test_news_is_stale_at_the_bookings_end_where_that_is_sooner() -> None:
    now = MONDAY.start_at - HOUR
    (item, _) = planned_for(standing(), CONFIRMED, event_at=now, now=now).news
    assert item.expires_at == MONDAY.end_at


def test_news_of_a_booking_without_times_is_stale_a_day_after_its_event() -> None:
    (item, _) = planned_for(standing(times=None), CONFIRMED).news
    assert item.expires_at == NOW + DAY


def test_an_event_from_the_future_is_news_for_a_day_from_now() -> None:
    (item, _) = planned_for(standing(), CONFIRMED, event_at=NOW + 5 * DAY).news
    assert item.expires_at == NOW + DAY


def test_news_that_comes_after_the_booking_is_stale_when_it_is_made() -> None:
    now = MONDAY.end_at + timedelta(seconds=1)
    (item, _) = planned_for(standing(), CONFIRMED, event_at=now, now=now).news
    assert release(item, None, (), exclusive=True, now=now) == Stale()


@pytest.mark.parametrize("kind", list(PushEvent))
def test_news_of_a_bookings_state_ends_earlier_news_and_other_news_does_not(
    kind: PushEvent,
) -> None:
    assert planned_for(standing(), Change(kind=kind)).ends_news == (kind in STATE_NEWS)


def test_the_last_seat_that_is_given_up_ends_all_earlier_news() -> None:
    assert planned_for(standing(seats=10), seat_of(BOB, PushEvent.BOOKING_CANCELLED)).ends_news


@pytest.mark.parametrize("kind", sorted(set(PushEvent) - {PushEvent.BOOKING_CANCELLED}))
def test_a_seats_news_ends_nobodys_news(kind: PushEvent) -> None:
    assert not planned_for(standing(seats=10), seat_of(BOB, kind)).ends_news


def test_a_booking_that_was_moved_elsewhere_ends_its_news_without_telling_any() -> None:
    made = planned_for(standing(replaced_by_uid="booking-2"))
    assert made.ends_news
    assert made.news == ()


def test_the_state_news_are_those_that_say_what_a_booking_is_and_when() -> None:
    assert {
        PushEvent.PAYMENT_RECEIVED,
        PushEvent.RECORDING_READY,
        PushEvent.TRANSCRIPT_READY,
        PushEvent.BOOKING_SEAT_CANCELLED,
    }.isdisjoint(STATE_NEWS)
    assert PushEvent.BOOKING_RESCHEDULED in STATE_NEWS


def test_a_directory_finds_nobody_who_is_not_in_it() -> None:
    assert directory().find(ADA) is None
    assert directory().find_attendee(BOB) is None
    assert directory(ADA_USER).find(ADA) == ADA_USER
    assert directory(BOB_USER).find_attendee(BOB) == BOB_USER


def test_recipients_are_each_there_once() -> None:
    booking = standing(hosts=(DAN, DAN), attendees=(BOB, BOB, CYD))
    found = [one.id for one, _ in recipients(booking, EVERYBODY, EVERY_ROLE)]
    assert found == [7, DAN_USER.id, BOB_USER.id, CYD_USER.id]


def test_two_addresses_of_one_user_are_one_attendee() -> None:
    both = user(11, "eve@example.com", "eve@work.example")
    booking = standing(
        organizer=None, attendees=(Person("eve@work.example"), Person("eve@example.com"))
    )
    assert told(planned_for(booking, CONFIRMED, users=directory(both))) == [(11, Role.ATTENDEE)]


def wishing(of: User, **choices: Any) -> Directory:
    """Everybody; this one chose something."""
    others = (one for one in EVERYBODY.by_id.values() if one.id != of.id)
    return directory(*others, structs.replace(of, choices=Choices(**choices)))


CANCELLED_BY_BOB = Change(kind=PushEvent.BOOKING_CANCELLED, actor="bob@example.com")


def unwanted(made: Plan) -> list[tuple[int, Suppression]]:
    return [(item.user_id, why) for item, why in made.unwanted]


def test_why_whoever_acted_is_not_told_is_kept() -> None:
    made = planned_for(standing(), CANCELLED_BY_BOB)
    assert unwanted(made) == [(8, Suppression.OWN_ACTION)]


def test_whoever_acted_is_told_if_he_wishes() -> None:
    made = planned_for(standing(), CANCELLED_BY_BOB, users=wishing(BOB_USER, own_actions=True))
    assert told(made) == [(7, Role.ORGANIZER), (8, Role.ATTENDEE)]
    assert unwanted(made) == []


@pytest.mark.parametrize("choice", [{"enabled": False}, {"events": {"BOOKING_CONFIRMED": False}}])
def test_what_is_switched_off_is_not_told_and_why_is_kept(choice: dict[str, Any]) -> None:
    made = planned_for(standing(), CONFIRMED, users=wishing(ADA_USER, **choice))
    assert told(made) == [(8, Role.ATTENDEE)]
    assert unwanted(made) == [(7, Suppression.SWITCHED_OFF)]


def test_of_several_seats_one_that_is_wanted_is_enough() -> None:
    booking = standing(attendees=(BOB, CYD), seats=10)
    own = structs.replace(seat_of(BOB), actor="ada@example.com")
    made = planned_for(booking, own, seat_of(CYD))
    assert told(made) == [(8, Role.ATTENDEE), (7, Role.ORGANIZER), (10, Role.ATTENDEE)]
    assert unwanted(made) == []
