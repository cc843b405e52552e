"""The plain form of `/v1/events`: what each body says, and what is wrong with the others."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calbell.api.answers import Problem
from calbell.api.docs import Docs
from calbell.api.plain_events import read
from calbell.api.plain_said import TELLABLE
from calbell.domain.events import BookingEvent, EventKind, Fact, Payment, TimeSpan
from calbell.domain.people import Person
from calbell.domain.push_events import PushEvent

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
BOOKING: dict[str, Any] = {
    "uid": "b1",
    "title": "Chat",
    "start": "2026-11-26T10:00:00+01:00",
    "end": "2026-11-26T10:30:00+01:00",
    "organizer": {"id": 7, "email": "Ada@Example.com", "name": "Ada Host"},
    "hosts": [{"email": "cora@example.com", "name": "Cora Host"}],
    "attendees": [
        {"email": "bob@example.com", "name": "Bob Guest"},
        {"email": "eve@example.com", "name": "Eve Guest"},
    ],
}
TIMES = TimeSpan(
    datetime(2026, 11, 26, 9, 0, tzinfo=UTC), datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
)
ADA = Person("ada@example.com", "Ada Host", 7)
CORA = Person("cora@example.com", "Cora Host")
BOB = Person("bob@example.com", "Bob Guest")
EVE = Person("eve@example.com", "Eve Guest")

EVERYTHING: dict[str, Any] = {
    "event": "BOOKING_RESCHEDULED",
    "occurredAt": "2026-11-25T11:00:00Z",
    "actor": "BOB@example.com",
    "booking": BOOKING | {"status": "accepted", "location": "Room 1", "seats": 5},
    "old": {
        "start": "2026-11-25T10:00:00Z",
        "end": "2026-11-25T10:30:00Z",
        "location": "Room 2",
        "organizer": {"email": "dan@example.com", "name": "Dan"},
    },
    "reason": "Train was late",
    "payment": {"amount": 5000, "currency": "eur"},
    "added": [{"email": "Fay@example.com", "name": "Fay"}],
}


def plain(name: str = "BOOKING_CONFIRMED", **booking: object) -> dict[str, Any]:
    return {"event": name, "booking": BOOKING | booking}


def event(body: dict[str, Any]) -> BookingEvent:
    told = read(body, "key", NOW)
    assert isinstance(told, BookingEvent), told
    return told


def complaint(body: dict[str, Any]) -> str:
    told = read(body, "key", NOW)
    assert isinstance(told, Problem), told
    assert (told.status, told.code) == (400, "BadRequestException")
    return told.message


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The body with another value at the path."""
    first, _, rest = path.partition(".")
    said = changed(body.get(first, {}), rest, value) if rest else value
    return {**body, first: said}


def test_a_body_becomes_a_fact_with_all_that_it_says() -> None:
    assert event(EVERYTHING) == BookingEvent(
        kind=EventKind.TOLD,
        uid="b1",
        sent_at=NOW - timedelta(hours=1),
        title="Chat",
        times=TIMES,
        place="Room 1",
        organizer=ADA,
        hosts=(CORA,),
        attendees=(BOB, EVE),
        seats=5,
        old_times=TimeSpan(
            datetime(2026, 11, 25, 10, 0, tzinfo=UTC), datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
        ),
        actor="bob@example.com",
        reason="Train was late",
        fact=Fact(
            key="key",
            kind=PushEvent.BOOKING_RESCHEDULED,
            payment=Payment(5000, "EUR"),
            added=(Person("fay@example.com", "Fay"),),
            old_place="Room 2",
            old_organizer=Person("dan@example.com", "Dan"),
        ),
        status_kind=EventKind.CREATED,
    )


def test_what_is_not_said_is_none() -> None:
    told = event(plain(title=" ", hosts=[], attendees=[]))
    assert told == BookingEvent(
        kind=EventKind.TOLD,
        uid="b1",
        sent_at=NOW,
        times=TIMES,
        organizer=ADA,
        fact=Fact(key="key", kind=PushEvent.BOOKING_CONFIRMED),
        status_kind=EventKind.CREATED,
    )


def test_null_is_as_if_it_were_not_said() -> None:
    absent = dict.fromkeys(("occurredAt", "actor", "old", "reason", "payment"))
    body = plain(status=None, location=None, seats=None)
    assert event({**body, **absent}) == event(plain())


