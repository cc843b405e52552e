"""`/v1/events`: other systems tell what happened to bookings."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calbell.api.plain_said import TELLABLE
from calbell.calcom.signature import sign
from calbell.config import Secret, Settings
from calbell.domain.events import Payment, TimeSpan
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent
from calbell.domain.retention import Horizon
from calbell.flows import story
from calbell.flows.story import Timeline
from calbell.store import deliveries, events, retention, upkeep
from calbell.store.connection import Connection, StoreUnavailable
from calbell.store.due import DueDelivery
from calbell.store.retention import Place
from tests import payloads
from tests.api.desk import APP_PUSH, GOOD, NOON, Desk, Said
from tests.contract.world import deliver, send

PATH = "/v1/events"
SECRET = "webhook-secret"
ORGANIZER, HOST, ATTENDEE = 7, 8, 9
START = NOON + timedelta(days=1)


class Source(Desk):
    """The desk with a source of events, and three users who take part in its bookings."""

    def __init__(self) -> None:
        super().__init__(Settings(webhook_secrets=(Secret(SECRET),)))
        for id_ in (ORGANIZER, HOST, ATTENDEE):
            self.user(id_)
        self.source = self.key(role="events")

    def tell(self, body: object, key: str | None = None) -> Said:
        """The answer to a body, under an `Idempotency-Key`."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.ask("POST", PATH, body, key=self.source, headers=headers)

    def taken(self, body: object, key: str | None = None) -> dict[str, Any]:
        """What is said of an event that is taken in."""
        said = self.tell(body, key)
        assert said.status == 202, said
        data: dict[str, Any] = said.json()["data"]
        return data

    def told(self, uid: str = "b1") -> list[tuple[str, int]]:
        """Kind and user of all notifications of the booking but those that the user did himself."""
        found: Timeline | None = self.run(story.timeline, uid)
        told = found.events if found else ()
        return sorted(
            (n.kind, n.user_id)
            for event in told
            for n in event.notifications
            if n.reason != "own_action"
        )


@pytest.fixture
def desk() -> Source:
    return Source()


def person(id_: int) -> dict[str, Any]:
    return {"email": f"user{id_}@example.com", "name": f"User {id_}"}


def plain(event: str = "BOOKING_CONFIRMED", **more: Any) -> dict[str, Any]:
    """A body in the plain form."""
    booking = {
        "uid": "b1",
        "title": "Chat",
        "start": START.isoformat(),
        "end": (START + timedelta(minutes=30)).isoformat(),
        "organizer": person(ORGANIZER),
        "hosts": [person(HOST)],
        "attendees": [person(ATTENDEE)],
    }
    return {"event": event, "booking": booking, **more}


def about(body: dict[str, Any], **booking: Any) -> dict[str, Any]:
    """The body with other fields of its booking."""
    return body | {"booking": body["booking"] | booking}


def created(**more: Any) -> dict[str, Any]:
    """A Cal.com trigger body."""
    return payloads.created(
        **{
            "uid": "b1",
            "organizer": payloads.organizer(id=ORGANIZER, email="user7@example.com"),
            "attendees": [payloads.attendee(email="user9@example.com")],
            "start": START,
            "end": START + timedelta(minutes=30),
            "sent_at": NOON,
            **more,
        }
    )


@pytest.mark.parametrize("kind", TELLABLE)
def test_every_push_event_is_told_to_organizer_host_and_attendee(
    desk: Source, kind: PushEvent
) -> None:
    said = desk.tell(plain(kind))
    assert said.status == 202
    assert said.json()["status"] == "success"
    data = said.json()["data"]
    assert data.pop("eventId").startswith("evt_")
    assert data == {"duplicate": False, "recipients": 3}
    assert desk.told() == [(kind, user) for user in (ORGANIZER, HOST, ATTENDEE)]


