"""Wording: what the words of one push cost, the way dispatch asks for them.

No two bookings have the same title, name or time here, so that what is cached is only what is the
same for many in truth: days, hours, readers. Every seventh has names that are not ASCII, and every
seventh a title that has to be cut.
"""

import time
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from bench.cores import pinned
from bench.figures import Figure, Reading
from bench.stage import Stage
from calbell.domain.events import TimeSpan
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.samples import sample
from calbell.domain.wording import Reader, Voice, words

_NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
_BOOKINGS = 10_000
_READERS = (
    Reader(Role.ORGANIZER, "Europe/Berlin", "en-GB", 24),
    Reader(Role.ATTENDEE, "America/New_York", "en", 12),
)
_KINDS = (
    PushEvent.BOOKING_CONFIRMED,
    PushEvent.BOOKING_CONFIRMED,
    PushEvent.BOOKING_REMINDER,
    PushEvent.BOOKING_RESCHEDULED,
    PushEvent.BOOKING_CANCELLED,
)


def wording(stage: Stage) -> list[Reading]:
    """The mean of one push's words, over a backlog of bookings with two readers each."""
    news = [(_KINDS[nth % len(_KINDS)], _facts(nth)) for nth in range(_BOOKINGS)]
    voice = Voice()
    with pinned(stage.cores.service or stage.cores.load):
        began = time.process_time()
        for kind, facts in news:
            for reader in _READERS:
                words(kind, facts, reader, voice, _NOW)
        took = time.process_time() - began
    number = len(news) * len(_READERS)
    return [Reading(Figure.WORDS, took / number * 1e6, f"{number} pushes")]


def _facts(nth: int) -> BookingFacts:
    start_at = _NOW + timedelta(minutes=5 * nth)
    name = f"アレックス {nth}" if nth % 7 == 0 else f"Alex Sample{nth}"
    title = f"Intro call {nth}" + (" about many things" * 9 if nth % 7 == 1 else "")
    return replace(
        sample(_KINDS[nth % len(_KINDS)], _NOW),
        title=title,
        times=TimeSpan(start_at, start_at + timedelta(minutes=30)),
        attendees=(Person(f"person{nth}@example.com", name),),
    )
