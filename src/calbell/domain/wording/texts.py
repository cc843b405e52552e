"""Texts: what may be said in one language, ready to be filled in.

One room for all of them: the English ones of `english`, those of the other languages, and an
operator's own, which come before both. Each text has an id, and places that may be filled in.
"""

import re
from collections.abc import Callable, Mapping
from string import Formatter
from types import MappingProxyType
from typing import Final, TypeAlias

from babel import Locale, localedata
from babel.core import get_global
from msgspec import Struct

from calbell.domain.push_events import PushEvent
from calbell.domain.wording.english import ENGLISH, FOR_ATTENDEE, Text
from calbell.domain.wording.own_texts import check

Languages: TypeAlias = Mapping[str, Callable[[], Mapping[str, Text]]]
"""Each language but English by its code: what has its texts, by their ids, when they are needed."""

ENGLISH_ALONE: Final[Languages] = MappingProxyType({})


class Template(Struct, frozen=True):
    """A text and the places in it."""

    text: str
    places: tuple[str, ...]

    def filled(self, **known: str) -> str:
        """The text with its places filled in; empty if one has nothing to fill it."""
        if not self.places:
            return self.text
        for place in self.places:
            if not known[place]:
                return ""
        return self.text.format_map(known)


class Plural(Struct, frozen=True):
    """A text in each plural form that its language has."""

    forms: dict[str, Template]
    rule: Callable[[int], str]

    def of(self, count: int) -> Template:
        """The form for so many."""
        return self.forms.get(self.rule(count)) or self.forms["other"]


class EventTexts(Struct, frozen=True):
    """What is said of an event to readers of one role. `first_line` is `None` where the booking
    itself is the first line."""

    title: str
    minimal: str
    first_line: Template | None
    note: Template | None


class Lines(Struct, frozen=True, kw_only=True):
    """The parts that the texts of several events are made of, by the ids `lines.…`."""

    untitled: Template
    booking: Template
    two_people: Template
    two_people_before_i: Template | None
    more_people: Plural
    seat_title: Template
    all_day: Template
    was: Template
    instead_of: Template
    series: Plural
    seats_at_once: Plural
    seat_taken: Template
    seats_left: Template
    reassigned: Template
    new_place: Template
    reason: Template
    organized_by: Template


class Catalogue(Struct, frozen=True):
    """All texts in the language of one CLDR locale, which dates and amounts are written in too.
    `to_hosts` is what everybody but attendees is told."""

    locale: str
    lines: Lines
    to_hosts: dict[PushEvent, EventTexts]
    to_attendees: dict[PushEvent, EventTexts]


class Texts(Struct, frozen=True):
    """The catalogues there are, by language, or by language and territory: made when the first
    reader of it comes."""

    own: Mapping[str, Mapping[str, Text]]
    languages: Languages = ENGLISH_ALONE
    catalogues: dict[str, Catalogue] = {}

    def of(self, name: str) -> Catalogue:
        """The catalogue for a reader with this locale; English where there is none."""
        found = self.catalogues.get(name)
        if found is None:
            locale = locale_named(name, self.languages) or "en"
            found = self.catalogues.get(locale) or self._make(locale)
            self.catalogues[locale] = found
            if len(self.catalogues) < _MOST_NAMES:
                self.catalogues[name] = found
        return found

    def _make(self, locale: str) -> Catalogue:
        language = locale.partition("_")[0]
        ours = self.languages.get(language, dict)
        texts = {
            **ENGLISH,
            **ours(),
            **self.own.get(language, {}),
            **self.own.get(locale, {}),
        }
        return _catalogue(locale, texts)


_MOST_NAMES = 1000
"""Readers may call their locales whatever they like."""


def texts_of(own: Mapping[str, Mapping[str, Text]], languages: Languages = ENGLISH_ALONE) -> Texts:
    """The texts of English and these languages, some of them replaced by an operator's own: by the
    CLDR locale, then the id.

    `WrongText` names the first one of the operator's that cannot be used.
    """
    for locale, texts in own.items():
        for id_, text in texts.items():
            check(id_, text, locale)
    return Texts(own, languages)


_TAG = re.compile(
    r"([a-z]{2,3})(?:[-_][a-z]{4})?(?:[-_]([a-z]{2}|[0-9]{3}))?(?![a-z0-9])",
    re.ASCII | re.IGNORECASE,
)
"""Language, script and territory, as BCP 47 and POSIX write them alike. What follows (`-u-hc-h23`,
`.UTF-8`, `@euro`) changes no words."""


def locale_named(name: str, languages: Languages) -> str | None:
    """The CLDR locale of this name: a language, and its territory if one is named that CLDR knows.
    `None` where there are no texts in it."""
    tag = _TAG.match(name)
    if tag is None:
        return None
    named, territory = tag[1].lower(), (tag[2] or "").upper()
    language: str = get_global("language_aliases").get(named, named)
    if language != "en" and language not in languages:
        return None
    locale = f"{language}_{territory}"
    return locale if territory and localedata.exists(locale) else language


def _template(text: Text) -> Template:
    assert isinstance(text, str)
    places = tuple(dict.fromkeys(p for _, p, *_ in Formatter().parse(text) if p))
    return Template(text if places else text.format(), places)


def _catalogue(locale: str, texts: Mapping[str, Text]) -> Catalogue:
    rule = Locale.parse(locale).plural_form

    def line(name: str) -> Template:
        return _template(texts[f"lines.{name}"])

    def plural(name: str) -> Plural:
        forms = texts[f"lines.{name}"]
        assert not isinstance(forms, str)
        return Plural({form: _template(text) for form, text in forms.items()}, rule)

    return Catalogue(
        locale,
        Lines(
            untitled=line("untitled"),
            booking=line("booking"),
            two_people=line("two_people"),
            two_people_before_i=_before_i(texts["lines.two_people"], locale),
            more_people=plural("more_people"),
            seat_title=line("seat_title"),
            all_day=line("all_day"),
            was=line("was"),
            instead_of=line("instead_of"),
            series=plural("series"),
            seats_at_once=plural("seats_at_once"),
            seat_taken=line("seat_taken"),
            seats_left=line("seats_left"),
            reassigned=line("reassigned"),
            new_place=line("new_place"),
            reason=line("reason"),
            organized_by=line("organized_by"),
        ),
        {kind: _event(kind, texts, "") for kind in PushEvent},
        {kind: _event(kind, texts, FOR_ATTENDEE) for kind in PushEvent},
    )


def _before_i(two_people: Text, locale: str) -> Template | None:
    """Spanish: `Ana e Inés`, never `Ana y Inés`."""
    if locale.partition("_")[0] != "es":
        return None
    assert isinstance(two_people, str)
    return _template(two_people.replace(" y {second}", " e {second}"))


def _event(kind: PushEvent, texts: Mapping[str, Text], suffix: str) -> EventTexts:
    def text(key: str) -> Template | None:
        id_ = f"{kind.lower()}.{key}"
        found = texts.get(id_ + suffix) or texts.get(id_)
        return None if found is None else _template(found)

    title, minimal = text("title"), text("minimal")
    assert title is not None
    assert minimal is not None
    return EventTexts(title.text, minimal.text, text("first_line"), text("note"))
