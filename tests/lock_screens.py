"""What every event looks like on a lock screen: `python -m tests.lock_screens` writes the file that
holds it, `tests/lock_screens.txt`, and the pages about it, `docs/reference/texts.md` and one for
each language besides English, `docs/reference/texts.de.md`."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from babel import Locale
from msgspec import Struct
from msgspec.structs import replace

from calbell.config.languages import read_languages
from calbell.domain.events import Payment, TimeSpan
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.samples import GUEST, sample
from calbell.domain.wording import Privacy, Reader, Voice, texts_of, words
from calbell.domain.wording.english import ENGLISH

ROOT = Path(__file__).parents[1]
SCREENS = ROOT / "tests" / "lock_screens.txt"
REFERENCE = ROOT / "docs" / "reference"
PAGE = REFERENCE / "texts.md"

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
TEXTS = texts_of({}, read_languages())


class Readers(Struct, frozen=True):
    """Who reads the page of a language: most of it one, some times another one in Berlin."""

    one: Reader
    other: Reader


def _readers(zone: str, locale: str, hours: int, other: str) -> Readers:
    return Readers(
        Reader(Role.ORGANIZER, zone, locale, hours),
        Reader(Role.ORGANIZER, "Europe/Berlin", other, 36 - hours),
    )


READERS = {
    "en": _readers("America/New_York", "en", 12, "en-GB"),
    "de": _readers("Europe/Berlin", "de", 24, "de-AT"),
    "fr": _readers("Europe/Paris", "fr", 24, "fr-CA"),
    "es": _readers("Europe/Madrid", "es", 24, "es-MX"),
}
"""By language: those of a language without a line here read it in Berlin."""

_INTRODUCTION = """\
# What a push says

<!-- Made by `python -m tests.lock_screens`; edit tests/lock_screens.py or the texts instead. -->

Every event as the lock screen shows it to the organizer, a co-host and an attendee, in New York and
with a 12-hour clock: the same sample that `calbell push --preview` shows.

- **Times** are in the reader's zone and 12/24-hour habit, and absolute: nothing is false when it is
  read an hour later. The year is said where it is not this one. The zone is said only where it is
  not known (`UTC`), or where a clock set back shows an hour twice (`GMT+01:00`).
- **People** are shown by name; by e-mail address only where there is no name.
- **Places**: ids of providers (`integrations:daily`) are shown by the provider's name or not at
  all, links without what follows `?` or `#`, which may be a password.
- **Text of strangers** stands on one line, without control and direction characters, and is cut
  between characters as readers see them: titles and names at 100 bytes of UTF-8, places at 200,
  reasons at 300. Where all of it is too much for Expo's 4096 bytes, the last lines go first.
- **Languages**: the reader's locale at Cal.com decides words, dates and amounts. There are texts in
  {languages}.
  Who reads `de-AT` is told in German, with Austria's dates; who reads a language without texts, in
  English. How to [add a language](../how-to/add-a-language.md).

"""

_INTRODUCTION_TO_OTHERS = """\
# What a push says in {language}

<!-- Made by `python -m tests.lock_screens`; edit tests/lock_screens.py or the texts instead. -->

The same events as in [texts.md](texts.md), which explains them, as `{locale}` reads them in {zone}
with a {hours}-hour clock.

"""

_OTHERS = "## What else can come up\n\n"

_PRIVACY = """\
## Less on the lock screen

`CALBELL_PRIVACY=no_names` leaves out everybody's name and address, reasons, and titles and places
that hold a part of a known name. `minimal` says only that something happened. Both are applied when
a push is written, to what waits as well.

"""

_REPLACING = """\
## Other texts

`CALBELL_TEXTS_DIR` names a directory. In it `en.toml` replaces texts for all who read English,
`en-GB.toml` only for readers with that locale, for whom it counts more; `de.toml` does the same for
German, and so for every language there is. A file needs only the texts that it replaces. What is
wrong stops the start, with the file, the text and what would be right.

- `{booking}` and other names in braces are places that are filled in. A text may leave out places
  of its original, and have no others. A line of which a place has nothing to fill it is not said.
- A brace itself is `{{` or `}}`.
- Texts with plural forms have one for each category of the language (`one`, `other`).
- A no-break space (U+00A0) is kept as one.
- An event has a `title`, a `first_line` with any of `{booking}`, `{title}`, `{people}`, `{added}`
  and `{amount}` (without one: `{booking}`), a `note` with `{people}`, and `minimal`, the body under
  `CALBELL_PRIVACY=minimal`. Each can end in `_for_attendee`, and is then for attendees.

These are all the texts there are:

"""

_REPLACING_OTHERS = """\
## The texts

