"""Every trigger that Cal.com has, built from the tables of cal-webhooks.md: what becomes of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests import payloads
from tests.payloads import Json, attendee, body, organizer

from calbell.calcom.webhooks import Ignored, Reading, Understood, Unreadable, read
from calbell.domain.events import EventKind, Fact, Payment
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SENT = "2026-11-20T08:15:30.123Z"


def enveloped(trigger: str, payload: Json) -> Json:
    return {"triggerEvent": trigger, "createdAt": SENT, "payload": payload}


def flat(trigger: str) -> Json:
    return payloads.meeting_started() | {"triggerEvent": trigger}


GUESTS = [{"email": "bob@example.com", "name": "Bob Guest"}]
NO_SHOW = {
    "title": "30 min",
    "bookingId": 42,
    "bookingUid": "bk1",
    "startTime": "2026-11-24T10:00:00.000Z",
    "endTime": "2026-11-24T10:30:00.000Z",
    "attendees": GUESTS,
    "participants": [],
    "eventType": {"id": 5, "teamId": None, "parentId": None},
    "webhook": {
        "id": "w1",
        "subscriberUrl": "https://example.com",
        "time": 5,
        "timeUnit": "minute",
    },
    "message": "Nobody came",
}
FORM = {"formId": "f1", "formName": "Intake", "teamId": None, "responses": {"q": {"value": "a"}}}

TOLD: dict[str, tuple[Callable[..., Json], EventKind, PushEvent | None]] = {
    "BOOKING_REQUESTED": (payloads.requested, EventKind.REQUESTED, None),
    "BOOKING_CREATED": (payloads.created, EventKind.CREATED, None),
    "BOOKING_RESCHEDULED": (payloads.rescheduled, EventKind.RESCHEDULED, None),
    "BOOKING_CANCELLED": (payloads.cancelled, EventKind.CANCELLED, None),
    "BOOKING_REJECTED": (payloads.rejected, EventKind.REJECTED, None),
    "BOOKING_PAID": (payloads.paid, EventKind.TOLD, PushEvent.PAYMENT_RECEIVED),
    "RECORDING_READY": (payloads.recording_ready, EventKind.TOLD, PushEvent.RECORDING_READY),
    "RECORDING_TRANSCRIPTION_GENERATED": (
        payloads.transcript_ready,
        EventKind.TOLD,
        PushEvent.TRANSCRIPT_READY,
    ),
}
IGNORED: dict[str, Json] = {
    "PING": payloads.ping(),
    "BOOKING_PAYMENT_INITIATED": payloads.paid() | {"triggerEvent": "BOOKING_PAYMENT_INITIATED"},
    "BOOKING_NO_SHOW_UPDATED": enveloped(
        "BOOKING_NO_SHOW_UPDATED",
        {
            "message": "bob@example.com marked as no-show",
            "attendees": [{"email": "bob@example.com", "noShow": True}],
            "bookingUid": "bk1",
            "bookingId": 42,
        },
    ),
    "MEETING_STARTED": flat("MEETING_STARTED"),
    "MEETING_ENDED": flat("MEETING_ENDED"),
    "INSTANT_MEETING": enveloped(
        "INSTANT_MEETING",
        {
            "triggerEvent": "INSTANT_MEETING",
            "uid": "bk1",
            "responses": {"name": "Bob", "email": "bob@example.com"},
            "connectAndJoinUrl": "https://app.cal.com/connect-and-join?token=t",
            "eventTypeId": 5,
            "eventTypeTitle": "Instant",
            "customInputs": {},
        },
    ),
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW": enveloped(
        "AFTER_HOSTS_CAL_VIDEO_NO_SHOW", NO_SHOW | {"hostEmail": "ada@example.com"}
    ),
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW": enveloped(
        "AFTER_GUESTS_CAL_VIDEO_NO_SHOW", NO_SHOW | {"guests": GUESTS}
    ),
    "OOO_CREATED": enveloped("OOO_CREATED", {"oooEntry": {"id": 1, "toUser": None, "uuid": "u"}}),
    "FORM_SUBMITTED": enveloped("FORM_SUBMITTED", FORM) | {"q": "a"},
    "FORM_SUBMITTED_NO_EVENT": enveloped("FORM_SUBMITTED_NO_EVENT", FORM),
    "ROUTING_FORM_FALLBACK_HIT": enveloped("ROUTING_FORM_FALLBACK_HIT", FORM),
    "DELEGATION_CREDENTIAL_ERROR": enveloped(
        "DELEGATION_CREDENTIAL_ERROR", {"error": {"type": "x", "message": "y"}, "user": {"id": 7}}
    ),
    "WRONG_ASSIGNMENT_REPORT": enveloped("WRONG_ASSIGNMENT_REPORT", {"booking": {}, "report": {}}),
}


def reading(envelope: object) -> Reading:
    return read(body(envelope), received_at=NOW)


def understood(envelope: Json) -> Any:
    told = reading(envelope)
    assert isinstance(told, Understood), told
    return told.event


def test_there_are_all_of_cal_coms_triggers() -> None:
    assert len({*TOLD, *IGNORED} - {"PING"}) == 21


@pytest.mark.parametrize("trigger", TOLD)
def test_what_tells_of_a_booking_is_understood(trigger: str) -> None:
    make, kind, fact_kind = TOLD[trigger]
    event = understood(make())
    assert event.kind is kind
    assert (event.fact.kind if event.fact else None) is fact_kind
    assert event.times is not None


@pytest.mark.parametrize("trigger", IGNORED)
def test_everything_else_is_accepted_and_tells_nothing(trigger: str) -> None:
    assert reading(IGNORED[trigger]) == Ignored(trigger)


def test_a_payment_is_told_by_its_id_with_its_amount() -> None:
    event = understood(payloads.paid())
    assert event.fact == Fact(
        key="77", kind=PushEvent.PAYMENT_RECEIVED, payment=Payment(5000, "USD")
    )


@pytest.mark.parametrize(
    "spoiled",
    [
        {"price": None},
        {"price": "5000"},
        {"price": -1},
        {"currency": None},
        {"currency": "dollars"},
        {"currency": 840},
    ],
)
def test_a_payment_without_a_readable_amount_is_still_a_payment(spoiled: Json) -> None:
    fact = understood(payloads.paid(**spoiled)).fact
    assert (fact.key, fact.payment) == ("77", None)


@pytest.mark.parametrize("payment_id", [None, "x", 0, 1.5, True])
def test_without_its_id_a_payment_is_told_once_for_its_booking(payment_id: object) -> None:
    assert understood(payloads.paid(paymentId=payment_id)).fact.key == "bk1"


def test_a_recording_names_the_organizer_by_address_and_no_attendee_by_id() -> None:
    for make in (payloads.recording_ready, payloads.transcript_ready):
        event = understood(make())
        assert event.organizer == Person("ada@example.com", "Ada Host")
        assert event.attendees == (Person("bob@example.com", "Bob Guest"),)


@pytest.mark.parametrize("make", [payloads.recording_ready, payloads.transcript_ready])
def test_a_recording_needs_no_more_than_its_booking(make: Callable[..., Json]) -> None:
    envelope = make()
    envelope["payload"] = {"uid": "bk1"}
    event = understood(envelope)
    assert (event.uid, event.times, event.fact.key) == ("bk1", None, "bk1")
    envelope["payload"] = {"title": "no uid"}
    assert reading(envelope) == Unreadable("uid is missing")


@pytest.mark.parametrize("seconds", ["Z", "+00:00", ".000Z", "+01:00", ".5+05:30"])
@pytest.mark.parametrize("trigger", TOLD)
def test_every_form_of_time_is_read(trigger: str, seconds: str) -> None:
    make, _, _ = TOLD[trigger]
    event = understood(
        make(start=f"2026-11-24T10:00:00{seconds}", end=f"2026-11-24T10:30:00{seconds}")
    )
    start = datetime.fromisoformat(f"2026-11-24T10:00:00{seconds}")
    assert event.times.start_at == start


@pytest.mark.parametrize("trigger", TOLD)
def test_real_people_are_called_many_things(trigger: str) -> None:
    make, _, _ = TOLD[trigger]
    host = organizer(name="عائشة", timeFormat=24, email="Aisha@Example.com", username=None)
    guests = [attendee("chloe@example.com", "Chloé 📱"), attendee("x@example.com", "\ud83d")]
    event = understood(make(organizer=host, attendees=guests, location=None, extra={"a": [1]}))
    assert event.organizer.name == "عائشة"
    assert event.organizer.email == "aisha@example.com"
    assert [person.name for person in event.attendees] == ["Chloé 📱", "\ufffd"]


@pytest.mark.parametrize(
    "raw",
    [
        b"false",
        b"Booking bk1 was created",
        b"triggerEvent=BOOKING_CREATED&uid=bk1",
        b'{"uid":"bk1","title":"a template of somebody\'s own"}',
        b'{"triggerEvent":"BOOKING_CREATED","uid":"bk1"}',
        b'{"triggerEvent":"BOOKING_CREATED","payload":"[object Object]"}',
    ],
)
def test_what_a_template_made_is_kept_as_unreadable(raw: bytes) -> None:
    assert isinstance(read(raw, received_at=NOW), Unreadable)
