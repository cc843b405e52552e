"""Languages: that what is said is whole in each, and whose locale is read in which."""

from datetime import UTC, datetime

import pytest

from calbell.config.languages import read_languages
from calbell.domain.events import Payment, TimeSpan
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent
from calbell.domain.wording import Voice, texts_of
from tests.unit.domain.builders import (
    BOB,
    HOUR,
    MONDAY,
    facts,
    reader,
    said,
)

LANGUAGES = read_languages()
TEXTS = texts_of({}, LANGUAGES)
VOICE = Voice(TEXTS)


def lines(
    kind: PushEvent, locale: str, about: BookingFacts | None = None, clock: int = 24
) -> list[str]:
    return said(kind, about, reader(locale=locale, time_format=clock), VOICE).body.split("\n")


# Whose locale is read in which language


@pytest.mark.parametrize(
    ("name", "locale"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("deu", "de"),
        ("de-AT", "de_AT"),
        ("de_at", "de_AT"),
        ("de_AT.UTF-8", "de_AT"),
        ("de_DE@euro", "de_DE"),
        ("de-Latn-CH", "de_CH"),
        ("de-DE-1996", "de_DE"),
        ("de-1996", "de"),
        ("de-u-hc-h12", "de"),
        ("de-CH-x-private", "de_CH"),
        ("de-US", "de"),
        ("de-XX", "de"),
        ("es-419", "es_419"),
        ("fr-CA", "fr_CA"),
        ("pt-BR", "en"),
        ("zh-Hant-TW", "en"),
        ("german", "en"),
        ("x-de", "en"),
        ("d", "en"),
        ("", "en"),
        ("../de", "en"),
        ("de/../fr", "de"),
        ("de\0AT", "de"),
    ],
)
def test_a_locale_is_read_in_its_language_and_else_in_english(name: str, locale: str) -> None:
    assert TEXTS.of(name).locale == locale


def test_the_locale_decides_words_and_dates_alike() -> None:
    january = TimeSpan(datetime(2026, 1, 20, 15, tzinfo=UTC), datetime(2026, 1, 20, 16, tzinfo=UTC))
    about = facts(times=january)
    kind = PushEvent.BOOKING_CONFIRMED
    assert {locale: lines(kind, locale, about) for locale in ("de", "de-AT", "fr-CA", "pt-BR")} == {
        "de": ["Intro mit Bob Guest", "Di., 20. Jan., 15:00–16:00 Uhr"],
        "de-AT": ["Intro mit Bob Guest", "Di., 20. Jän., 15:00–16:00 Uhr"],
        "fr-CA": [
            "Intro avec Bob Guest",
            "Mar. 20 janv., 15 h 00 – 16 h 00",
        ],
        "pt-BR": ["Intro with Bob Guest", "Tue, Jan 20, 15:00 – 16:00"],
    }


@pytest.mark.parametrize(
    ("locale", "on_24", "on_12"),
    [
        ("de", "15:00–16:00 Uhr", "3:00–4:00 PM"),
        ("fr", "15:00 – 16:00", "3:00 – 4:00 PM"),
        ("es", "15:00–16:00", "3:00 – 4:00 p. m."),
        ("es-MX", "15:00–16:00", "3:00–4:00 p.m."),
    ],
)
def test_the_clock_is_the_readers_in_every_language(locale: str, on_24: str, on_12: str) -> None:
    about = facts(times=TimeSpan(MONDAY.start_at + 5 * HOUR, MONDAY.start_at + 6 * HOUR))
    for clock, expected in ((24, on_24), (12, on_12)):
        when = lines(PushEvent.BOOKING_CONFIRMED, locale, about, clock)[1]
        assert when.endswith(expected)


def test_a_language_is_understood_when_its_first_reader_comes() -> None:
    asked = list[str]()

    def german() -> dict[str, str]:
        asked.append("de")
        return {"booking_confirmed.title": "Termin bestätigt"}

    texts = texts_of({}, {"de": german})
    texts.of("en")
    assert asked == []
    for _ in range(3):
        assert texts.of("de").to_hosts[PushEvent.BOOKING_CONFIRMED].title == "Termin bestätigt"
    assert asked == ["de"]


