"""Catalogues: that each is whole and right, and what a wrong one is refused for."""

from collections.abc import Callable
from functools import partial

import pytest
from babel.messages.catalog import Catalog, Message

from calbell.config.languages import read_catalogue, read_languages, texts_in
from calbell.domain.wording.english import ENGLISH
from tests.catalogues import LANGUAGES, LOCALES, faults, up_to_date, written

AGAIN = "bring it up to date: python -m tests.catalogues"
Change = Callable[[Catalog], object]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_text_and_each_can_be_said(language: str) -> None:
    assert faults(read_catalogue(language)) == []
    assert read_languages()[language]().keys() == ENGLISH.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_written_as_the_command_writes_it(language: str) -> None:
    file = LOCALES / language / "LC_MESSAGES" / "calbell.po"
    assert file.read_text("utf-8") == written(up_to_date(read_catalogue(language))), AGAIN


def test_every_language_is_there() -> None:
    assert set(read_languages()) == set(LANGUAGES) >= {"de", "es", "fr"}


def text_of(catalogue: Catalog, id_: str) -> Message:
    return next(message for message in catalogue if message.context == id_)


def say(id_: str, string: str | tuple[str, ...], catalogue: Catalog) -> None:
    text_of(catalogue, id_).string = string


def leave_out(id_: str, catalogue: Catalog) -> None:
    message = text_of(catalogue, id_)
    catalogue.delete(message.id, id_)


def mark_as_fuzzy(id_: str, catalogue: Catalog) -> None:
    text_of(catalogue, id_).flags.add("fuzzy")


def translate(english: str, id_: str, catalogue: Catalog) -> None:
    catalogue.add(english, "Termin", context=id_)


MORE = "{first} und {count}"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (partial(leave_out, "lines.was"), "lines.was: is missing"),
        (partial(say, "lines.was", ""), "lines.was: is not translated"),
        (partial(say, "lines.more_people", (MORE, "")), "lines.more_people: is not translated"),
        (partial(mark_as_fuzzy, "lines.was"), "lines.was: is fuzzy"),
        (partial(translate, "Booking", "lines.no"), "lines.no: there is no such text in English"),
        (partial(say, "lines.was", "Vorher"), "lines.was: leaves out {old}"),
        (
            partial(say, "lines.was", "Vorher: {odl}"),
            "lines.was: there is no place {odl} here; there are {old}",
        ),
        (partial(say, "lines.was", "Vorher: {old"), "lines.was: a brace is left open"),
        (
            partial(say, "lines.more_people", (MORE, MORE, MORE)),
            "lines.more_people: has 3 plural forms; there are 2",
        ),
        (
            partial(say, "lines.more_people", (MORE,)),
            "lines.more_people: has 1 plural forms; there are 2",
        ),
        (
            partial(say, "lines.more_people", (MORE, "{first}")),
            None,  # "and another one" may do without its number.
        ),
        (
            partial(say, "lines.more_people", (MORE, "und {count}")),
            "lines.more_people: leaves out {first}",
        ),
        (partial(say, "lines.was", "Vorher:  {old}"), "lines.was: must be one line"),
        (partial(say, "lines.was", "Vorher: {old}."), "lines.was: ends in ."),
        (partial(say, "lines.reason", "Grund: '{reason}'"), "lines.reason: German quotes"),
        (partial(say, "lines.reason", "Grund: “{reason}”"), "lines.reason: German quotes"),
        (
            partial(say, "booking_reminder.title", "T" * 33),
            "booking_reminder.title: is 33 characters long; 32 can be seen",
        ),
        (
            partial(say, "booking_requested.title_for_attendee", "T" * 33),
            "booking_requested.title_for_attendee: is 33 characters long",
        ),
        (
            partial(say, "lines.seat_title", "Sitzplatz: {title}"),
            "lines.seat_title: is 11 characters long; 8 can be seen",
        ),
        (
            partial(say, "booking_reminder.minimal", "T" * 61),
            "booking_reminder.minimal: is 61 characters long; 60 can be seen",
        ),
    ],
)
def test_a_catalogue_that_is_not_right_is_refused(change: Change, complaint: str | None) -> None:
    catalogue = read_catalogue("de")
    change(catalogue)
    found = faults(catalogue)
    if complaint is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith(complaint)


def test_a_translation_of_another_english_text_is_refused_and_marked() -> None:
    catalogue = read_catalogue("de")
    leave_out("lines.was", catalogue)
    catalogue.add("Was {old} once", "Vorher: {old}", context="lines.was")
    assert faults(catalogue) == ["lines.was: is of another English text"]
    marked = up_to_date(catalogue)
    assert faults(marked) == ["lines.was: is fuzzy: read it again, then take the mark away"]
    assert 'msgid "Was {old}"\nmsgstr "Vorher: {old}"' in written(marked)
    assert '#| msgid "Was {old} once"' in written(marked)


def test_french_is_written_as_the_french_write() -> None:
    catalogue = read_catalogue("fr")
    say("lines.was", "Avant : {old}", catalogue)
    assert [fault.partition(": ")[0] for fault in faults(catalogue)] == ["lines.was"]


def test_plural_forms_that_are_not_those_of_the_language_are_refused() -> None:
    catalogue = read_catalogue("de")
    catalogue.mime_headers = [("Plural-Forms", "nplurals=3; plural=(n != 1)")]
    assert faults(catalogue) == ["Plural-Forms: must be: nplurals=2; plural=(n != 1);"]


def test_a_language_is_begun_with_every_text_of_english_and_what_it_needs() -> None:
    begun = up_to_date(Catalog("pl"))
    assert faults(begun) == [f"{id_}: is not translated" for id_ in ENGLISH]
    assert '"Plural-Forms: nplurals=3;' in written(begun)
    assert 'msgstr[2] ""' in written(begun)


def test_the_plural_forms_of_gettext_are_those_of_cldr() -> None:
    polish = up_to_date(Catalog("pl"))
    say("lines.seats_at_once", ("{count} miejsce", "{count} miejsca", "{count} miejsc"), polish)
    assert texts_in(polish)["lines.seats_at_once"] == {
        "one": "{count} miejsce",
        "few": "{count} miejsca",
        "many": "{count} miejsc",
        "other": "{count} miejsc",
    }
