"""Webhook bodies as Cal.com sends them, built from cal-webhooks.md sections 3 to 5.

Each function gives the envelope of one trigger as a `dict` to send (with `body`) or to spoil first.
Keywords that no parameter names become fields of the payload. A time given as `datetime` is written
in the form that the trigger has; a text is left as it is.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]
Time: TypeAlias = datetime | str

START: Final = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
END: Final = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
SENT_AT: Final = datetime(2026, 11, 20, 8, 15, 30, 123000, tzinfo=UTC)

_HALF_AN_EMOJI: Final = re.compile("[\ud800-\udfff]")
_ZULU: Final = "Z"
_OFFSET: Final = "+00:00"
_MILLISECONDS: Final = ".000Z"


def body(envelope: object) -> bytes:
    """The bytes of a body, written as JavaScript's `JSON.stringify` writes them."""
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return _HALF_AN_EMOJI.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode()


def organizer(**more: Any) -> Json:
    """The organizer of a booking, a user of Cal.com."""
    return {
        "id": 7,
        "name": "Ada Host",
        "email": "ada@example.com",
        "username": "ada",
        "timeZone": "Europe/London",
        "language": {"locale": "en"},
        "timeFormat": "h:mma",
        "utcOffset": 0,
        **more,
    }


def attendee(email: str = "bob@example.com", name: str = "Bob Guest", **more: Any) -> Json:
    """Somebody who booked, or a guest."""
    first, _, last = name.partition(" ")
    return {
        "email": email,
        "name": name,
        "firstName": first,
        "lastName": last,
        "timeZone": "Europe/Berlin",
        "language": {"locale": "de"},
        "utcOffset": 60,
        **more,
    }


def team(*members: Json, **more: Any) -> Json:
    """The team of a team event with its hosts other than the organizer."""
    return {"id": 3, "name": "Support", "members": list(members), **more}


def member(email: str = "cleo@example.com", name: str = "Cleo Cohost", **more: Any) -> Json:
    """A further host. The user's `id` is named in some triggers only."""
    language = {"locale": "en"}
    return {"email": email, "name": name, "timeZone": "Europe/Paris", "language": language, **more}


def requested(
    *,
    uid: str = "bk1",
    organizer: Json | None = None,
    attendees: Sequence[Json] | None = None,
    start: Time = START,
    end: Time = END,
    sent_at: Time = SENT_AT,
    **more: Any,
) -> Json:
    """BOOKING_REQUESTED: somebody asks for a booking that needs confirmation."""
    payload = _booking(uid, organizer, attendees, start, end, _ZULU)
    payload |= {"status": "PENDING", "metadata": {}, "oneTimePassword": "otp", **more}
    return _envelope("BOOKING_REQUESTED", payload, sent_at)


def created(
    *,
    uid: str = "bk1",
    organizer: Json | None = None,
    attendees: Sequence[Json] | None = None,
    start: Time = START,
    end: Time = END,
    sent_at: Time = SENT_AT,
    **more: Any,
) -> Json:
    """BOOKING_CREATED: a booking stands, at once or after it was confirmed."""
    payload = _booking(uid, organizer, attendees, start, end, _ZULU)
    payload |= {
        "status": "ACCEPTED",
        "location": "integrations:daily",
        "metadata": {"videoCallUrl": f"https://app.cal.com/video/{uid}"},
        **more,
    }
    return _envelope("BOOKING_CREATED", payload, sent_at)


def rescheduled(
    *,
    uid: str = "bk2",
    old_uid: str = "bk1",
    organizer: Json | None = None,
    attendees: Sequence[Json] | None = None,
    start: Time = START,
    end: Time = END,
    old_start: Time = datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    old_end: Time = datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
    sent_at: Time = SENT_AT,
    **more: Any,
) -> Json:
    """BOOKING_RESCHEDULED: a new booking `uid` replaces `old_uid`, which emits nothing itself."""
    payload = _booking(uid, organizer, attendees, start, end, _ZULU)
    payload |= {
        "status": "ACCEPTED",
        "metadata": {"videoCallUrl": f"https://app.cal.com/video/{uid}"},
        "rescheduleId": 41,
        "rescheduleUid": old_uid,
        "rescheduleStartTime": _written(old_start, _ZULU),
        "rescheduleEndTime": _written(old_end, _ZULU),
        "rescheduledBy": "bob@example.com",
        **more,
    }
    return _envelope("BOOKING_RESCHEDULED", payload, sent_at)


