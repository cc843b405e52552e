"""Webhooks: a body that Cal.com sent becomes an event, something to ignore, or unreadable."""

from datetime import datetime
from typing import Final, TypeAlias

from msgspec import Struct

from calbell.calcom.json_fields import fields, moment, parsed, text
from calbell.calcom.payloads import Lack, booking_event
from calbell.domain.events import BookingEvent, EventKind
from calbell.domain.push_events import PushEvent

LONGEST_TRIGGER: Final = 100

_KINDS: Final = {
    "BOOKING_REQUESTED": EventKind.REQUESTED,
    "BOOKING_CREATED": EventKind.CREATED,
    "BOOKING_RESCHEDULED": EventKind.RESCHEDULED,
    "BOOKING_CANCELLED": EventKind.CANCELLED,
    "BOOKING_REJECTED": EventKind.REJECTED,
}
"""The triggers that say how a booking stands. A request that is confirmed comes as
BOOKING_CREATED."""

_FACTS: Final = {
    "BOOKING_PAID": PushEvent.PAYMENT_RECEIVED,
    "RECORDING_READY": PushEvent.RECORDING_READY,
    "RECORDING_TRANSCRIPTION_GENERATED": PushEvent.TRANSCRIPT_READY,
}
"""The triggers that tell something else of a booking. They say nothing of its status: BOOKING_PAID
has the real one in it, but the event that confirms comes after it and is told."""


class Understood(Struct, frozen=True):
    """The webhook tells of a booking."""

    trigger: str
    event: BookingEvent


class Ignored(Struct, frozen=True):
    """The webhook is in order and tells nothing: a PING, or a trigger that nothing follows from."""

    trigger: str


class Unreadable(Struct, frozen=True):
    """The webhook may tell something, but not so that it can be understood.

    `reason` names the field or the problem; it never holds anything out of the body.
    """

    reason: str


Reading: TypeAlias = Understood | Ignored | Unreadable


def read(body: bytes, *, received_at: datetime) -> Reading:
    """What the webhook says, whatever its bytes are: this never raises.

    The event counts as sent at the envelope's `createdAt`, but never later than it was received,
    so that a clock that runs ahead does not outdate what follows.
    """
    envelope = parsed(body)
    if envelope is None:
        return Unreadable("the body is not a JSON object")
    trigger = text(envelope.get("triggerEvent"))
    if trigger is None:
        return Unreadable("triggerEvent is missing")
    if len(trigger) > LONGEST_TRIGGER:
        return Unreadable(f"triggerEvent is longer than {LONGEST_TRIGGER} characters")
    fact_kind = _FACTS.get(trigger)
    kind = EventKind.TOLD if fact_kind is not None else _KINDS.get(trigger)
    if kind is None:
        return Ignored(trigger)
    payload = fields(envelope.get("payload"))
    if payload is None:
        return Unreadable("payload is missing")
    sent_at = moment(envelope.get("createdAt")) or received_at
    event = booking_event(kind, payload, min(sent_at, received_at), fact_kind)
    if isinstance(event, Lack):
        return Unreadable(event.reason)
    return Understood(trigger, event)
