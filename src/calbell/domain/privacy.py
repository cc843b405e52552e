"""Privacy: how much of a booking is said where everybody may read it, on a lock screen."""

import re
from collections.abc import Iterator
from enum import StrEnum

from msgspec import structs

from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person

_WORD = re.compile(r"[^\W_]+")


class Privacy(StrEnum):
    """What a push may say: everything; nobody's name; or only that something happened."""

    FULL = "full"
    NO_NAMES = "no_names"
    MINIMAL = "minimal"


def without_names(facts: BookingFacts) -> BookingFacts:
    """The facts without anybody's name or address. Titles and places of Cal.com often hold names:
    one that holds a part of a known name, or of an e-mail address, is left out, and so is every
    reason, which may hold any."""
    parts = frozenset(part for person in _people(facts) for part in _parts(person))

    def nameless(text: str | None) -> str | None:
        return None if text is None or _holds(text, parts) else text

    return structs.replace(
        facts,
        title=nameless(facts.title) or "",
        place=nameless(facts.place),
        old_place=nameless(facts.old_place),
        organizer=None,
        old_organizer=None,
        hosts=(),
        attendees=(),
        attendee=Person("") if facts.attendee else None,
        added=(),
        reason=None,
    )


def _people(facts: BookingFacts) -> Iterator[Person]:
    yield from (one for one in (facts.organizer, facts.old_organizer, facts.attendee) if one)
    yield from (*facts.hosts, *facts.attendees, *facts.added)


def _parts(person: Person) -> Iterator[str]:
    yield from _WORD.findall(person.name.casefold())
    yield from _WORD.findall(person.email.partition("@")[0])


def _holds(text: str, parts: frozenset[str]) -> bool:
    """Whether it holds one of the parts: a short one as a word of its own, a longer one anywhere,
    because links run words together. Rather once too often than not."""
    spelled = text.casefold()
    return not parts.isdisjoint(_WORD.findall(spelled)) or any(
        len(part) > 2 and part in spelled for part in parts
    )