What a file `{language}.toml` in `CALBELL_TEXTS_DIR` can replace, as
[texts.md](texts.md#other-texts) says.

"""


def screens() -> str:
    """Every event, told to each role, then what else can come up."""
    readers = READERS["en"]
    return "\n".join((*_events(readers), *_others(readers), *_discreet(readers)))


def pages() -> dict[Path, str]:
    """The reference pages, in Markdown, by their files: one for each language."""
    others = [language for language in TEXTS.languages if language != "en"]
    return {PAGE: _page_of_english(others)} | {
        REFERENCE / f"texts.{language}.md": _page(language) for language in others
    }


def _page_of_english(others: list[str]) -> str:
    names = sorted(f"[{_name(language)}](texts.{language}.md)" for language in others)
    languages = f"English, {', '.join(names[:-1])} and {names[-1]}"
    return "".join(
        (
            _INTRODUCTION.replace("{languages}", languages),
            *_shown(READERS["en"], _PRIVACY),
            _REPLACING,
            _toml(ENGLISH),
        )
    )


def _page(language: str) -> str:
    berlin = _readers("Europe/Berlin", language, 24, language)
    readers = READERS.get(language, berlin)
    one = readers.one
    introduction = _INTRODUCTION_TO_OTHERS.format(
        language=_name(language),
        locale=one.locale,
        zone=one.time_zone.rpartition("/")[2].replace("_", " "),
        hours=one.time_format,
    )
    replacing = _REPLACING_OTHERS.format(language=language)
    texts = _toml(TEXTS.languages[language]())
    return "".join(
        (introduction, *_shown(readers, "## Less on the lock screen\n\n"), replacing, texts)
    )


def _shown(readers: Readers, privacy: str) -> tuple[str, ...]:
    return (
        _block(_events(readers)),
        _OTHERS,
        _block(_others(readers)),
        privacy,
        _block(_discreet(readers)),
    )


def _name(language: str) -> str:
    return str(Locale.parse(language).get_language_name("en"))


def _events(readers: Readers) -> Iterator[str]:
    for kind in PushEvent:
        facts = sample(kind, NOW)
        told = {role.value: replace(readers.one, role=role) for role in Role}
        yield _screens(kind, ((name, _said(kind, facts, to)) for name, to in told.items()))


def _others(readers: Readers) -> Iterator[str]:
    at = NOW.replace(minute=0)
    plain = sample(PushEvent.BOOKING_CONFIRMED, NOW)
    midnight = datetime(2026, 11, 20, 23, tzinfo=UTC)
    confirmed, moved = PushEvent.BOOKING_CONFIRMED, PushEvent.BOOKING_RESCHEDULED
    paid, berlin = PushEvent.PAYMENT_RECEIVED, readers.other

    def told(
        what: str, kind: PushEvent, to: Reader = readers.one, **facts: object
    ) -> tuple[str, tuple[str, ...]]:
        return what, _said(kind, replace(plain, **facts), to)

    later = TimeSpan(at + timedelta(hours=4), at + timedelta(hours=5))
    clock_back = datetime(2026, 10, 25, 1, tzinfo=UTC)
    yield _screens(
        "Times",
        (
            told(f"{berlin.time_format} hours", confirmed, berlin),
            told("all day", confirmed, berlin, times=_long(midnight, hours=24)),
            told("three days", confirmed, berlin, times=_long(midnight, hours=72)),
            told("midnight", confirmed, berlin, times=_long(midnight, hours=-1, until=1)),
            told("next year", confirmed, times=_long(NOW + timedelta(days=60), hours=1)),
            told("same day", moved, times=later, old_times=_long(at, hours=1)),
            told("twice", confirmed, berlin, times=_long(clock_back, hours=0.5)),
            told("no zone", confirmed, replace(readers.one, time_zone="Mars/Base")),
        ),
    )
    yield _screens(
        "Many at once",
        (
            told("a series", PushEvent.BOOKING_CANCELLED, count=6),
            told("a seat", confirmed, attendee=GUEST, seats=10, attendee_count=3),
            told("three seats", confirmed, attendee=GUEST, seats=10, attendee_count=5, count=3),
            told("attendees", confirmed, attendee_count=12),
            told("paid seat", paid, payment=Payment(150, "JPY"), attendee=GUEST, seats=10),
            told("dinars", paid, payment=Payment(12_500, "KWD")),
        ),
    )
    yield _screens(
        "Strangers",
        (
            told("no name", confirmed, attendees=(Person("alex@example.com"),)),
            told("named", confirmed, title="Call: Olivia Sample and Alex Sample"),
            told("no title", confirmed, title=""),
            told("provider", confirmed, place="integrations:daily"),
            told("long", confirmed, title="A very long title, indeed, " * 9),
        ),
    )


def _discreet(readers: Readers) -> Iterator[str]:
    for privacy in (Privacy.NO_NAMES, Privacy.MINIMAL):
        told = (
            (kind.lower(), _said(kind, sample(kind, NOW), readers.one, privacy))
            for kind in PushEvent
        )
        yield _screens(f"CALBELL_PRIVACY={privacy}", told)


def _long(start_at: datetime, *, hours: float, until: float = 0) -> TimeSpan:
    ends = (start_at, start_at + timedelta(hours=hours), start_at + timedelta(hours=until))
    return TimeSpan(min(ends), max(ends))


def _said(
    kind: PushEvent, facts: BookingFacts, to: Reader, privacy: Privacy = Privacy.FULL
) -> tuple[str, ...]:
    said = words(kind, facts, to, Voice(TEXTS, privacy), NOW)
    return (said.title, *said.body.split("\n"))


def _screens(head: str, told: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    told = tuple(told)
    width = max(len(name) for name, _ in told)
    lines = [head]
    for name, (title, *body) in told:
        lines.append(f"  {name:{width}}  {title}")
        lines += [f"  {'':{width}}  {line}" for line in body]
    return "\n".join(lines) + "\n"


def _block(parts: Iterable[str]) -> str:
    return "```text\n" + "\n".join(parts) + "```\n\n"


def _toml(texts: Mapping[str, object]) -> str:
    lines, section = ["```toml"], ""
    for id_, text in texts.items():
        table, _, key = id_.partition(".")
        if table != section:
            lines.append(f"{'' if not section else chr(10)}[{table}]")
            section = table
        if isinstance(text, str):
            lines.append(f'{key} = "{text}"')
        else:
            assert isinstance(text, Mapping)
            forms = ", ".join(f'{form} = "{one}"' for form, one in text.items())
            lines.append(f"{key} = {{ {forms} }}")
    return "\n".join((*lines, "```\n"))


if __name__ == "__main__":
    SCREENS.write_text(screens(), "utf-8")
    for path, page in pages().items():
        path.write_text(page, "utf-8")