def test_an_operators_own_texts_come_first_in_every_language() -> None:
    own = {
        "de": {"booking_confirmed.title": "Steht", "lines.untitled": "Treffen"},
        "de_AT": {"booking_confirmed.title": "Passt"},
        "en": {"booking_confirmed.title": "It Is On"},
    }
    voice = Voice(texts_of(own, LANGUAGES))
    kind = PushEvent.BOOKING_CONFIRMED
    titles = {
        locale: said(kind, to=reader(locale=locale), voice=voice).title
        for locale in ("de", "de-CH", "de-AT", "fr", "en")
    }
    assert titles == {
        "de": "Steht",
        "de-CH": "Steht",
        "de-AT": "Passt",
        "fr": "Réservation confirmée",
        "en": "It Is On",
    }
    untitled = said(kind, facts(title=""), reader(locale="de-AT"), voice)
    assert untitled.body.startswith("Treffen mit Bob Guest\n")


# Grammar


@pytest.mark.parametrize(
    ("locale", "one", "several"),
    [
        ("de", "Intro mit Bob Guest und 1 weiteren Person", "Intro mit Bob Guest und 2 weiteren"),
        ("fr", "Intro avec Bob Guest et 1 autre", "Intro avec Bob Guest et 2 autres"),
        ("es", "Intro con Bob Guest y 1 más", "Intro con Bob Guest y 2 más"),
    ],
)
def test_people_are_counted_as_the_language_counts(locale: str, one: str, several: str) -> None:
    counted = [
        lines(PushEvent.BOOKING_CONFIRMED, locale, facts(attendee_count=count))[0]
        for count in (2, 3)
    ]
    assert counted == [one, several]


@pytest.mark.parametrize(
    ("locale", "start"),
    [
        ("de", "3 Termine, der erste: Mo., 23. Nov."),
        ("fr", "3 réservations, la première\N{NO-BREAK SPACE}: lun. 23 nov."),
        ("es", "3 reservas, la primera: lun, 23 nov"),
    ],
)
def test_a_series_is_counted_and_its_day_is_written_as_within_a_line(
    locale: str, start: str
) -> None:
    line = lines(PushEvent.BOOKING_CANCELLED, locale, facts(count=3))[1]
    assert line.startswith(start)


@pytest.mark.parametrize(("locale", "start"), [("fr", "Lun. 23"), ("es", "Lun, 23")])
def test_a_day_that_begins_a_line_begins_with_a_capital(locale: str, start: str) -> None:
    assert lines(PushEvent.BOOKING_CONFIRMED, locale)[1].startswith(start)


@pytest.mark.parametrize(
    ("second", "joined"),
    [
        ("Kim Guest", "y Kim Guest"),
        ("Inés Guest", "e Inés Guest"),
        ("íñigo", "e íñigo"),
        ("Hilario", "e Hilario"),
        ("Yvonne", "e Yvonne"),
        ("Yolanda", "y Yolanda"),
        ("Hielo", "y Hielo"),
        ("Iago", "y Iago"),
        ("Hans", "y Hans"),
    ],
)
def test_spanish_says_e_before_the_sound_of_i(second: str, joined: str) -> None:
    about = facts(attendees=(BOB, Person("x@example.com", second)))
    first = {
        locale: lines(PushEvent.BOOKING_CONFIRMED, locale, about)[0] for locale in ("es", "en")
    }
    assert first == {
        "es": f"Intro con Bob Guest {joined}",
        "en": f"Intro with Bob Guest and {second}",
    }


def test_an_amount_stays_on_one_line() -> None:
    about = facts(payment=Payment(123_456_789, "EUR"))
    said_of_it = {
        locale: lines(PushEvent.PAYMENT_RECEIVED, locale, about)[0] for locale in ("de", "fr", "es")
    }
    assert {
        locale: line.replace("\N{NO-BREAK SPACE}", "_") for locale, line in said_of_it.items()
    } == {
        "de": "1.234.567,89_€ für Intro mit Bob Guest",
        "fr": "1_234_567,89_€ pour Intro avec Bob Guest",
        "es": "1.234.567,89_€ por Intro con Bob Guest",
    }