def cancelled(
    *,
    uid: str = "bk1",
    organizer: Json | None = None,
    attendees: Sequence[Json] | None = None,
    start: Time = START,
    end: Time = END,
    sent_at: Time = SENT_AT,
    **more: Any,
) -> Json:
    """BOOKING_CANCELLED: the booking, or the seat of the one attendee listed.

    A request to reschedule is the same with `requestReschedule=True`, an organizer whose `id` and
    `name` are the acting user's, and `Please reschedule. ` before the reason.
    """
    payload = _booking(uid, organizer, attendees, start, end, _OFFSET)
    payload |= {
        "status": "CANCELLED",
        "cancellationReason": "I am ill",
        "cancelledBy": "bob@example.com",
        "requestReschedule": False,
        **more,
    }
    return _envelope("BOOKING_CANCELLED", payload, sent_at)


def rejected(
    *,
    uid: str = "bk1",
    organizer: Json | None = None,
    attendees: Sequence[Json] | None = None,
    start: Time = START,
    end: Time = END,
    sent_at: Time = SENT_AT,
    **more: Any,
) -> Json:
    """BOOKING_REJECTED: the host declined a request."""
    payload = _booking(uid, organizer, attendees, start, end, _MILLISECONDS)
    payload |= {"status": "REJECTED", "rejectionReason": "No time that day", **more}
    return _envelope("BOOKING_REJECTED", payload, sent_at)


def paid(
    *,
    uid: str = "bk1",
    organizer: Json | None = None,
    attendees: Sequence[Json] | None = None,
    start: Time = START,
    end: Time = END,
    sent_at: Time = SENT_AT,
    **more: Any,
) -> Json:
    """BOOKING_PAID: a payment succeeded; the event that confirms comes after it."""
    payload = _booking(uid, organizer, attendees, start, end, _MILLISECONDS)
    payload |= {
        "status": "ACCEPTED",
        "paymentId": 77,
        "price": 5000,
        "currency": "usd",
        "metadata": {
            "identifier": "cal.com",
            "bookingId": 42,
            "eventTypeId": 5,
            "bookerEmail": "bob@example.com",
            "eventTitle": "30 min",
            "externalId": "pi_1",
        },
        **more,
    }
    return _envelope("BOOKING_PAID", payload, sent_at)


def recording_ready(
    *,
    uid: str = "bk1",
    organizer: Json | None = None,
    attendees: Sequence[Json] | None = None,
    start: Time = START,
    end: Time = END,
    sent_at: Time = SENT_AT,
    **more: Any,
) -> Json:
    """RECORDING_READY: the organizer without an id, and attendees with that of their rows."""
    return _envelope(
        "RECORDING_READY",
        _recorded(uid, organizer, attendees, start, end) | more,
        sent_at,
    )


def transcript_ready(
    *,
    uid: str = "bk1",
    organizer: Json | None = None,
    attendees: Sequence[Json] | None = None,
    start: Time = START,
    end: Time = END,
    sent_at: Time = SENT_AT,
    **more: Any,
) -> Json:
    """RECORDING_TRANSCRIPTION_GENERATED: the same with links to the transcript."""
    links = {
        "transcription": [{"format": "txt", "link": "https://example.daily.co/t.txt"}],
        "recording": "https://example.daily.co/r.mp4",
    }
    return _envelope(
        "RECORDING_TRANSCRIPTION_GENERATED",
        _recorded(uid, organizer, attendees, start, end) | {"downloadLinks": links, **more},
        sent_at,
    )


