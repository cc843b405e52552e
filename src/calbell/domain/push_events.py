"""The kinds of news that a push can carry, as Cal.com's mobile app knows them."""

from enum import StrEnum


class PushEvent(StrEnum):
    """The value of `data.notificationEvent` (cal-webhooks.md section 12).

    The reminder is Calbell's own; the app routes a tap on it by the booking's uid.
    """

    BOOKING_REQUESTED = "BOOKING_REQUESTED"
    BOOKING_REQUEST_REMINDER = "BOOKING_REQUEST_REMINDER"
    BOOKING_CONFIRMED = "BOOKING_CONFIRMED"
    BOOKING_REJECTED = "BOOKING_REJECTED"
    BOOKING_RESCHEDULED = "BOOKING_RESCHEDULED"
    BOOKING_RESCHEDULE_REQUESTED = "BOOKING_RESCHEDULE_REQUESTED"
    BOOKING_CANCELLED = "BOOKING_CANCELLED"
    BOOKING_LOCATION_CHANGED = "BOOKING_LOCATION_CHANGED"
    BOOKING_REASSIGNED = "BOOKING_REASSIGNED"
    BOOKING_ATTENDEE_ADDED = "BOOKING_ATTENDEE_ADDED"
    BOOKING_GUESTS_ADDED = "BOOKING_GUESTS_ADDED"
    BOOKING_SEAT_CANCELLED = "BOOKING_SEAT_CANCELLED"
    PAYMENT_RECEIVED = "PAYMENT_RECEIVED"
    BOOKING_PROPOSAL_REQUESTED = "BOOKING_PROPOSAL_REQUESTED"
    RECORDING_READY = "RECORDING_READY"
    TRANSCRIPT_READY = "TRANSCRIPT_READY"
    CAL_EVENT_NEW_REGISTRATION = "CAL_EVENT_NEW_REGISTRATION"
    CAL_EVENT_PENDING_REGISTRATION = "CAL_EVENT_PENDING_REGISTRATION"
    BOOKING_REMINDER = "BOOKING_REMINDER"


STATE_NEWS = frozenset(
    {
        PushEvent.BOOKING_REQUESTED,
        PushEvent.BOOKING_REQUEST_REMINDER,
        PushEvent.BOOKING_CONFIRMED,
        PushEvent.BOOKING_REJECTED,
        PushEvent.BOOKING_RESCHEDULED,
        PushEvent.BOOKING_RESCHEDULE_REQUESTED,
        PushEvent.BOOKING_CANCELLED,
        PushEvent.BOOKING_PROPOSAL_REQUESTED,
        PushEvent.BOOKING_REMINDER,
    }
)
"""News of what a booking is and when. A later one makes the earlier ones untrue."""

AFTERMATH = frozenset(
    {PushEvent.PAYMENT_RECEIVED, PushEvent.RECORDING_READY, PushEvent.TRANSCRIPT_READY}
)
"""News that may come when the meeting is over, and is worth telling then."""

REPLACED_BY_NEWER = frozenset({PushEvent.BOOKING_LOCATION_CHANGED, PushEvent.BOOKING_REASSIGNED})
"""News of which only the newest matters to who has not heard the earlier one."""

DETAILS = REPLACED_BY_NEWER | {
    PushEvent.BOOKING_ATTENDEE_ADDED,
    PushEvent.BOOKING_GUESTS_ADDED,
    PushEvent.CAL_EVENT_NEW_REGISTRATION,
    PushEvent.CAL_EVENT_PENDING_REGISTRATION,
}
"""News that nobody needs of a booking that is over."""