def test_every_push_event_but_the_reminder_can_be_told() -> None:
    assert len(TELLABLE) == 18
    assert [event(plain(kind)).fact for kind in TELLABLE] == [
        Fact(key="key", kind=kind) for kind in TELLABLE
    ]
    assert complaint(plain("BOOKING_REMINDER")).startswith("event: it is one of BOOKING_REQUESTED,")


def test_the_document_names_them_all() -> None:
    said = Docs().document["components"]["schemas"]["PlainEvent"]["properties"]["event"]
    assert said["enum"] == list(TELLABLE)


def test_the_news_says_what_it_says_of_the_status() -> None:
    said = {kind: event(plain(kind)).status_kind for kind in TELLABLE}
    assert {kind: status for kind, status in said.items() if status} == {
        PushEvent.BOOKING_REQUESTED: EventKind.REQUESTED,
        PushEvent.BOOKING_CONFIRMED: EventKind.CREATED,
        PushEvent.BOOKING_RESCHEDULED: EventKind.RESCHEDULED,
        PushEvent.BOOKING_CANCELLED: EventKind.CANCELLED,
        PushEvent.BOOKING_RESCHEDULE_REQUESTED: EventKind.CANCELLED,
        PushEvent.BOOKING_REJECTED: EventKind.REJECTED,
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("pending", EventKind.REQUESTED),
        ("accepted", EventKind.CREATED),
        ("rejected", EventKind.REJECTED),
        ("cancelled", EventKind.CANCELLED),
    ],
)
def test_a_status_that_is_said_counts_whatever_the_news(status: str, kind: EventKind) -> None:
    for name in TELLABLE:
        assert event(plain(name, status=status)).status_kind is kind


@pytest.mark.parametrize("mark", [True, "seat-12"])
def test_the_only_seat_that_is_marked_is_whose_the_news_is(mark: object) -> None:
    bob, eve = BOOKING["attendees"]
    told = event(plain(attendees=[bob, eve | {"seat": mark}], seats=10))
    assert (told.attendees, told.seats) == ((EVE,), 10)
    unnumbered = event(plain(attendees=[bob, eve | {"seat": mark}]))
    assert (unnumbered.attendees, unnumbered.seats) == ((EVE,), 2)


@pytest.mark.parametrize("mark", [False, "", None])
def test_no_seat_and_several_seats_are_the_whole_bookings(mark: object) -> None:
    bob, eve = BOOKING["attendees"]
    unmarked = event(plain(attendees=[bob | {"seat": mark}, eve]))
    assert (unmarked.attendees, unmarked.seats) == ((BOB, EVE), None)
    both = event(plain(attendees=[bob | {"seat": "1"}, eve | {"seat": "2"}]))
    assert (both.attendees, both.seats) == ((BOB, EVE), None)


def test_nobody_is_named_twice() -> None:
    by_id = {"id": 7, "email": "ada@elsewhere.example", "name": "Ada"}
    by_address = {"email": "ADA@example.com", "name": "Ada"}
    (cora,), (bob, eve) = BOOKING["hosts"], BOOKING["attendees"]
    told = event(plain(hosts=[by_id, cora, by_address, cora], attendees=[bob, eve, bob]))
    assert (told.hosts, told.attendees) == ((CORA,), (BOB, EVE))


def test_an_event_counts_as_sent_when_it_occurred_but_never_in_the_future() -> None:
    assert event(plain() | {"occurredAt": "2026-11-25T13:30:00+02:00"}).sent_at == NOW - timedelta(
        minutes=30
    )
    assert event(plain() | {"occurredAt": "2031-01-01T00:00:00Z"}).sent_at == NOW


def test_what_no_database_keeps_is_left_out() -> None:
    told = event(plain(uid=" b\x001\ud800 ", title="Ch\x00at\udfff"))
    assert (told.uid, told.title) == ("b1\ufffd", "Chat\ufffd")