def _recorded(
    uid: str, holder: Json | None, attendees: Sequence[Json] | None, start: Time, end: Time
) -> Json:
    payload = _booking(uid, holder, attendees, start, end, _MILLISECONDS)
    payload["organizer"] = {
        name: said for name, said in payload["organizer"].items() if name != "id"
    }
    payload["attendees"] = [
        {"id": 900 + row, **person} for row, person in enumerate(payload["attendees"])
    ]
    return payload | {"downloadLink": "https://example.daily.co/r.mp4"}


def ping(*, sent_at: Time = SENT_AT) -> Json:
    """PING: what the test button in Cal.com's pages sends."""
    someone = {"timeZone": "Europe/London", "language": {"locale": "en"}, "utcOffset": 0}
    payload = {
        "type": "Test",
        "title": "Test trigger event",
        "description": "",
        "startTime": _written(sent_at, _MILLISECONDS),
        "endTime": _written(sent_at, _MILLISECONDS),
        "attendees": [{"email": "jdoe@example.com", "name": "John Doe", **someone}],
        "organizer": {"name": "Cal", "email": "no-reply@cal.com", **someone},
    }
    return _envelope("PING", payload, sent_at)


def meeting_started(*, uid: str = "bk1", start: Time = START, end: Time = END) -> Json:
    """MEETING_STARTED: flat, without a `payload`; `createdAt` is the booking's own."""
    return {
        "triggerEvent": "MEETING_STARTED",
        "createdAt": "2026-11-01T00:00:00.000Z",
        "id": 42,
        "uid": uid,
        "userId": 7,
        "userPrimaryEmail": "ada@example.com",
        "title": "30 min between Ada Host and Bob Guest",
        "startTime": _written(start, _MILLISECONDS),
        "endTime": _written(end, _MILLISECONDS),
        "location": "integrations:daily",
        "status": "ACCEPTED",
        "attendees": [{"id": 9, "email": "bob@example.com", "name": "Bob Guest", "noShow": False}],
        "user": {"email": "ada@example.com", "name": "Ada Host", "timeZone": "Europe/London"},
    }


def _envelope(trigger: str, payload: Json, sent_at: Time) -> Json:
    return {"triggerEvent": trigger, "createdAt": _sent(sent_at), "payload": payload}


def _booking(
    uid: str,
    holder: Json | None,
    attendees: Sequence[Json] | None,
    start: Time,
    end: Time,
    form: str,
) -> Json:
    """The fields that all booking triggers share."""
    return {
        "uid": uid,
        "bookingId": 42,
        "iCalUID": f"{uid}@Cal.com",
        "iCalSequence": 0,
        "type": "30min",
        "title": "30 min between Ada Host and Bob Guest",
        "eventTitle": "30 min",
        "eventDescription": "A first talk",
        "eventTypeId": 5,
        "startTime": _written(start, form),
        "endTime": _written(end, form),
        "length": 30,
        "organizer": organizer() if holder is None else holder,
        "attendees": [attendee()] if attendees is None else list(attendees),
        "location": "integrations:daily",
        "videoCallData": {
            "type": "daily_video",
            "id": "room",
            "password": "",
            "url": "https://example.daily.co/room",
        },
        "metadata": {},
        "responses": {
            "name": {"label": "your_name", "value": "Bob Guest", "isHidden": False},
            "email": {"label": "email_address", "value": "bob@example.com", "isHidden": False},
            "guests": {"label": "additional_guests", "value": [], "isHidden": False},
        },
        "additionalNotes": "",
        "description": "",
        "customInputs": {},
        "userFieldsResponses": {},
        "destinationCalendar": None,
        "bookerUrl": "https://app.cal.com",
        "schedulingType": None,
        "seatsPerTimeSlot": None,
        "seatsShowAttendees": True,
        "requiresConfirmation": False,
        "price": 0,
        "currency": "usd",
        "appsStatus": [],
        "conferenceData": {"createRequest": {"requestId": "5f1c0f1e"}},
    }


def _written(time: Time, form: str) -> str:
    if isinstance(time, str):
        return time
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") + form


def _sent(time: Time) -> str:
    """As JavaScript's `toISOString` writes it."""
    if isinstance(time, str):
        return time
    at = time.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
