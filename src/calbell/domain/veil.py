"""The veil: what others' bookings say of users who were removed, without their names.

A person becomes one without a name, at an address that is nobody's and the same wherever he is
named: so two observations of a booking still agree on who is who. Where a text of somebody else's
names him, dots stand for his name: they are read in every language.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from calbell.domain.booking import Booking
from calbell.domain.events import BookingEvent, Fact
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, alias_of

NOBODY = "…"

SHORTEST_NAME = 3
"""Letters of a name that is looked for in texts."""

T = TypeVar("T", str, None, str | None)
_SEAT = "seat:"


def address_hash(address: str) -> str:
    """By what an address is known again that is not kept."""
    return sha256(address.lower().encode()).hexdigest()


class Veil(Struct, frozen=True):
    """Who is not to be named: whose these addresses and ids are, and what he is called."""

    addresses: Mapping[str, int]
    ids: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()

    def over_booking(self, booking: Booking) -> Booking:
        """The booking without them."""
        told = self._hearing(*booking.people)
        return replace(
            booking,
            title=told.text(booking.title),
            place=told.text(booking.place),
            organizer=told.host(booking.organizer),
            hosts=told.hosts(booking.hosts),
            attendees=told.attendees(booking.attendees),
            observed={told.seat(name): at for name, at in booking.observed.items()},
        )

    def over_facts(self, facts: BookingFacts) -> BookingFacts:
        """What is said of a booking without them."""
        people = (*facts.hosts, *facts.attendees, *facts.added)
        told = self._hearing(facts.organizer, facts.old_organizer, facts.attendee, *people)
        return replace(
            facts,
            title=told.text(facts.title),
            place=told.text(facts.place),
            old_place=told.text(facts.old_place),
            reason=told.text(facts.reason),
            organizer=told.host(facts.organizer),
            old_organizer=told.host(facts.old_organizer),
            hosts=told.hosts(facts.hosts),
            attendees=told.attendees(facts.attendees),
            attendee=told.attendee(facts.attendee),
            added=told.attendees(facts.added),
        )

    def over_event(self, event: BookingEvent) -> BookingEvent:
        """The event without them."""
        fact = event.fact
        told = self._hearing(*people_of(event))
        return replace(
            event,
            title=told.text(event.title),
            place=told.text(event.place),
            reason=told.text(event.reason),
            organizer=told.host(event.organizer),
            hosts=None if event.hosts is None else told.hosts(event.hosts),
            attendees=None if event.attendees is None else told.attendees(event.attendees),
            actor=told.address(event.actor),
            fact=None if fact is None else told._over_fact(fact),
        )

    def address(self, address: str | None) -> str | None:
        """The address, or who has none any more."""
        user_id = None if address is None else self.addresses.get(address)
        return address if user_id is None else alias_of(user_id)

    def text(self, text: T) -> T:
        """The text without their names and addresses."""
        if not text:
            return text
        for hidden in (*self.addresses, *sorted(self.names, key=len, reverse=True)):
            if hidden.casefold() in text.casefold():
                word = rf"(?<!\w){re.escape(hidden)}(?!\w)"
                text = re.sub(word, NOBODY, text, flags=re.IGNORECASE)
        return text

    def host(self, person: Person | None) -> Person | None:
        """An organizer or host: an id that is named counts before the address beside it."""
        if person is None:
            return None
        if person.user_id in self.ids and person.user_id is not None:
            return Person(alias_of(person.user_id))
        return self.attendee(person)

    def hosts(self, people: tuple[Person, ...]) -> tuple[Person, ...]:
        """The same of several."""
        return tuple(self.host(person) or person for person in people)

    def attendee(self, person: Person | None) -> Person | None:
        """An attendee: the id is not a user's."""
        user_id = None if person is None else self.addresses.get(person.email)
        return person if user_id is None else Person(alias_of(user_id))

    def attendees(self, people: tuple[Person, ...]) -> tuple[Person, ...]:
        """The same of several."""
        return tuple(self.attendee(person) or person for person in people)

    def seat(self, observed: str) -> str:
        """The name of what was observed: of a seat it has an address in it."""
        if not observed.startswith(_SEAT):
            return observed
        address = observed.removeprefix(_SEAT)
        return _SEAT + (self.address(address) or address)

    def _over_fact(self, fact: Fact) -> Fact:
        return replace(
            fact,
            added=self.attendees(fact.added),
            old_place=self.text(fact.old_place),
            old_organizer=self.host(fact.old_organizer),
        )

    def _hearing(self, *people: Person | None) -> "Veil":
        """The veil, with what they are called here."""
        called = {
            person.name
            for person in people
            if person is not None
            and len(person.name) >= SHORTEST_NAME
            and (person.email in self.addresses or person.user_id in self.ids)
        }
        return replace(self, names=self.names | called)


def people_of(event: BookingEvent) -> tuple[Person, ...]:
    """Everybody whom the event names."""
    fact = event.fact
    single = (event.organizer, None if fact is None else fact.old_organizer)
    return (
        *(person for person in single if person is not None),
        *(event.hosts or ()),
        *(event.attendees or ()),
        *(() if fact is None else fact.added),
    )
