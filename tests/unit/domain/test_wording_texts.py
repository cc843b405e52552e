"""Texts: an operator's own in the place of ours, and what cannot be used."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from calbell.domain.events import TimeSpan
from calbell.domain.people import Role
from calbell.domain.privacy import Privacy
from calbell.domain.push_events import PushEvent
from calbell.domain.samples import sample
from calbell.domain.wording import Texts, Voice, Words, WrongText, texts_of
from calbell.domain.wording.english import ENGLISH, Text
from calbell.domain.wording.own_texts import LONGEST_TEXT, places_of
from tests.unit.domain.builders import CYD, DAY, NOW, facts, reader, said

CONFIRMED = PushEvent.BOOKING_CONFIRMED


def with_own(id_: str, text: Text, locale: str = "en") -> Voice:
    return Voice(texts_of({locale: {id_: text}}))


def refusal(id_: str, text: Text) -> str:
    with pytest.raises(WrongText) as caught:
        texts_of({"en": {id_: text}})
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_title_is_replaced_for_all_roles_or_for_attendees() -> None:
    for_all = with_own("booking_confirmed.title", "It Is On")
    assert {said(CONFIRMED, to=reader(role), voice=for_all).title for role in Role} == {"It Is On"}
    for_one = with_own("booking_confirmed.title_for_attendee", "See You There")
    titles = [said(CONFIRMED, to=reader(role), voice=for_one).title for role in Role]
    assert titles == ["Booking Confirmed", "Booking Confirmed", "See You There"]


def test_a_first_line_is_filled_with_what_is_known() -> None:
    voice = with_own("booking_confirmed.first_line", "{people}: {title} {{{booking}}}")
    line = said(CONFIRMED, voice=voice).body.split("\n")[0]
    assert line == "Bob Guest: Intro {Intro with Bob Guest}"


def test_a_first_line_with_nothing_to_fill_it_gives_way_to_the_booking() -> None:
    voice = with_own("booking_confirmed.first_line", "{amount} from {people}")
    assert said(CONFIRMED, voice=voice).body.split("\n")[0] == "Intro with Bob Guest"


def test_a_note_is_added() -> None:
    voice = with_own("booking_cancelled.note", "Tell {people} {{sorry}}")
    lines = said(PushEvent.BOOKING_CANCELLED, voice=voice).body.split("\n")
    assert "Tell Bob Guest {sorry}" in lines


def test_plural_forms_are_chosen_by_number() -> None:
    voice = with_own("lines.more_people", {"one": "{first} + one", "other": "{first} + {count}"})
    lines = [
        said(CONFIRMED, facts(attendee_count=count), voice=voice).body.split("\n")[0]
        for count in (1, 2, 3)
    ]
    assert lines == [
        "Intro with Bob Guest",
        "Intro with Bob Guest + one",
        "Intro with Bob Guest + 2",
    ]


def test_what_strangers_write_fills_no_places() -> None:
    sly = facts(title="{people} {0} {", reason="{reason}", attendees=(CYD,))
    assert said(CONFIRMED, sly).body.split("\n")[0] == "{people} {0} { with Cyd Guest"


def test_the_texts_of_a_territory_come_before_those_of_its_language() -> None:
    texts = texts_of(
        {
            "en": {"booking_cancelled.title": "Off", "booking_confirmed.title": "On"},
            "en_US": {"booking_cancelled.title": "Booking Canceled"},
        }
    )
    cancelled = PushEvent.BOOKING_CANCELLED
    titles = {
        locale: (
            said(cancelled, to=reader(locale=locale), voice=Voice(texts)).title,
            said(CONFIRMED, to=reader(locale=locale), voice=Voice(texts)).title,
        )
        for locale in ("en", "en-GB", "en-US", "de")
    }
    assert titles == {
        "en": ("Off", "On"),
        "en-GB": ("Off", "On"),
        "en-US": ("Booking Canceled", "On"),
        "de": ("Off", "On"),
    }


@pytest.mark.parametrize("name", ["en-GB", "en_gb", "en-Latn-GB", "en_GB@made_up"])
def test_a_territory_is_known_however_it_is_written(name: str) -> None:
    assert texts_of({}).of(name).locale == "en_GB"


def test_locales_that_readers_make_up_are_not_remembered_for_ever() -> None:
    texts = texts_of({})
    for number in range(3000):
        texts.of(f"made-up-{number}")
        texts.of(f"en_GB@{number}")
    assert len(texts.catalogues) <= 1001
    assert texts.of("made-up-2999").locale == "en"


@pytest.mark.parametrize("id_", ENGLISH)
def test_every_text_of_ours_could_be_an_operators(id_: str) -> None:
    assert isinstance(texts_of({"en": {id_: ENGLISH[id_]}}), Texts)


@pytest.mark.parametrize("id_", ENGLISH)
def test_every_text_of_ours_is_said_somewhere(id_: str) -> None:
    """Where one is another, something that is told is another."""
    own: Text = "X" if isinstance(ENGLISH[id_], str) else {"other": "X"}
    assert _all_told(with_own(id_, own)) != _all_told(Voice())


def _all_told(voice: Voice) -> list[Words]:
    discreet = Voice(voice.texts, Privacy.MINIMAL)
    seat = facts(attendee=CYD, seats=10, attendee_count=3)
    day = TimeSpan(NOW.replace(hour=0), NOW.replace(hour=0) + DAY)
    odd = (facts(title=""), facts(times=day), facts(count=3), seat, replace(seat, count=3))
    return [
        said(kind, about, reader(role), each)
        for kind in PushEvent
        for about in (sample(kind, NOW), *odd)
        for role in Role
        for each in (voice, discreet)
    ]


@pytest.mark.parametrize(
    ("id_", "text", "complaint"),
    [
        (
            "booking_confirmed.titel",
            "On",
            "booking_confirmed.titel: there is no such text; did you mean booking_confirmed.title?",
        ),
        ("nothing_like.it_at_all", "On", "nothing_like.it_at_all: there is no such text"),
        ("BOOKING_CONFIRMED.title", "On", "BOOKING_CONFIRMED.title: there is no such text"),
        (
            "booking_confirmed.title",
            "On: {title}",
            "booking_confirmed.title: there is no place {title} here; it has none",
        ),
        (
            "lines.reason",
            "{reasons}",
            "lines.reason: there is no place {reasons} here; there are {reason}",
        ),
        (
            "lines.booking",
            "{title.__class__}",
            "lines.booking: there is no place {title.__class__} here; there are {people}, {title}",
        ),
        (
            "lines.booking",
            "{title!r:>100}",
            "lines.booking: there is no place {title!r:>100} here; there are {people}, {title}",
        ),
        ("lines.was", "{}", "lines.was: there is no place {} here; there are {old}"),
        ("lines.was", "{old", "lines.was: a brace is left open; a brace itself is {{ or }}"),
        (
            "lines.was",
            "",
            "lines.was: must be one line of 1 to 200 visible characters, "
            "no space before, after or doubled",
        ),
        (
            "lines.more_people",
            "more",
            'lines.more_people: has plural forms: { one = "…", other = "…" }',
        ),
        (
            "lines.more_people",
            {"few": "{first}", "other": "{first}"},
            "lines.more_people.few: no plural form here; there are one, other",
        ),
        (
            "lines.more_people",
            {"other": "{frist}"},
            "lines.more_people.other: there is no place {frist} here; there are {count}, {first}",
        ),
        (
            "lines.more_people",
            {"one": "{first}"},
            "lines.more_people: must have the plural form other",
        ),
        ("lines.was", {"other": "x"}, "lines.was: must be one text, without plural forms"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_by_its_id(
    id_: str, text: Text, complaint: str
) -> None:
    assert refusal(id_, text).startswith(complaint)


@pytest.mark.parametrize(
    "text", ["two\nlines", " x", "x  y", "\u202eabc", "x" * (LONGEST_TEXT + 1)]
)
def test_a_text_that_no_lock_screen_shows_as_it_is_is_refused(text: str) -> None:
    assert "must be one line" in refusal("lines.reason", text)


@settings(deadline=None)
@given(st.text(), st.sampled_from([*ENGLISH, "booking_confirmed.note"]))
def test_a_text_is_refused_or_can_be_said(text: str, id_: str) -> None:
    own: Text = text if not isinstance(ENGLISH.get(id_), dict) else {"other": text}
    try:
        voice = with_own(id_, own)
    except WrongText:
        return
    assert places_of(id_) is not None
    assert all(words.title and words.body for words in _all_told(voice))
