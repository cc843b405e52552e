"""Words: what a push says to its reader, from the facts of the notification.

The title is a short label of the event. The body says one thing a line, the most important first,
because a lock screen shows three or four: what and with whom, when, when or where it was before,
then where, why, and the rest. Nothing in it is false when it is read an hour later.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b

from msgspec import Struct

from calbell.domain.events import TimeSpan
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Role
from calbell.domain.privacy import Privacy, stricter
from calbell.domain.push_events import PushEvent
from calbell.domain.wording.money import amount
from calbell.domain.wording.nameless import without_names
from calbell.domain.wording.reader import Reader
from calbell.domain.wording.strangers import shown
from calbell.domain.wording.texts import Catalogue, EventTexts, Texts, texts_of
from calbell.domain.wording.times import habit, is_all_day, locale_of, span, span_before
from calbell.domain.wording.where import place_of
from calbell.domain.wording.who import is_named_in, name_of, other_side, several

LONGEST_TITLE = 100
LONGEST_REASON = 300
"""In UTF-8 bytes. Of one long text the others keep their room."""


class Words(Struct, frozen=True):
    """What the lock screen shows."""

    title: str
    body: str


def hash_of(words: Words) -> str:
    """By what the same words are known again that are not kept: 16 characters."""
    text = f"{words.title}\n{words.body}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=8).hexdigest()


class Voice(Struct, frozen=True):
    """How the operator wants things said: with which texts, and how much."""

    texts: Texts = texts_of({})
    privacy: Privacy = Privacy.FULL


def words(
    kind: PushEvent, facts: BookingFacts, reader: Reader, voice: Voice, now: datetime
) -> Words:
    """What this reader is told. `now` decides only whether the year is said."""
    catalogue = voice.texts.of(reader.locale)
    to_whom = catalogue.to_attendees if reader.role is Role.ATTENDEE else catalogue.to_hosts
    texts = to_whom[kind]
    match stricter(voice.privacy, reader.privacy):
        case Privacy.MINIMAL:
            return Words(texts.title, texts.minimal)
        case Privacy.NO_NAMES:
            news = _News(kind, without_names(facts), reader, catalogue, texts, now)
        case Privacy.FULL:
            news = _News(kind, facts, reader, catalogue, texts, now)
    return Words(news.title(), "\n".join(filter(None, news.lines())))


class _News:
    """One event of one booking, told to one reader."""

    __slots__ = ("_catalogue", "_facts", "_habit", "_kind", "_reader", "_say", "_texts")

    def __init__(
        self,
        kind: PushEvent,
        facts: BookingFacts,
        reader: Reader,
        catalogue: Catalogue,
        texts: EventTexts,
        now: datetime,
    ) -> None:
        self._kind = kind
        self._facts = facts
        self._reader = reader
        self._catalogue = catalogue
        self._texts = texts
        self._say = catalogue.lines
        self._habit = habit(reader.time_zone, catalogue.locale, reader.time_format, now)

    def title(self) -> str:
        facts = self._facts
        is_seat = facts.seats is not None and facts.attendee is not None
        if is_seat and self._kind not in _ALWAYS_OF_A_SEAT:
            return self._say.seat_title.filled(title=self._texts.title)
        return self._texts.title

    def lines(self) -> Iterator[str]:
        """Line by line; those that have nothing to say are empty."""
        facts = self._facts
        people = other_side(facts, self._reader.role, self._say)
        yield self._first_line(people)
        if self._kind is PushEvent.BOOKING_REASSIGNED:
            yield self._say.reassigned.filled(
                old=name_of(facts.old_organizer), new=name_of(facts.organizer)
            )
        yield self._when()
        if facts.old_times is not None:
            yield self._when_before()
        if self._texts.note is not None:
            yield self._texts.note.filled(people=people)
        if self._kind in _SAYS_WHERE:
            yield from self._where()
        if facts.reason:
            yield self._say.reason.filled(reason=shown(facts.reason, LONGEST_REASON))
        if facts.seats is not None and self._reader.role is not Role.ATTENDEE:
            yield self._seats()
        if self._reader.role is Role.HOST and self._kind is not PushEvent.BOOKING_REASSIGNED:
            yield self._say.organized_by.filled(organizer=name_of(facts.organizer))

    def _first_line(self, people: str) -> str:
        facts, form = self._facts, self._texts.first_line
        title = shown(facts.title, LONGEST_TITLE) or self._say.untitled.text
        booking = title
        if people and not is_named_in(title, people):
            booking = self._say.booking.filled(title=title, people=people)
        if form is None:
            return booking
        paid = facts.payment and amount(facts.payment, locale_of(self._catalogue.locale))
        line = form.filled(
            booking=booking, title=title, people=people, added=self._added(), amount=paid or ""
        )
        return line or booking

    def _added(self) -> str:
        """Who joined. Those who book a seat each need not know of each other."""
        if self._facts.seats is not None and self._reader.role is Role.ATTENDEE:
            return ""
        return several(self._facts.added, len(self._facts.added), self._say)

    def _when(self) -> str:
        facts = self._facts
        if facts.times is None:
            return ""
        when = self._said(facts.times, span(facts.times, self._habit))
        if facts.count > 1 and facts.seats is None:
            return self._say.series.of(facts.count).filled(count=str(facts.count), when=when)
        # Here it begins a line, and CLDR's days begin small in many languages.
        return when[0].title() + when[1:] if when[:1].islower() else when

    def _when_before(self) -> str:
        old, new = self._facts.old_times, self._facts.times
        if old is None or old == new:
            return ""
        is_proposal = self._kind is PushEvent.BOOKING_PROPOSAL_REQUESTED
        form = self._say.instead_of if is_proposal else self._say.was
        when = span(old, self._habit) if new is None else span_before(old, new, self._habit)
        return form.filled(old=self._said(old, when))

    def _said(self, times: TimeSpan, when: str) -> str:
        return self._say.all_day.filled(when=when) if is_all_day(times, self._habit) else when

    def _where(self) -> Iterator[str]:
        place = place_of(self._facts.place)
        if self._kind is not PushEvent.BOOKING_LOCATION_CHANGED:
            yield place
            return
        yield self._say.new_place.filled(place=place)
        old = place_of(self._facts.old_place)
        yield self._say.was.filled(old=old if old != place else "")

    def _seats(self) -> str:
        facts = self._facts
        if facts.attendee is None:
            return ""
        seats = str(facts.seats)
        if self._kind is PushEvent.BOOKING_SEAT_CANCELLED:
            return self._say.seats_left.filled(taken=str(facts.attendee_count), seats=seats)
        if facts.count > 1:
            return self._say.seats_at_once.of(facts.count).filled(count=str(facts.count))
        if self._kind not in _TAKES_A_SEAT:
            return ""
        return self._say.seat_taken.filled(taken=str(facts.attendee_count or ""), seats=seats)


_SAYS_WHERE = frozenset(
    {
        PushEvent.BOOKING_CONFIRMED,
        PushEvent.BOOKING_LOCATION_CHANGED,
        PushEvent.BOOKING_REASSIGNED,
        PushEvent.BOOKING_REMINDER,
        PushEvent.BOOKING_REQUESTED,
        PushEvent.BOOKING_RESCHEDULED,
        PushEvent.CAL_EVENT_NEW_REGISTRATION,
    }
)
"""What those are told of who will come, or may."""

_TAKES_A_SEAT = frozenset({PushEvent.BOOKING_CONFIRMED, PushEvent.CAL_EVENT_NEW_REGISTRATION})

_ALWAYS_OF_A_SEAT = frozenset(
    {
        PushEvent.BOOKING_SEAT_CANCELLED,
        PushEvent.CAL_EVENT_NEW_REGISTRATION,
        PushEvent.CAL_EVENT_PENDING_REGISTRATION,
    }
)
"""What never tells of anything but a seat, and so says it by itself."""
