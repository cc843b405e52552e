"""Lock screens: what every event looks like, in one file and on one page that people read."""

import tomllib

import pytest

from calbell.domain.wording import texts_of
from calbell.domain.wording.english import ENGLISH
from calbell.domain.wording.own_texts import places_of
from tests.lock_screens import PAGE, REFERENCE, SCREENS, TEXTS, pages, screens

AGAIN = "make it anew and read what changed: python -m tests.lock_screens"


def test_every_event_looks_as_in_the_file() -> None:
    assert SCREENS.read_text("utf-8") == screens(), AGAIN


def test_the_reference_pages_are_those_that_the_texts_make() -> None:
    made = pages()
    assert {path: path.read_text("utf-8") for path in made if path.exists()} == made, AGAIN
    assert {PAGE, *REFERENCE.glob("texts.*.md")} == {*made}


@pytest.mark.parametrize("language", ["en", *sorted(TEXTS.languages)])
def test_the_page_shows_all_texts_as_a_file_may_have_them(language: str) -> None:
    path = PAGE if language == "en" else REFERENCE / f"texts.{language}.md"
    tables = tomllib.loads(path.read_text("utf-8").split("```toml\n")[1].split("```")[0])
    shown = {
        f"{section}.{key}": text for section, table in tables.items() for key, text in table.items()
    }
    assert shown == (ENGLISH if language == "en" else TEXTS.languages[language]())
    assert all(places_of(id_) is not None for id_ in shown)
    texts_of({language: shown})