NO_TIME = "not a time in ISO 8601 with an offset"
NO_ADDRESS = "not an e-mail address"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("event", "BOOKING_MOVED", "event: it is one of BOOKING_REQUESTED, "),
        ("event", 5, "event: not a text"),
        ("booking", [], "booking: Expected `object`, got `array`"),
        ("booking.uid", "  ", "booking.uid: blank"),
        ("booking.uid", "ü" * 128, "booking.uid: longer than 255 bytes"),
        ("booking.uid", None, "booking.uid: not a text"),
        ("booking.title", "x" * 2001, "booking.title: longer than 2000 characters"),
        ("booking.start", "2026-11-26T10:00:00", f"booking.start: {NO_TIME}"),
        ("booking.start", "tomorrow", f"booking.start: {NO_TIME}"),
        ("booking.start", 1795687200, "booking.start: not a text"),
        ("booking.end", "2026-11-26T08:59:59Z", "booking.end: before booking.start"),
        (
            "booking.status",
            "ACCEPTED",
            "booking.status: it is one of pending, accepted, rejected, cancelled",
        ),
        ("booking.seats", 0, "booking.seats: "),
        ("booking.seats", 1 << 63, "booking.seats: "),
        ("booking.organizer.email", "ada", f"booking.organizer.email: {NO_ADDRESS}"),
        ("booking.organizer.id", 0, "booking.organizer.id: "),
        ("booking.hosts", [{"name": "X"}], "booking.hosts[0]: Object missing required field"),
        (
            "booking.attendees",
            [BOOKING["attendees"][0], {"email": "@y.z", "name": ""}],
            f"booking.attendees[1].email: {NO_ADDRESS}",
        ),
        (
            "booking.attendees",
            [{"email": "x@y.z", "name": "", "id": 1}],
            "booking.attendees[0]: Object contains unknown field `id`",
        ),
        ("booking.attendees", [{"email": "x@y.z", "name": "", "seat": 5}], "seat: Expected `bool"),
        ("booking.place", "Room 1", "booking: Object contains unknown field `place`"),
        ("ocurredAt", "2026-11-25T11:00:00Z", "Object contains unknown field `ocurredAt`"),
        ("occurredAt", "2026-11-25 11:00", f"occurredAt: {NO_TIME}"),
        ("actor", "Bob Guest", f"actor: {NO_ADDRESS}"),
        ("actor", "b" * 310 + "@example.com", f"actor: {NO_ADDRESS}"),
        ("old", {"start": "2026-11-25T10:00:00Z"}, "old.end: missing beside old.start"),
        ("old", {"end": "2026-11-25T10:00:00Z"}, "old.start: missing beside old.end"),
        ("old.end", "2026-11-25T09:00:00Z", "old.end: before old.start"),
        ("reason", ["late"], "reason: not a text"),
        ("payment.amount", 50.5, "payment.amount: "),
        ("payment.amount", -1, "payment.amount: "),
        ("payment.amount", 10**15, "payment.amount: "),
        ("payment.currency", "€", "payment.currency: not a currency's code of three letters"),
        ("payment.currency", "ÄÖÜ", "payment.currency: not a currency's code of three letters"),
        ("added", [{"name": "X"}], "added[0]: Object missing required field `email`"),
    ],
)
def test_what_makes_no_sense_is_said_with_the_field(path: str, value: object, said: str) -> None:
    assert said in complaint(changed(EVERYTHING, path, value))


@pytest.mark.parametrize("name", ["event", "booking"])
def test_what_a_body_must_have(name: str) -> None:
    body = {field: value for field, value in EVERYTHING.items() if field != name}
    assert complaint(body) == f"Object missing required field `{name}`"


@pytest.mark.parametrize("name", ["uid", "title", "start", "end", "organizer"])
def test_what_a_booking_must_have(name: str) -> None:
    booking = {field: value for field, value in BOOKING.items() if field != name}
    missing = f"booking: Object missing required field `{name}`"
    assert complaint({"event": "BOOKING_CONFIRMED", "booking": booking}) == missing


def paths(value: object, path: str = "") -> list[str]:
    """The paths of all fields of a body."""
    if not isinstance(value, dict):
        return [path]
    below = [found for name, said in value.items() for found in paths(said, f"{path}.{name}")]
    return [path, *below] if path else below


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.datetimes().map(str),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
)


@given(st.sampled_from(paths(EVERYTHING)), ANYTHING)
def test_whatever_is_said_it_is_an_event_that_can_be_kept_or_a_complaint_that_can_be_sent(
    path: str, value: object
) -> None:
    told = read(changed(EVERYTHING, path.lstrip("."), value), "key", NOW)
    assert b"\\u0000" not in msgspec.json.encode(told)


@given(st.sampled_from(TELLABLE), st.text(min_size=12, alphabet="abcdefghij"))
def test_no_complaint_repeats_what_was_said(kind: PushEvent, secret: str) -> None:
    for path in ("event", "booking.start", "booking.status", "actor", "payment.currency", "old"):
        assert secret not in complaint(changed(EVERYTHING | {"event": kind}, path, secret))
