"""Samples: a booking that nobody made, as the news of any event would have it."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calbell.domain.events import Payment, TimeSpan
from calbell.domain.notification import BookingFacts
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent

SAMPLE_UID = "calbell-test-push"

HOST = Person("olivia@example.com", "Olivia Sample")
FORMER_HOST = Person("noah@example.com", "Noah Sample")
COHOST = Person("mia@example.com", "Mia Sample")
ATTENDEE = Person("alex@example.com", "Alex Sample")
GUEST = Person("kim@example.com", "Kim Sample")
OTHER_GUEST = Person("lee@example.com", "Lee Sample")


def sample(kind: PushEvent, now: datetime) -> BookingFacts:
    """The facts of such news: about tomorrow, or an hour ago where it comes after the meeting."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    plain = BookingFacts(
        uid=SAMPLE_UID,
        title="Test booking",
        times=_half_hour(hour + timedelta(days=1)),
        place="https://meet.example.com/test-booking",
        organizer=HOST,
        hosts=(COHOST,),
        attendees=(ATTENDEE,),
        attendee_count=1,
    )
    match kind:
        case PushEvent.BOOKING_REJECTED | PushEvent.BOOKING_CANCELLED:
            return replace(plain, reason="Something came up, sorry")
        case PushEvent.BOOKING_RESCHEDULED | PushEvent.BOOKING_PROPOSAL_REQUESTED:
            return replace(plain, old_times=_half_hour(hour + timedelta(days=2)))
        case PushEvent.BOOKING_RESCHEDULE_REQUESTED:
            return replace(plain, reason="Could we meet later that week?")
        case PushEvent.BOOKING_LOCATION_CHANGED:
            return replace(plain, old_place="integrations:google:meet")
        case PushEvent.BOOKING_REASSIGNED:
            return replace(plain, old_organizer=FORMER_HOST)
        case PushEvent.BOOKING_ATTENDEE_ADDED:
            return replace(plain, added=(GUEST,), attendee_count=2)
        case PushEvent.BOOKING_GUESTS_ADDED:
            return replace(plain, added=(GUEST, OTHER_GUEST), attendee_count=3)
        case PushEvent.BOOKING_SEAT_CANCELLED:
            return replace(plain, attendee=GUEST, seats=10, attendee_count=3)
        case PushEvent.PAYMENT_RECEIVED:
            return replace(plain, payment=Payment(5_000, "USD"))
        case PushEvent.RECORDING_READY | PushEvent.TRANSCRIPT_READY:
            return replace(plain, times=_half_hour(hour - timedelta(hours=1)))
        case PushEvent.CAL_EVENT_NEW_REGISTRATION:
            return replace(plain, attendee=GUEST, seats=10, attendee_count=4)
        case _:
            return plain


def _half_hour(start_at: datetime) -> TimeSpan:
    return TimeSpan(start_at, start_at + timedelta(minutes=30))
