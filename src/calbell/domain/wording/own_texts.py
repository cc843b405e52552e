"""Own texts: what an operator may put in the place of ours, and what is wrong with it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from string import Formatter
from typing import Final

from babel import Locale

from calbell.domain.push_events import PushEvent
from calbell.domain.wording.english import ENGLISH, FOR_ATTENDEE, Text
from calbell.domain.wording.strangers import clean

LONGEST_TEXT = 200
"""Characters of a text before it is filled in. What is longer is no line of a lock screen."""

_EVENT_PLACES: Final[Mapping[str, frozenset[str]]] = {
    "title": frozenset(),
    "first_line": frozenset({"booking", "title", "people", "added", "amount"}),
    "note": frozenset({"people"}),
    "minimal": frozenset(),
}
"""What an event may have texts for, and the places of each. Every one of them can be another for
attendees, with the suffix below."""


class WrongText(ValueError):
    """A text cannot be used; the message names its id and what is wrong with it."""


def check(id_: str, text: Text, locale: str) -> None:
    """A `WrongText` unless this can be the text of this id in the language of the locale."""
    places = places_of(id_)
    if places is None:
        near = get_close_matches(id_, _ids(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise WrongText(f"{id_}: there is no such text{hint}")
    has_plural = isinstance(ENGLISH.get(id_), Mapping)
    if isinstance(text, str):
        if has_plural:
            raise WrongText(f'{id_}: has plural forms: {{ one = "…", other = "…" }}')
        return _check_form(id_, text, places)
    if not has_plural:
        raise WrongText(f"{id_}: must be one text, without plural forms")
    forms = {*Locale.parse(locale).plural_form.tags, "other"}
    for form, one in text.items():
        if form not in forms:
            raise WrongText(f"{id_}.{form}: no plural form here; there are {_list(forms)}")
        _check_form(f"{id_}.{form}", one, places)
    if "other" not in text:
        raise WrongText(f"{id_}: must have the plural form other")
    return None


def _check_form(id_: str, text: str, places: frozenset[str]) -> None:
    spaced = text.replace("\N{NO-BREAK SPACE}", " ")
    if not text or spaced != clean(spaced, LONGEST_TEXT * 4) or len(text) > LONGEST_TEXT:
        raise WrongText(
            f"{id_}: must be one line of 1 to {LONGEST_TEXT} visible characters, "
            "no space before, after or doubled"
        )
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise WrongText(f"{id_}: a brace is left open; a brace itself is {{{{ or }}}}") from None
    for _, place, spec, conversion in parts:
        if place is not None and (place not in places or spec or conversion):
            said = f"{place}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}"
            may = (
                f"there are {_list('{' + one + '}' for one in places)}" if places else "it has none"
            )
            raise WrongText(f"{id_}: there is no place {{{said}}} here; {may}")


def places_of(id_: str) -> frozenset[str] | None:
    """The places that the text of this id may have; `None` where there is no such text."""
    section, _, key = id_.partition(".")
    if section == "lines":
        return _places(ENGLISH[id_]) if id_ in ENGLISH else None
    if section.upper() not in PushEvent.__members__ or section != section.lower():
        return None
    return _EVENT_PLACES.get(key.removesuffix(FOR_ATTENDEE))


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _ids() -> list[str]:
    """Every id that a text may have."""
    lines = [id_ for id_ in ENGLISH if id_.startswith("lines.")]
    keys = [key + suffix for key in _EVENT_PLACES for suffix in ("", FOR_ATTENDEE)]
    return lines + [f"{kind.lower()}.{key}" for kind in PushEvent for key in keys]


def _places(text: Text) -> frozenset[str]:
    forms = [text] if isinstance(text, str) else text.values()
    return frozenset(place for form in forms for _, place, *_ in Formatter().parse(form) if place)