@pytest.mark.parametrize(
    ("event", "said", "facts"),
    [
        (
            "BOOKING_RESCHEDULED",
            {"old": {"start": "2026-11-25T14:00:00+01:00", "end": "2026-11-25T15:00:00+01:00"}},
            {"old_times": TimeSpan(NOON + timedelta(hours=1), NOON + timedelta(hours=2))},
        ),
        ("BOOKING_LOCATION_CHANGED", {"old": {"location": "Room 1"}}, {"old_place": "Room 1"}),
        (
            "BOOKING_REASSIGNED",
            {"old": {"organizer": {"email": "dan@example.com", "name": "Dan"}}},
            {"old_organizer": Person("dan@example.com", "Dan")},
        ),
        (
            "BOOKING_GUESTS_ADDED",
            {"added": [{"email": "fay@example.com", "name": "Fay"}]},
            {"added": (Person("fay@example.com", "Fay"),)},
        ),
        ("BOOKING_CANCELLED", {"reason": "Train was late"}, {"reason": "Train was late"}),
        (
            "PAYMENT_RECEIVED",
            {"payment": {"amount": 5000, "currency": "eur"}},
            {"payment": Payment(5000, "EUR")},
        ),
    ],
)
def test_what_changed_is_what_the_words_are_made_from(
    desk: Source, event: str, said: dict[str, Any], facts: dict[str, Any]
) -> None:
    desk.ask("POST", APP_PUSH, GOOD, key=desk.key(ORGANIZER))
    desk.taken(plain(event, **said))

    def look(connection: Connection) -> list[DueDelivery]:
        project = deliveries.pick_project(connection, NOON)
        assert project is not None
        return deliveries.due(connection, project, NOON, 10)

    (due,) = desk.run(look)
    assert {name: getattr(due.facts, name) for name in facts} == facts


def test_who_did_it_is_not_told(desk: Source) -> None:
    assert desk.taken(plain(actor="USER8@example.com"))["recipients"] == 2
    assert [user for _, user in desk.told()] == [ORGANIZER, ATTENDEE]


def test_a_seat_is_not_the_other_attendees_matter(desk: Source) -> None:
    desk.user(10)
    attendees = [person(ATTENDEE), person(10) | {"seat": True}]
    body = about(plain("BOOKING_SEAT_CANCELLED"), attendees=attendees, seats=5)
    assert desk.taken(body)["recipients"] == 3
    assert [user for _, user in desk.told()] == [ORGANIZER, HOST, 10]


def test_news_of_one_kind_is_told_as_often_as_it_happens(desk: Source) -> None:
    for number in range(3):
        body = plain("PAYMENT_RECEIVED", payment={"amount": 100 + number, "currency": "EUR"})
        assert desk.taken(body)["recipients"] == 3
    assert len(desk.told()) == 9


def test_a_trigger_body_of_calcom_is_understood(desk: Source) -> None:
    assert desk.taken(created())["recipients"] == 2
    assert desk.told() == [("BOOKING_CONFIRMED", ORGANIZER), ("BOOKING_CONFIRMED", ATTENDEE)]


@pytest.mark.parametrize("body", [payloads.ping(), payloads.meeting_started()])
def test_what_nothing_follows_from_is_accepted(desk: Source, body: dict[str, Any]) -> None:
    first = desk.taken(body)
    assert (first["duplicate"], first["recipients"]) == (False, 0)
    assert desk.taken(body) == first | {"duplicate": True}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (created(uid=""), "uid is blank"),
        (created(start="soon"), "startTime is not a time"),
        ({"triggerEvent": "BOOKING_CREATED"}, "payload is missing"),
        ({"triggerEvent": None}, "triggerEvent is missing"),
        (plain("BOOKING_MOVED"), "event: it is one of"),
        (about(plain(), start="soon"), "booking.start: not a time in ISO 8601 with an offset"),
        ({}, "Object missing required field `event`"),
        ([], "the body must be a JSON object"),
        (b"", "the body must be a JSON object"),
        (b"{", "the body must be a JSON object"),
        (b"\xff", "the body must be a JSON object"),
        (b"[" * 100_000, "the body must be a JSON object"),
        (b'{"\\ud800":1}', "the name of a field cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_of_it_is_kept(
    desk: Source, body: object, said: str
) -> None:
    answer = desk.tell(body, key="k")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "BadRequestException")
    assert said in answer.message
    assert desk.run(upkeep.counts, NOON).last_event_at is None
    assert desk.taken(plain(), key="k")["duplicate"] is False


def test_the_longest_body_is_a_mebibyte(desk: Source) -> None:
    body = msgspec.json.encode(plain())
    assert desk.tell(body.ljust(1 << 20)).status == 202
    assert desk.tell(body.ljust((1 << 20) + 1)).status == 413


def test_the_same_bytes_are_one_event(desk: Source) -> None:
    body = json.dumps(plain()).encode()
    first = desk.taken(body)
    desk.later(hours=1)
    assert desk.taken(body) == first | {"duplicate": True}
    assert len(desk.told()) == 3
    assert desk.taken(body + b" ")["eventId"] != first["eventId"]


