"""Events of other systems, from `/v1/events` to what a phone shows, through the real programs."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.acceptance.stand import Json, Stand, User, states

PATH = "/v1/events"
_numbers = count(1)


def plain(event: str, organizer: User, attendee: User, **more: Any) -> Json:
    """A body in the plain form, about a booking of its own."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    booking = {
        "uid": f"plain{next(_numbers)}",
        "title": "Chat about plain things",
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=30)).isoformat(),
        "organizer": {"id": organizer.id, "email": organizer.email, "name": organizer.name},
        "hosts": [],
        "attendees": [{"email": attendee.email, "name": attendee.name}],
    }
    return {"event": event, "booking": booking, **more}


def test_an_event_of_another_system_rings_phones_once(stand: Stand) -> None:
    key = stand.database.key(role="events")
    organizer, attendee = stand.database.user(), stand.database.user()
    phones = [stand.phone(organizer), stand.phone(attendee, "ANDROID")]
    body = plain("BOOKING_LOCATION_CHANGED", organizer, attendee, old={"location": "Room 1"})
    headers = {"Idempotency-Key": body["booking"]["uid"]}

    first, again = (stand.ask("POST", PATH, body, key=key, headers=headers) for _ in range(2))
    assert (first.status, again.status) == (202, 202)
    told = first.json()["data"]
    assert (told["duplicate"], told["recipients"]) == (False, 2)
    assert again.json()["data"] == told | {"duplicate": True}
    other = plain("BOOKING_CANCELLED", organizer, attendee)
    refused = stand.ask("POST", PATH, other, key=key, headers=headers)
    assert (refused.status, refused.json()["error"]["code"]) == (409, "ConflictException")

    story = stand.settled(body["booking"]["uid"])
    assert states(story) == ["delivered", "delivered"]
    for token in phones:
        (shown,) = stand.expo.screen(token)
        assert "Chat about plain things" in shown["body"]
        assert shown["data"]["bookingUid"] == body["booking"]["uid"]
        assert shown["data"]["notificationEvent"] == "BOOKING_LOCATION_CHANGED"


def test_what_makes_no_sense_is_refused_with_the_field(stand: Stand) -> None:
    key = stand.database.key(role="events")
    user = stand.database.user()
    body = plain("BOOKING_CONFIRMED", user, user)
    body["booking"]["start"] = "tomorrow"
    said = stand.ask("POST", PATH, body, key=key)
    assert said.status == 400
    message = "booking.start: not a time in ISO 8601 with an offset"
    assert said.json()["error"]["message"] == message
