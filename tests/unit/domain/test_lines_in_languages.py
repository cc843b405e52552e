"""Lines: that a lock screen shows each as it is, in every language, whatever a booking holds."""

import re
import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from calbell.config.languages import read_languages
from calbell.domain.events import Payment, TimeSpan
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, Role
from calbell.domain.privacy import Privacy
from calbell.domain.push_events import PushEvent
from calbell.domain.samples import sample
from calbell.domain.wording import Voice, texts_of
from tests.unit.domain.builders import CYD, DAN, DAY, HOUR, NOW, reader, said

LANGUAGES = read_languages()
TEXTS = texts_of({}, LANGUAGES)
VOICE = Voice(TEXTS)
ALL = ["en", *sorted(LANGUAGES)]
MOST_ON_A_LOCK_SCREEN = 40


@pytest.mark.parametrize("locale", ALL)
def test_no_title_is_cut(locale: str) -> None:
    seat = {"attendee": CYD, "seats": 10, "attendee_count": 3}
    titles = {
        said(kind, replace(sample(kind, NOW), **more), reader(role, locale=locale), VOICE).title
        for kind in PushEvent
        for role in Role
        for more in ({}, seat)
    }
    assert {title for title in titles if len(title) > MOST_ON_A_LOCK_SCREEN} == set()


@pytest.mark.parametrize("locale", ALL)
@pytest.mark.parametrize("role", list(Role))
def test_every_kind_of_news_has_a_title_of_its_own(locale: str, role: Role) -> None:
    to = reader(role, locale=locale)
    titles = {said(kind, sample(kind, NOW), to, VOICE).title for kind in PushEvent}
    assert len(titles) == len(PushEvent)


@pytest.mark.parametrize("locale", sorted(LANGUAGES))
def test_nothing_is_left_in_english(locale: str) -> None:
    """Only what a booking itself says is the same to all."""
    texts, english = TEXTS.of(locale), TEXTS.of("en")
    same = [
        (kind, which)
        for kind in PushEvent
        for mine, theirs in (
            (texts.to_hosts[kind], english.to_hosts[kind]),
            (texts.to_attendees[kind], english.to_attendees[kind]),
        )
        for which in ("title", "minimal")
        if getattr(mine, which) == getattr(theirs, which)
    ]
    assert same == []


letters = st.text("abcÉñß漢א ", min_size=1, max_size=40)
strangers = st.builds(
    lambda text, hidden: f"{text}{hidden}{text}",
    letters,
    st.sampled_from(["", "\u202e", "\0", "\u200b", "\n"]),
)
people = st.builds(Person, st.just("x@example.com"), strangers)
spans = st.builds(
    lambda begin, long: TimeSpan(NOW + begin, NOW + begin + long),
    st.timedeltas(-300 * DAY, 600 * DAY),
    st.sampled_from([timedelta(0), HOUR, 5 * HOUR, DAY, 3 * DAY]),
)
bookings = st.builds(
    BookingFacts,
    uid=st.just("u"),
    title=strangers,
    times=st.none() | spans,
    old_times=st.none() | spans,
    place=st.none() | strangers | st.just("integrations:daily"),
    old_place=st.none() | strangers,
    organizer=people,
    old_organizer=st.none() | people,
    hosts=st.sampled_from([(), (DAN,)]),
    attendees=st.lists(people, max_size=3).map(tuple),
    attendee_count=st.integers(0, 2000),
    attendee=st.none() | people,
    added=st.lists(people, max_size=2).map(tuple),
    seats=st.none() | st.integers(1, 1000),
    count=st.integers(1, 120),
    payment=st.none()
    | st.builds(Payment, st.integers(0, 10**9), st.sampled_from(["EUR", "JPY", "KWD"])),
    reason=st.none() | strangers,
)
TERRITORIES = ["en-GB", "de-AT", "de_CH", "fr-CA", "fr-CH", "es-MX", "es-419", "es-US"]
locales = st.sampled_from([*ALL, *TERRITORIES])
ENDS = re.compile(r"[^\s.,:;(–-]$|[ap]\. ?m\.$")


@given(
    st.sampled_from(PushEvent),
    bookings,
    st.sampled_from(Role),
    locales,
    st.sampled_from([12, 24]),
    st.sampled_from(["UTC", "Europe/Vienna", "America/Toronto", "Nowhere/Land"]),
    st.sampled_from(Privacy),
)
def test_whatever_is_said_in_whatever_language_is_whole(
    kind: PushEvent,
    about: BookingFacts,
    role: Role,
    locale: str,
    clock: int,
    zone: str,
    privacy: Privacy,
) -> None:
    to = reader(role, locale=locale, time_format=clock, time_zone=zone)
    words = said(kind, about, to, Voice(TEXTS, privacy))
    assert len(words.title) <= MOST_ON_A_LOCK_SCREEN
    for line in (words.title, *words.body.split("\n")):
        assert line
        assert not {"{", "}"} & set(line)
        assert re.search(r"\s\s", line) is None
        assert line == line.strip()
        assert ENDS.search(line.rstrip("\u2069"))
        assert all(_is_harmless(char) for char in line)


def _is_harmless(char: str) -> bool:
    """What strangers hid is gone; only what sets their right-to-left text apart is ours."""
    return unicodedata.category(char) not in {"Cc", "Cf"} or char in "\u2068\u2069"
