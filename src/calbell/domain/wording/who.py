"""Who: the people of a booking, as its reader is told of them."""

import re
from collections.abc import Sequence

from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, Role, is_alias
from calbell.domain.wording.strangers import shown
from calbell.domain.wording.texts import Lines

LONGEST_NAME = 100
"""In UTF-8 bytes."""

_WORD = re.compile(r"\w+")

_SOUNDS_LIKE_I = re.compile(r"h?[iíî](?![aeou])|y(?![aeiouáéíóú])", re.IGNORECASE)
"""In Spanish; not `Hielo` and `Yolanda`, which begin with another sound."""


def name_of(person: Person | None) -> str:
    """His name; his address only where he has none that can be seen; nothing of who was removed."""
    if person is None or is_alias(person.email):
        return ""
    return shown(person.name, LONGEST_NAME) or shown(person.email, LONGEST_NAME)


def several(people: Sequence[Person], number: int, lines: Lines) -> str:
    """One or two by their names, more as the first and how many others. `number` is how many there
    are, where only some of them are known."""
    if not people:
        return ""
    first, number = name_of(people[0]), max(number, len(people))
    if not first:
        return several(people[1:], number, lines)
    if number == 1:
        return first
    if number == 2 and len(people) == 2 and (second := name_of(people[1])):
        form, before_i = lines.two_people, lines.two_people_before_i
        if before_i is not None and _SOUNDS_LIKE_I.match(second):
            form = before_i
        return form.filled(first=first, second=second)
    return lines.more_people.of(number - 1).filled(first=first, count=str(number - 1))


def other_side(facts: BookingFacts, role: Role, lines: Lines) -> str:
    """Whom the reader meets: to an attendee that is the organizer with the other hosts, to these
    it is who attends, or whose seat it is. Who has just joined does not count."""
    if role is Role.ATTENDEE:
        hosts = (facts.organizer, *facts.hosts) if facts.organizer else facts.hosts
        return several(hosts, len(hosts), lines)
    if facts.attendee is not None:
        return several((facts.attendee,), facts.count if facts.seats else 1, lines)
    if facts.added:
        before = tuple(person for person in facts.attendees if person not in facts.added)
        return several(before, facts.attendee_count - len(facts.added), lines)
    return several(facts.attendees, facts.attendee_count, lines)


def is_named_in(title: str, name: str) -> bool:
    """Whether all words of the name stand in the title, next to each other: Ann is not in a
    planning."""
    first, spelled = _WORD.search(name), title.casefold()
    if first is None or first[0].casefold() not in spelled:
        return False
    return _spelled(name) in _spelled(title)


def _spelled(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "
