"""Nameless: the facts of a booking without its people, for a lock screen that names nobody."""

import re
import unicodedata
from collections.abc import Iterator

from msgspec.structs import replace

from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person
from calbell.domain.wording.strangers import clean

_NOBODY = Person("")
_WORD = re.compile(r"[^\W_]+")
_WHOLE = 2**20
"""Bytes: more than a webhook has."""


def without_names(facts: BookingFacts) -> BookingFacts:
    """The facts without anybody's name or address. Titles and places of Cal.com often hold names:
    one that holds a part of a known name, or of an e-mail address, is left out, and so is every
    reason, which may hold any."""
    parts = frozenset(part for person in _people(facts) for part in _parts(person))

    def nameless(text: str | None) -> str | None:
        return None if text is None or _holds(text, parts) else text

    return replace(
        facts,
        title=nameless(facts.title) or "",
        place=nameless(facts.place),
        old_place=nameless(facts.old_place),
        organizer=None,
        old_organizer=None,
        hosts=(),
        attendees=(),
        attendee=_NOBODY if facts.attendee else None,
        added=(),
        reason=None,
    )


def _people(facts: BookingFacts) -> Iterator[Person]:
    yield from (one for one in (facts.organizer, facts.old_organizer, facts.attendee) if one)
    yield from (*facts.hosts, *facts.attendees, *facts.added)


def _parts(person: Person) -> Iterator[str]:
    """The whole name, its words, and those of the address before the @."""
    name = _spelled(person.name)
    if name:
        yield name
    yield from _WORD.findall(name)
    yield from _WORD.findall(_spelled(person.email.partition("@")[0]))


def _holds(text: str, parts: frozenset[str]) -> bool:
    """Whether it holds one of the parts: a short word as a word of its own, anything else anywhere,
    because links run words together. Rather once too often than not."""
    spelled = _spelled(text)
    return not parts.isdisjoint(_WORD.findall(spelled)) or any(
        part in spelled for part in parts if len(part) > 2 or not part.isalnum()
    )


def _spelled(text: str) -> str:
    """As it is compared: what would not be seen cannot hide a name."""
    return unicodedata.normalize("NFKC", clean(text, _WHOLE)).casefold()
