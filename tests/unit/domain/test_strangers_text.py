"""Text of strangers: what is left of it on a lock screen."""

import itertools
import unicodedata

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.wording.strangers import clean, cut, shown
from calbell.domain.wording.where import LONGEST_PLACE
from calbell.domain.wording.who import LONGEST_NAME
from calbell.domain.wording.words import LONGEST_REASON, LONGEST_TITLE
from tests.unit.domain.builders import facts, reader, said

FAMILY = "👨‍👩‍👧‍👦"
JOINERS = "\u200c\u200d"
BLANK = " " + JOINERS
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
    body = said(PushEvent.BOOKING_CONFIRMED, unseen, reader(Role.ATTENDEE)).body
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
    for longest in range(30, 75):
        assert clean(FAMILY * 3, longest) == FAMILY * ((longest - 3) // len(FAMILY.encode())) + "…"


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


CLUSTERS = regex.compile(r"\X")
many_scripts = st.lists(
    st.one_of(
        st.sampled_from(
            [
                FAMILY,
                "🏳️‍🌈",
                "👍🏽",
                "🇩🇪",
                "1️⃣",
                "क्षि",
                "स्त्री",
                "र्‍",
                "กำ",
                "ที่",
                "น้ำ",
                "العربية",
                "می‌خواهم",
                "\u0627\u0644\u064e\u0651",
                "\u202eabc\u202c",
                "\u2067\u05e2\u05d1\u05e8\u05d9\u05ea\u2069",
                "e\u0301",
                "Z\u0351\u036b\u0343\u036a\u0302",
                "각",
                "漢字",
                " ",
                "a",
            ]
        ),
        st.characters(exclude_categories=()),
    )
).map("".join)


@settings(deadline=None, max_examples=500)
@given(many_scripts, st.integers(4, 120))
@example("e" + "\u0301" * 200, 100)
@example("x" + FAMILY * 30, 30)
def test_what_is_cut_is_cut_between_characters_as_readers_see_them(text: str, longest: int) -> None:
    line = clean(text, 10_000)
    short = cut(line, longest)
    assert len(short.encode()) <= longest
    if short == line:
        return
    assert short == "" or short.endswith("…")
    kept = short.removesuffix("…")
    whole = CLUSTERS.findall(line)
    starts = {"".join(whole[:count]).rstrip(BLANK) for count in range(len(whole))}
    assert kept in starts
    # No more is cut than must be.
    longer = [
        start for start in itertools.accumulate(whole) if len(start.rstrip(BLANK)) > len(kept)
    ]
    assert len(longer[0].encode()) + len("…".encode()) > longest


@pytest.mark.parametrize("char", ["A\u0301", "अ", FAMILY])
def test_a_character_that_does_not_fit_is_not_cut_in_two(char: str) -> None:
    assert cut(char * 50, len(char.encode()) + 2) == ""
    assert cut(char * 50, len(char.encode()) + 3) == char + "…"


def test_a_name_of_nothing_but_one_endless_character_is_none() -> None:
    endless = facts(organizer=Person("ada@example.com", "A" + "\u0301" * 500))
    body = said(PushEvent.BOOKING_CONFIRMED, endless, reader(Role.ATTENDEE)).body
    assert body.startswith("Intro with ada@example.com\n")


@pytest.mark.parametrize("blank", ["\u3164", "\u2800", "\uffa0", "\u115f", "\u034f"])
def test_letters_that_show_nothing_are_nothing(blank: str) -> None:
    assert clean(blank * 3, 100) == ""
    assert clean(f"a{blank}b", 100) == "ab"


@pytest.mark.parametrize("mark", ["\u0301", "\u20e0", "\ufe0f", "\u0e31"])
def test_marks_do_not_stand_on_what_is_written_before_the_text(mark: str) -> None:
    assert clean(f"{mark} {mark}Bob", 100) == "Bob"
    assert clean(mark, 100) == ""


@pytest.mark.parametrize("name", ["דנה", "ليلى", "Dana דנה"])
def test_what_is_written_from_right_to_left_is_set_apart(name: str) -> None:
    assert shown(name, 100) == f"\u2068{name}\u2069"
    body = said(PushEvent.BOOKING_CONFIRMED, facts(attendees=(Person("x@y.z", name),))).body
    assert body.split("\n")[0] == f"Intro with \u2068{name}\u2069"


@pytest.mark.parametrize("name", ["Ann", "Søren", "田中", "🎉"])
def test_what_is_written_from_left_to_right_stands_as_it_is(name: str) -> None:
    assert shown(name, 100) == name


@settings(deadline=None)
@given(many_scripts, many_scripts, many_scripts, many_scripts, st.sampled_from(PushEvent))
def test_no_text_of_a_stranger_makes_words_fail(
    title: str, name: str, place: str, reason: str, kind: PushEvent
) -> None:
    someone = Person("someone@example.com", name)
    about = facts(
        title=title,
        organizer=someone,
        old_organizer=someone,
        attendees=(someone,),
        added=(someone, someone),
        place=place,
        old_place=title,
        reason=reason,
    )
    for role in Role:
        words = said(kind, about, reader(role))
        assert words.title
        assert all(line == line.strip() and line for line in words.body.split("\n"))
        assert len(words.body.split("\n")) <= 7
        of_strangers = LONGEST_TITLE + 4 * LONGEST_NAME + 2 * LONGEST_PLACE + LONGEST_REASON
        assert len(words.body.encode()) <= of_strangers + 200