@pytest.mark.parametrize("body", [plain(), created()])
def test_the_same_key_is_one_event_and_with_another_body_a_conflict(
    desk: Source, body: dict[str, Any]
) -> None:
    first = desk.taken(body, key="order 7/1")
    told = desk.told()
    assert desk.taken(body, key="order 7/1") == first | {"duplicate": True}
    other = desk.tell(plain("BOOKING_CANCELLED"), key="order 7/1")
    assert (other.status, other.json()["error"]["code"]) == (409, "ConflictException")
    assert other.message == "Idempotency-Key: another body came with this key before"
    assert desk.told() == told


def test_the_same_body_under_another_key_is_another_event(desk: Source) -> None:
    one, other = (desk.taken(plain("RECORDING_READY"), key=key) for key in ("1", "2"))
    assert one["eventId"] != other["eventId"]
    assert (other["duplicate"], other["recipients"]) == (False, 3)


def test_of_two_at_once_one_is_the_first(desk: Source) -> None:
    def asking(body: object) -> Any:
        headers = {"Idempotency-Key": "k"}
        return desk.asking("POST", PATH, body, key=desk.source, headers=headers)

    first, again, other = desk.together(
        asking(plain()), asking(plain()), asking(plain("BOOKING_CANCELLED"))
    )
    assert (first.status, again.status, other.status) == (202, 202, 409)
    assert again.json()["data"] == first.json()["data"] | {"duplicate": True}
    assert len(desk.told()) == 3


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "a\tb"])
def test_a_key_that_can_be_none_is_refused(desk: Source, key: str) -> None:
    said = desk.tell(plain(), key=key)
    assert (said.status, said.message) == (
        400,
        "Idempotency-Key: it has 1 to 255 characters of ASCII",
    )
    assert desk.told() == []


def test_a_key_is_known_as_long_as_its_booking(desk: Source) -> None:
    first = desk.taken(plain(), key="k")
    over = START + timedelta(minutes=30)
    desk.run(send, NOON)
    desk.run(deliver, NOON)
    desk.run(retention.forget, Horizon(over, over), Place(), 100)
    assert desk.taken(plain(), key="k") == first | {"duplicate": True}
    later = over + timedelta(milliseconds=1)
    desk.run(retention.forget, Horizon(later, later), Place(), 100)
    assert desk.taken(plain(), key="k")["duplicate"] is False


def test_what_came_as_a_webhook_that_says_nothing_can_still_be_told(desk: Source) -> None:
    body = json.dumps(plain()).encode()
    signed = {"X-Cal-Signature-256": sign(body, SECRET)}
    assert desk.ask("POST", "/webhooks/cal", body, headers=signed).status == 200
    taken = desk.taken(body)
    assert (taken["duplicate"], taken["recipients"]) == (False, 3)


def test_a_trigger_body_that_came_as_a_webhook_is_known(desk: Source) -> None:
    body = payloads.body(created())
    signed = {"X-Cal-Signature-256": sign(body, SECRET)}
    came = desk.ask("POST", "/webhooks/cal", body, headers=signed).json()["data"]
    assert desk.taken(body) == came | {"duplicate": True}


def test_events_are_counted_under_their_news(desk: Source) -> None:
    desk.taken(plain())
    desk.taken(payloads.ping())
    shown = desk.ask("GET", "/metrics", key=desk.key(role="support")).body.decode()
    assert 'calbell_events_total{state="taken",trigger="BOOKING_CONFIRMED"} 1.0' in shown
    assert 'calbell_events_total{state="ignored",trigger="other"} 1.0' in shown


def test_while_the_database_is_down_it_is_said_and_the_same_can_be_told_later(
    desk: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(events, "insert_many", down)
        said = desk.tell(plain(), key="k")
        assert (said.status, said.json()["error"]["code"]) == (503, "ServiceUnavailableException")
    assert desk.taken(plain(), key="k")["duplicate"] is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=8,
)
SHARED = Source()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(sorted(plain()["booking"])), JSON).map(
        lambda said: json.dumps(about(plain(), **said)).encode()
    )
    | st.dictionaries(st.sampled_from(["occurredAt", "actor", "old", "reason", "added"]), JSON).map(
        lambda said: json.dumps(plain() | said).encode()
    )
)
def test_whatever_the_body_is_it_is_taken_in_or_refused(body: bytes) -> None:
    assert SHARED.tell(body).status in (202, 400)
