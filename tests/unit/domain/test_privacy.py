"""Privacy: what a lock screen may show."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, Role
from calbell.domain.privacy import Privacy
from calbell.domain.push_events import PushEvent
from calbell.domain.samples import sample
from calbell.domain.wording import Voice
from calbell.domain.wording.nameless import without_names
from tests.unit.domain.builders import ADA, BOB, CYD, DAN, NOW, facts, reader, said

NAMELESS, MINIMAL = Voice(privacy=Privacy.NO_NAMES), Voice(privacy=Privacy.MINIMAL)

around = st.text("ab .:/é漢\u202e\u200b")
"""No marks: on the last letter of a name they make another letter of it."""

PEOPLE = facts(
    organizer=ADA,
    old_organizer=DAN,
    hosts=(DAN,),
    attendees=(BOB,),
    attendee=CYD,
    added=(Person("eve.last@example.com"),),
    reason="Sorry, Bobby",
    place="Room 1",
    seats=10,
    attendee_count=3,
)


@pytest.mark.parametrize("kind", list(PushEvent))
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("title", ["Intro", "30 min between Ada Host and Bob Guest", "eve_intro"])
def test_without_names_nobody_is_named(kind: PushEvent, role: Role, title: str) -> None:
    told = said(kind, replace(PEOPLE, title=title), reader(role), NAMELESS)
    whole = f"{told.title}\n{told.body}".casefold()
    for word in ("ada", "bob", "cyd", "dan", "eve", "last", "@", "sorry"):
        assert word not in whole
    assert "Mon, Nov 23, 10:00 – 10:30" in told.body


def test_without_names_the_rest_is_said() -> None:
    told = said(PushEvent.BOOKING_SEAT_CANCELLED, PEOPLE, reader(), NAMELESS)
    assert told.title == "Seat: Booking Cancelled"
    assert told.body.split("\n") == [
        "Intro",
        "Mon, Nov 23, 10:00 – 10:30",
        "That left 3 of 10 seats booked",
    ]
    assert "Room 1" in said(PushEvent.BOOKING_CONFIRMED, PEOPLE, reader(), NAMELESS).body


@pytest.mark.parametrize(
    ("place", "stays"),
    [
        ("https://meet.example.com/adas-room", False),
        ("https://zoom.example.com/my/bobguest", False),
        ("https://meet.example.com/xyz", True),
        ("Dan's office", False),
    ],
)
def test_a_place_that_holds_a_name_is_not_said(place: str, stays: bool) -> None:
    told = said(PushEvent.BOOKING_CONFIRMED, facts(place=place, hosts=(DAN,)), reader(), NAMELESS)
    assert (place in told.body) is stays


@pytest.mark.parametrize("title", ["Yo with Al", "AL: yo"])
def test_a_short_name_counts_as_a_word_of_its_own(title: str) -> None:
    al = facts(attendees=(Person("x@example.com", "Al"),))
    assert without_names(replace(al, title=title)).title == ""
    assert without_names(replace(al, title="Final")).title == "Final"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Call with A\u200bda", "Ada"),
        ("Call with Jose\u0301", "Jos\u00e9"),
        ("Call with 🎉", "🎉"),
        ("CALL WITH STRASSE", "Straße"),
    ],
)
def test_a_name_that_is_written_otherwise_is_still_one(title: str, name: str) -> None:
    about = facts(title=title, attendees=(Person("x@example.com", name),))
    assert without_names(about).title == ""


@settings(deadline=None)
@given(around, around, st.text(min_size=3), st.sampled_from(PushEvent))
def test_a_name_is_never_said_wherever_it_stands(
    before: str, behind: str, name: str, kind: PushEvent
) -> None:
    named = Person("someone@example.com", f"zz{name}zz")
    text = f"{before}zz{name}zz{behind}"
    about = facts(title=text, place=text, old_place=text, reason=text, attendees=(named,))
    told = said(kind, about, reader(), NAMELESS)
    plain = said(kind, facts(title="", attendees=()), reader(), NAMELESS)
    assert told == plain


@pytest.mark.parametrize("kind", list(PushEvent))
@pytest.mark.parametrize("role", list(Role))
def test_the_least_says_the_same_of_every_booking(kind: PushEvent, role: Role) -> None:
    told = said(kind, sample(kind, NOW), reader(role), MINIMAL)
    assert told == said(kind, BookingFacts(uid="u"), reader(role), MINIMAL)
    assert told.body.isascii()
    assert "\n" not in told.body


def test_the_least_of_a_booking_is_that_there_is_one() -> None:
    told = said(PushEvent.BOOKING_CONFIRMED, voice=MINIMAL)
    assert told.body == "You have a new booking"
