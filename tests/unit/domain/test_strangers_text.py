"""Text of strangers: what is left of it on a lock screen."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.wording import (
    LONGEST_NAME,
    LONGEST_PLACE,
    LONGEST_REASON,
    LONGEST_TITLE,
    clean,
    words,
)
from tests.unit.domain.builders import facts, reader

FAMILY = "👨‍👩‍👧‍👦"
JOINERS = "\u200c\u200d"
anything = st.text(st.characters(exclude_categories=()))
hidden = st.sampled_from(
    "\0\x07\x1b\x7f\x80\x9f\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2066\u2067\u2068\u2069\ufeff\ufff9\ufffb\U000e0001\U000e0041"
)


@pytest.mark.parametrize(
    "text",
    [
        "Intro",
        "Ünïcödé",
        "田中さん",
        "नमस्ते",
        "می‌خواهم",
        FAMILY,
        "🏳️‍🌈",
        "👍🏽",
        "🇩🇪",
        "❤️",
        # Newer than the Unicode of the oldest Python that Calbell runs on.
        "\U0001fa77\U0001fae8\U0001fae9",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert clean(text, 100) == text


@settings(deadline=None)
@given(st.text("abc ", max_size=20), hidden, st.text("abc ", max_size=20))
def test_characters_that_cannot_be_seen_are_gone(before: str, char: str, after: str) -> None:
    assert clean(before + char + after, 100) == clean(before + after, 100)


def test_text_cannot_turn_the_direction_of_what_stands_around_it() -> None:
    assert clean("invoice\u202egpj.exe\u202c", 100) == "invoicegpj.exe"


@pytest.mark.parametrize("space", ["\n", "\r\n", "\t", "\u2028", "\u2029", "\u00a0", "  ", "\x1f"])
def test_blanks_and_line_breaks_are_one_space(space: str) -> None:
    assert clean(f"{space}one{space}two{space}", 100) == "one two"


def test_what_is_hidden_between_spaces_leaves_one_of_them() -> None:
    assert clean("\u202e one \u200b two \u202c", 100) == "one two"


@pytest.mark.parametrize("text", ["", " ", "\u200d", "\u200b\u200c \u200d", "\ud800", "\0"])
def test_what_shows_nothing_is_empty(text: str) -> None:
    assert clean(text, 100) == ""


def test_an_organizer_whose_name_shows_nothing_is_named_by_his_address() -> None:
    unseen = facts(organizer=Person("ada@example.com", "\u200d\u202e"))
    body = words(PushEvent.BOOKING_CONFIRMED, unseen, reader(Role.ATTENDEE)).body
    assert body.startswith("Intro with ada@example.com\n")


def test_text_of_just_the_limit_is_not_cut() -> None:
    assert clean("ä" * 50, 100) == "ä" * 50
    assert clean("ä" * 51, 100) == "ä" * 48 + "…"


def test_text_is_cut_between_characters() -> None:
    for longest in range(10, 20):
        cut = clean("🎉" * 10, longest)
        assert cut == "🎉" * ((longest - 3) // 4) + "…"


def test_a_cut_leaves_no_space_and_no_joiner_at_its_end() -> None:
    assert clean("one two three", 10) == "one two…"
    for longest in range(10, 25):
        assert clean(FAMILY * 3, longest)[-2] not in JOINERS


@settings(deadline=None, max_examples=300)
@given(anything, st.integers(10, 400))
@example("🎉" * 200, 100)
@example("\u200d" * 200, 100)
@example("a " * 200, 100)
def test_whatever_strangers_write_is_one_clean_line_within_its_limit(
    text: str, longest: int
) -> None:
    cleaned = clean(text, longest)
    assert len(cleaned.encode()) <= longest
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    categories = {unicodedata.category(char) for char in cleaned if char not in JOINERS}
    # Cn: an emoji that is younger than this Python.
    assert categories.isdisjoint({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
    assert clean(cleaned, longest) == cleaned


@settings(deadline=None)
@given(anything, anything, anything, anything, st.sampled_from(PushEvent), st.sampled_from(Role))
def test_no_text_of_a_stranger_makes_words_fail(
    title: str, name: str, place: str, reason: str, kind: PushEvent, role: Role
) -> None:
    someone = Person("someone@example.com", name)
    said = words(
        kind,
        facts(title=title, organizer=someone, attendees=(someone,), place=place, reason=reason),
        reader(role),
    )
    assert said.title
    assert all(line == line.strip() and line for line in said.body.split("\n"))
    assert len(said.body.split("\n")) <= 4
    longest = LONGEST_TITLE + LONGEST_NAME + LONGEST_PLACE + LONGEST_REASON + 100
    assert len(said.body.encode()) <= longest
