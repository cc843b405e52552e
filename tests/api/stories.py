"""Stories of bookings: webhooks in, the timeline out."""

from datetime import timedelta
from typing import Any

from calbell.calcom.signature import sign
from tests import payloads
from tests.api.desk import Desk
from tests.payloads import Json, attendee, organizer

SECRET, ADMIN = "webhook-secret-for-tests", "the-operators-own-token"
HOST, GUEST, COHOST = 7, 8, 9


def booked(desk: Desk, make: Any, uid: str = "uid-1", **more: Any) -> Json:
    """A webhook about the booking, sent now."""
    start = desk.now + timedelta(days=2)
    fields = {
        "uid": uid,
        "organizer": organizer(id=HOST, email="calendar@example.com", name="Ada"),
        "attendees": [attendee("user8@example.com", "Bea")],
        "start": start,
        "end": start + timedelta(minutes=30),
        "sent_at": desk.now,
        "title": "Coaching",
    }
    envelope: Json = make(**{**fields, **more})
    return envelope


def tell(desk: Desk, envelope: Json) -> Json:
    body = payloads.body(envelope)
    said = desk.ask(
        "POST", "/webhooks/cal", body, headers={"X-Cal-Signature-256": sign(body, SECRET)}
    )
    assert said.status == 200, said
    data: Json = said.json()["data"]
    return data


def story(desk: Desk, uid: str = "uid-1") -> Json:
    said = desk.ask("GET", f"/v1/bookings/{uid}/timeline", key=ADMIN)
    assert said.status == 200, said
    told: Json = said.json()["data"]
    return told


def notifications_of(told: Json) -> list[Json]:
    """By the events that led to them, then those without any."""
    return [one for part in (*told["events"], told) for one in part["notifications"]]


def told(desk: Desk, uid: str = "uid-1") -> list[tuple[str, int, str]]:
    """What was told to whom, and in which role, in order."""
    return [
        (one["kind"], one["user_id"], one["role"]) for one in notifications_of(story(desk, uid))
    ]


def displayed(desk: Desk, uid: str) -> list[tuple[str, int, str, str | None]]:
    return [
        (one["kind"], one["user_id"], one["state"], one["reason"])
        for one in notifications_of(story(desk, uid))
    ]
