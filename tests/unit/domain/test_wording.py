"""Words: what a push says to its reader."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.events import TimeSpan
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.wording import span, words
from tests.unit.domain.builders import ADA, BOB, CYD, MONDAY, NOW, TUESDAY, facts, half_hour, reader

LATE = half_hour(datetime(2026, 11, 23, 23, 45, tzinfo=UTC))
anything = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("kind", list(PushEvent))
def test_every_push_says_what_with_whom_and_when(kind: PushEvent, role: Role) -> None:
    said = words(kind, facts(), reader(role))
    other = ADA if role is Role.ATTENDEE else BOB
    assert said.title
    assert said.title == said.title.strip()
    assert said.body.splitlines() == [
        f"Intro with {other.name}",
        "Mon, Nov 23, 10:00 – 10:30",
    ]


def test_every_kind_of_news_has_a_title_of_its_own() -> None:
    titles = {words(kind, facts(), reader()).title for kind in PushEvent}
    assert len(titles) == len(PushEvent)


@pytest.mark.parametrize("kind", list(PushEvent))
@pytest.mark.parametrize("role", list(Role))
def test_of_a_booking_of_which_nothing_is_known_something_is_said(
    kind: PushEvent, role: Role
) -> None:
    unknown = facts(title="", times=None, organizer=None, attendees=())
    assert words(kind, unknown, reader(role)).body == "Booking"


def test_a_seats_news_names_its_attendee_to_the_hosts_and_the_organizer_to_him() -> None:
    seat = facts(attendee=CYD)
    for role in (Role.ORGANIZER, Role.HOST):
        body = words(PushEvent.BOOKING_SEAT_CANCELLED, seat, reader(role)).body
        assert body.startswith("Intro with Cyd Guest\n")
    body = words(PushEvent.BOOKING_SEAT_CANCELLED, seat, reader(Role.ATTENDEE)).body
    assert body.startswith("Intro with Ada Host\n")


def test_somebody_without_a_name_is_named_by_his_address() -> None:
    nameless = facts(attendees=(Person("bob@example.com"),))
    body = words(PushEvent.BOOKING_CONFIRMED, nameless, reader()).body
    assert body.startswith("Intro with bob@example.com\n")


def test_somebody_without_name_and_address_is_not_named() -> None:
    by_id = facts(organizer=Person("", "", 7))
    body = words(PushEvent.BOOKING_CONFIRMED, by_id, reader(Role.ATTENDEE)).body
    assert body.startswith("Intro\n")


@pytest.mark.parametrize(
    "title", ["30 min between Ada Host and Bob Guest", "BOB GUEST: intro", "Intro (Bob Guest)"]
)
def test_a_name_that_stands_in_the_title_is_not_said_twice(title: str) -> None:
    body = words(PushEvent.BOOKING_CONFIRMED, facts(title=title), reader()).body
    assert body.splitlines()[0] == title


@pytest.mark.parametrize(
    ("title", "name"), [("Planning", "Ann"), ("Final call", "Al"), ("Intro for Bobby", "Bob")]
)
def test_a_name_that_is_only_part_of_a_word_of_the_title_is_said(title: str, name: str) -> None:
    said = facts(title=title, attendees=(Person("x@example.com", name),))
    body = words(PushEvent.BOOKING_CONFIRMED, said, reader()).body
    assert body.splitlines()[0] == f"{title} with {name}"


def test_a_move_says_the_new_times_and_the_old_ones() -> None:
    said = facts(times=TUESDAY, old_times=MONDAY)
    body = words(PushEvent.BOOKING_RESCHEDULED, said, reader()).body
    assert "Tue, Nov 24, 15:00 – 15:30 (was Mon, Nov 23, 10:00 – 10:30)" in body


@pytest.mark.parametrize("old", [None, MONDAY])
def test_old_times_are_not_said_where_they_are_not_known_or_the_same(old: TimeSpan | None) -> None:
    body = words(PushEvent.BOOKING_RESCHEDULED, facts(old_times=old), reader()).body
    assert "was" not in body


@pytest.mark.parametrize(
    "kind",
    [
        PushEvent.BOOKING_CONFIRMED,
        PushEvent.BOOKING_RESCHEDULED,
        PushEvent.BOOKING_LOCATION_CHANGED,
        PushEvent.BOOKING_REMINDER,
    ],
)
def test_those_who_will_come_are_told_where(kind: PushEvent) -> None:
    assert words(kind, facts(place="Room 1"), reader()).body.endswith("\nRoom 1")


def test_of_a_booking_that_does_not_take_place_no_place_is_said() -> None:
    body = words(PushEvent.BOOKING_CANCELLED, facts(place="Room 1"), reader()).body
    assert "Room 1" not in body


def test_the_id_of_a_provider_is_no_place() -> None:
    said = facts(place="integrations:daily")
    assert words(PushEvent.BOOKING_CONFIRMED, said, reader()).body.count("\n") == 1


def test_a_reason_is_said_as_what_somebody_else_wrote() -> None:
    body = words(PushEvent.BOOKING_CANCELLED, facts(reason="I am {ill}"), reader()).body
    assert body.endswith('\nReason: "I am {ill}"')


@pytest.mark.parametrize(
    ("zone", "locale", "clock", "expected"),
    [
        ("UTC", "en", 24, "Mon, Nov 23, 10:00 – 10:30"),
        ("UTC", "en", 12, "Mon, Nov 23, 10:00 AM – 10:30 AM"),
        ("Europe/Berlin", "en", 24, "Mon, Nov 23, 11:00 – 11:30"),
        ("America/New_York", "en", 12, "Mon, Nov 23, 5:00 AM – 5:30 AM"),
        ("Asia/Kathmandu", "en", 24, "Mon, Nov 23, 15:45 – 16:15"),
        ("Pacific/Kiritimati", "en", 24, "Tue, Nov 24, 00:00 – 00:30"),
        ("Pacific/Pago_Pago", "en", 12, "Sun, Nov 22, 11:00 PM – 11:30 PM"),
        ("Europe/London", "en-GB", 24, "Mon 23 Nov, 10:00 – 10:30"),
        ("Europe/London", "en_GB", 24, "Mon 23 Nov, 10:00 – 10:30"),
    ],
)
def test_times_are_those_of_the_readers_zone_and_habit(
    zone: str, locale: str, clock: int, expected: str
) -> None:
    assert span(MONDAY, zone, locale, clock) == expected


def test_the_day_is_said_twice_only_where_the_end_is_on_another() -> None:
    assert span(LATE, "UTC", "en", 24) == "Mon, Nov 23, 23:45 – Tue, Nov 24, 00:15"
    assert span(LATE, "Europe/Berlin", "en", 24) == "Tue, Nov 24, 00:45 – 01:15"


def test_a_time_in_summer_is_said_as_summer_time() -> None:
    summer = half_hour(datetime(2026, 7, 1, 10, 0, tzinfo=UTC))
    assert span(summer, "Europe/London", "en", 24) == "Wed, Jul 1, 11:00 – 11:30"


def test_a_clock_has_only_spaces_that_every_phone_shows() -> None:
    for locale in ("en", "en-GB", "en-AU"):
        said = span(MONDAY, "UTC", locale, 12)
        assert all(char == " " or not char.isspace() for char in said)


@pytest.mark.parametrize(
    "zone", ["", ".", "/", "America", "Mars/Olympus", "../../etc/passwd", "\0", "\ud800", "x" * 999]
)
def test_an_unknown_zone_is_read_as_utc(zone: str) -> None:
    assert span(MONDAY, zone, "en", 24) == "Mon, Nov 23, 10:00 – 10:30"


@pytest.mark.parametrize("locale", ["", "_", "xx", "en-XX", "\0", "\ud800", "x" * 999, "../en"])
def test_an_unknown_locale_is_read_as_english(locale: str) -> None:
    assert span(MONDAY, "UTC", locale, 24) == "Mon, Nov 23, 10:00 – 10:30"


@pytest.mark.parametrize("locale", ["de", "fr-CA", "ar", "zh_Hant_TW"])
def test_dates_are_english_as_long_as_the_words_are(locale: str) -> None:
    assert span(MONDAY, "UTC", locale, 24) == "Mon, Nov 23, 10:00 – 10:30"


@settings(deadline=None)
@given(anything, anything, st.sampled_from([12, 24]))
def test_no_zone_and_no_locale_makes_words_fail(zone: str, locale: str, clock: int) -> None:
    said = reader(time_zone=zone, locale=locale, time_format=clock)
    assert words(PushEvent.BOOKING_CONFIRMED, facts(), said).body


@settings(deadline=None)
@given(
    # The readers of events leave out the first and the last year of all.
    st.timedeltas(timedelta(days=-700_000), timedelta(days=2_900_000)),
    st.timedeltas(timedelta(0), timedelta(days=1)),
    st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London"]),
    st.sampled_from([12, 24]),
)
def test_every_time_can_be_said(until: timedelta, long: timedelta, zone: str, clock: int) -> None:
    at = NOW + until
    assert "–" in span(TimeSpan(at, at + long), zone, "en", clock)
