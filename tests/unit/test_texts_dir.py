"""An operator's own texts: what is read from which file, and what is refused."""

from pathlib import Path

import pytest

from calbell.choices import app_of
from calbell.config import ConfigError, load
from calbell.config.languages import read_languages
from calbell.config.texts import read_texts
from calbell.domain.push_events import PushEvent
from tests.unit.domain.builders import reader, said


def refusal(directory: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_texts(directory, read_languages())
    assert str(caught.value).isprintable()  # so it is one line
    return str(caught.value)


def test_texts_are_read_by_language_and_by_territory(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text(
        '\ufeff[booking_confirmed]\ntitle = "On"\n\n[lines]\n'
        'series = { one = "{when}", other = "{count} times {when}" }\n',
        "utf-8",
    )
    (tmp_path / "en-US.toml").write_text('booking_cancelled.title = "Canceled"\n')
    (tmp_path / "README").write_text("not a text")
    assert read_texts(tmp_path, read_languages()) == {
        "en": {
            "booking_confirmed.title": "On",
            "lines.series": {"one": "{when}", "other": "{count} times {when}"},
        },
        "en_US": {"booking_cancelled.title": "Canceled"},
    }


def test_the_settings_reach_the_words(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[booking_confirmed]\ntitle = "On"\nminimal = "It is on"\n')
    environ = {"CALBELL_TEXTS_DIR": str(tmp_path), "CALBELL_PRIVACY": "minimal"}
    voice = app_of(load(environ, tmp_path)).voice
    told = said(PushEvent.BOOKING_CONFIRMED, to=reader(), voice=voice)
    assert (told.title, told.body) == ("On", "It is on")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        (
            "en.toml",
            '[booking_confirmed]\ntitle = "On, {name}"',
            "booking_confirmed.title: there is no place {name} here; it has none",
        ),
        ("en.toml", '[lines]\nwas = "Was {odl}"', "lines.was: there is no place {odl} here"),
        ("en.toml", "[lines]\nwas = Was", "Invalid value (at line 2, column 7)"),
        ("en.toml", "[lines]\nwas = 1", "lines.was: must be a text in quotes"),
        ("en.toml", '[lines]\nwas = ["a"]', "lines.was: must be a text in quotes"),
        ("en.toml", "[lines]\nseries = { other = 1 }", "lines.series: must be a text in quotes"),
        ("en.toml", 'lines = "x"', "lines: must stand in a table: [lines], [booking_confirmed]"),
        (
            "en.toml",
            '[booking_confirmd]\ntitle = "x"',
            "booking_confirmd.title: there is no such text; did you mean booking_confirmed.title?",
        ),
        (
            "eo.toml",
            "",
            "there are no texts in this language, only in ",
        ),
        ("english.toml", "", "there are no texts in this language"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    (tmp_path / name).write_text(text)
    start = f"CALBELL_TEXTS_DIR: {str(tmp_path / name)!r}: {complaint}"
    assert refusal(tmp_path).startswith(start)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_bytes(b"\xff")
    assert refusal(tmp_path).endswith("en.toml': it is not UTF-8 text")


def test_two_files_for_one_locale_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "en-GB.toml").write_text("")
    (tmp_path / "en_GB.toml").write_text("")
    assert "there is another file for en_GB; remove one of them" in refusal(tmp_path)


def test_a_directory_without_texts_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"CALBELL_TEXTS_DIR: there is no .toml file in {str(tmp_path)!r}"


@pytest.mark.parametrize(("name", "why"), [("nowhere", "No such file"), ("file", "Not a dir")])
def test_what_is_no_directory_is_refused(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").write_text("")
    where = tmp_path / name
    assert refusal(where).startswith(f"CALBELL_TEXTS_DIR: cannot read {str(where)!r}: {why}")
