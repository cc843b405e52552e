"""The veil: what others' bookings say of users who were removed."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from calbell.domain.booking import Booking
from calbell.domain.events import BookingEvent, EventKind, TimeSpan
from calbell.domain.fold import fold
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, alias_of
from calbell.domain.veil import NOBODY, Veil
from calbell.domain.wording.who import name_of

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADA = Person("ada@example.com", "Ada Lovelace")
BEN = Person("ben@example.com", "Ben")
VEIL = Veil({"ada@example.com": 7}, frozenset((7,)), frozenset(("Ada Lovelace",)))


def test_a_person_becomes_nobody_and_the_same_nobody_everywhere() -> None:
    facts = BookingFacts(
        uid="b",
        title="Ada Lovelace and Ben",
        organizer=Person("other@example.com", "Ada", user_id=7),
        attendees=(ADA, BEN),
        attendee=ADA,
        reason="ask ada@example.com",
    )
    assert VEIL.over_facts(facts) == BookingFacts(
        uid="b",
        title=f"{NOBODY} and Ben",
        organizer=Person(alias_of(7)),
        attendees=(Person(alias_of(7)), BEN),
        attendee=Person(alias_of(7)),
        reason=f"ask {NOBODY}",
    )
    assert name_of(Person(alias_of(7))) == ""


def test_a_name_is_hidden_as_a_word_alone() -> None:
    veil = Veil({}, names=frozenset(("Ann",)))
    assert veil.text("Planning with ANN, Annabel and Hann") == "Planning with …, Annabel and Hann"


def test_the_id_of_an_attendee_is_nobodys() -> None:
    attendee = Person("other@example.com", "Ada", user_id=7)
    assert VEIL.attendee(attendee) == attendee


events = st.builds(
    BookingEvent,
    kind=st.sampled_from((EventKind.REQUESTED, EventKind.CREATED, EventKind.CANCELLED)),
    uid=st.just("b"),
    sent_at=st.integers(0, 5).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    title=st.sampled_from((None, "Call", "Ada Lovelace and Ben")),
    times=st.just(TimeSpan(NOON, NOON + timedelta(hours=1))),
    attendees=st.sampled_from((None, (ADA,), (BEN,), (ADA, BEN))),
    seats=st.sampled_from((None, 3)),
)


@given(st.lists(events, max_size=6, unique_by=lambda event: event.sent_at), st.integers(0, 6))
def test_a_removal_in_the_middle_is_no_news(heard: list[BookingEvent], removed_after: int) -> None:
    """Whether what was known is veiled and what comes is, or all together in the end: it is the
    same booking, and the same is told. (Of two events of one moment that contradict each other the
    fold takes one by what they say, which a veil changes.)"""
    before, after = heard[:removed_after], heard[removed_after:]
    plain = veiled = Booking(uid="b")
    for event in before:
        plain = fold(plain, event).booking
    veiled = VEIL.over_booking(plain)
    for event in after:
        told, hidden = fold(plain, event), fold(veiled, VEIL.over_event(event))
        assert [c.kind for c in told.changes] == [c.kind for c in hidden.changes]
        plain, veiled = told.booking, hidden.booking
        assert VEIL.over_booking(plain).attendees == veiled.attendees or plain.seats is not None
        assert {p.email for p in VEIL.over_booking(plain).people} == {
            p.email for p in veiled.people
        }
