"""A webhook is understood, ignored or unreadable, and never an exception."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.payloads import (
    END,
    SENT_AT,
    START,
    body,
    cancelled,
    created,
    meeting_started,
    ping,
    rejected,
    requested,
    rescheduled,
)

from calbell.calcom.webhooks import Ignored, Reading, Understood, Unreadable, read
from calbell.domain.events import BookingEvent

NOW = datetime(2026, 11, 20, 8, 16, tzinfo=UTC)
UNDERSTOOD = (requested, created, rescheduled, cancelled, rejected)
NEED_TIMES = (requested, created, rescheduled)
END_IT = (cancelled, rejected)


def reading(envelope: object) -> Reading:
    return read(body(envelope), received_at=NOW)


def event(envelope: object) -> BookingEvent:
    told = reading(envelope)
    assert isinstance(told, Understood)
    return told.event


def without(envelope: dict[str, Any], *names: str) -> dict[str, Any]:
    payload = {name: said for name, said in envelope["payload"].items() if name not in names}
    return {**envelope, "payload": payload}


def test_a_ping_is_ignored() -> None:
    assert reading(ping()) == Ignored("PING")


def test_a_flat_meeting_trigger_is_ignored() -> None:
    assert reading(meeting_started()) == Ignored("MEETING_STARTED")


@pytest.mark.parametrize("trigger", ["BOOKING_PAYMENT_INITIATED", "FORM_SUBMITTED", "NEW_IN_2031"])
def test_any_other_trigger_is_ignored_whatever_it_carries(trigger: str) -> None:
    payloads: list[object] = [{}, None, [], "x", created()["payload"]]
    for payload in payloads:
        assert reading({"triggerEvent": trigger, "payload": payload}) == Ignored(trigger)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the body is not a JSON object"),
        (b"false", "the body is not a JSON object"),
        (b"[]", "the body is not a JSON object"),
        (b"uid=bk1&title=30+min", "the body is not a JSON object"),
        (b"{", "the body is not a JSON object"),
        (b"{}", "triggerEvent is missing"),
        (b'{"uid":"bk1","title":"Zapier"}', "triggerEvent is missing"),
        (b'{"triggerEvent":7}', "triggerEvent is missing"),
        (b'{"triggerEvent":" "}', "triggerEvent is missing"),
        (b'{"triggerEvent":"' + b"X" * 101 + b'"}', "triggerEvent is longer than 100 characters"),
        (b'{"triggerEvent":"BOOKING_CREATED","uid":"bk1"}', "payload is missing"),
        (b'{"triggerEvent":"BOOKING_CREATED","payload":["uid"]}', "payload is missing"),
        (b'{"triggerEvent":"BOOKING_CREATED","payload":{}}', "uid is missing"),
    ],
)
def test_what_has_another_shape_is_unreadable_and_says_why(raw: bytes, reason: str) -> None:
    assert read(raw, received_at=NOW) == Unreadable(reason)


@pytest.mark.parametrize("build", UNDERSTOOD)
@pytest.mark.parametrize(
    ("uid", "reason"),
    [
        (None, "uid is missing"),
        (42, "uid is not a text"),
        (" ", "uid is blank"),
        ("\0", "uid is blank"),
        ("x" * 256, "uid is longer than 255 bytes"),
        ("é" * 128, "uid is longer than 255 bytes"),
    ],
)
def test_no_event_does_without_a_uid(build: Any, uid: object, reason: str) -> None:
    assert reading(build(uid=uid)) == Unreadable(reason)


def test_a_uid_may_have_255_bytes() -> None:
    assert event(created(uid="x" * 255)).uid == "x" * 255


@pytest.mark.parametrize("build", NEED_TIMES)
def test_a_booking_that_goes_on_needs_its_times(build: Any) -> None:
    assert reading(without(build(), "startTime")) == Unreadable("startTime is missing")
    assert reading(without(build(), "endTime")) == Unreadable("endTime is missing")
    assert reading(build(start="soon")) == Unreadable("startTime is not a time")
    assert reading(build(end="2026-11-24T10:00:00")) == Unreadable("endTime is not a time")
    assert reading(build(start=END, end=START)) == Unreadable("endTime is before startTime")


@pytest.mark.parametrize("build", END_IT)
def test_a_booking_that_ends_does_without_times(build: Any) -> None:
    for said in (
        without(build(), "startTime"),
        without(build(), "startTime", "endTime"),
        build(end="soon"),
        build(start=END, end=START),
    ):
        assert event(said).times is None


def test_a_booking_may_last_no_time() -> None:
    assert event(created(start=START, end=START)).times is not None


@pytest.mark.parametrize("build", UNDERSTOOD)
def test_the_uid_and_the_times_are_enough(build: Any) -> None:
    said = build()
    said["payload"] = {name: said["payload"][name] for name in ("uid", "startTime", "endTime")}
    told = event(said)
    assert (told.title, told.place, told.organizer, told.hosts, told.attendees) == (None,) * 5
    assert (told.seats, told.old_uid, told.old_times, told.actor, told.reason) == (None,) * 5


def test_fields_that_nobody_knows_change_nothing() -> None:
    more: dict[str, Any] = {"new": {"in": [2031]}, "1": None, "": True}
    assert event({**created(**more), **more}) == event(created())


def test_a_reason_for_being_unreadable_holds_nothing_of_the_payload() -> None:
    said = created(uid="secret" * 50, title="secret", start="secret", end="secret")
    for spoilt in (said, without(said, "uid"), {**said, "payload": "secret"}):
        told = reading(spoilt)
        assert isinstance(told, Unreadable)
        assert "secret" not in told.reason


def test_an_event_was_sent_when_the_envelope_says() -> None:
    assert event(created(sent_at=SENT_AT)).sent_at == SENT_AT


@pytest.mark.parametrize("odd", [None, 5, "", "now", "2026-11-20T08:15:30"])
def test_an_event_that_does_not_say_when_was_sent_when_it_came(odd: object) -> None:
    assert event({**created(), "createdAt": odd}).sent_at == NOW


def test_an_event_was_never_sent_later_than_it_came() -> None:
    for ahead in (timedelta(milliseconds=1), timedelta(days=4000)):
        assert event(created(sent_at=NOW + ahead)).sent_at == NOW
    eastern = NOW.astimezone(timezone(timedelta(hours=9)))
    told = read(body(created(sent_at=NOW + timedelta(hours=1))), received_at=eastern)
    assert isinstance(told, Understood)
    assert told.event.sent_at == NOW


def test_half_an_emoji_is_no_reason_to_lose_a_booking() -> None:
    said = json.dumps(created(title="Party \ud83d", responses={"\ud83d": "\ude00"})).encode()
    assert rb"\ud83d" in said
    told = read(said, received_at=NOW)
    assert isinstance(told, Understood)
    assert told.event.title == "Party \ufffd"


def test_a_nul_leaves_no_trace() -> None:
    assert event(created(title="A\0B", uid="b\0k")).title == "AB"
    assert reading({"triggerEvent": "PI\0NG"}) == Ignored("PING")


def test_a_number_that_is_too_long_is_no_reason_to_lose_a_booking() -> None:
    said = body(created(metadata={"n": "HERE"})).replace(b'"HERE"', b"9" * 5000)
    assert isinstance(read(said, received_at=NOW), Understood)


def test_numbers_that_are_none_are_no_reason_to_lose_a_booking() -> None:
    for number in (float("nan"), float("inf")):
        assert event(created(seatsPerTimeSlot=number)).seats is None


def test_the_last_of_two_fields_of_a_name_counts() -> None:
    said = body(created(uid="one")).replace(b'"uid":"one"', b'"uid":"one","uid":"two"')
    told = read(said, received_at=NOW)
    assert isinstance(told, Understood)
    assert told.event.uid == "two"


@pytest.mark.parametrize("bomb", [b"[" * 200_000, b'{"payload":' * 90_000])
def test_a_body_that_is_too_deep_is_unreadable(bomb: bytes) -> None:
    assert read(bomb, received_at=NOW) == Unreadable("the body is not a JSON object")
    inside = body(created(metadata="HERE")).replace(b'"HERE"', bomb)
    assert isinstance(read(inside, received_at=NOW), Unreadable)


ODD_TEXT = st.text(alphabet=st.characters(), max_size=8)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=23))])
ODD_TIME = st.datetimes(timezones=ZONES).map(datetime.isoformat)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXT | ODD_TIME
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD_TEXT, inner, max_size=4),
    max_leaves=6,
)
FIELDS = sorted(
    rescheduled()["payload"] | cancelled()["payload"] | {"team": 0, "seatsPerTimeSlot": 0}
)
OTHER_FIELDS = sorted({*FIELDS} - {"uid", "startTime", "endTime"})
ODD_PERSON = st.dictionaries(st.sampled_from(["id", "email", "name", "value"]), SCALARS)
ODD_PEOPLE = st.lists(ODD_PERSON | SCALARS, max_size=3)


def holds_only_what_can_be_kept(told: Reading) -> None:
    kept = msgspec.json.encode(told)  # This refuses half a surrogate pair.
    assert rb"\u0000" not in kept.replace(rb"\\", b"")
    if isinstance(told, Understood):
        assert 0 < len(told.event.uid.encode()) <= 255
        assert told.event.sent_at <= NOW


@given(st.binary())
def test_no_bytes_raise(raw: bytes) -> None:
    holds_only_what_can_be_kept(read(raw, received_at=NOW))


@given(JSON)
def test_no_json_raises(value: object) -> None:
    holds_only_what_can_be_kept(read(json.dumps(value).encode(), received_at=NOW))


@given(
    build=st.sampled_from(UNDERSTOOD),
    spoilt=st.dictionaries(
        st.sampled_from(FIELDS),
        JSON | ODD_PEOPLE | st.fixed_dictionaries({"members": ODD_PEOPLE}),
        max_size=8,
    ),
)
def test_no_spoilt_webhook_raises(build: Any, spoilt: dict[str, Any]) -> None:
    envelope = build()
    envelope["payload"] |= spoilt
    holds_only_what_can_be_kept(read(json.dumps(envelope).encode(), received_at=NOW))


@given(build=st.sampled_from(UNDERSTOOD), cut=st.integers(min_value=0))
def test_no_cut_webhook_is_taken_for_a_whole_one(build: Any, cut: int) -> None:
    whole = body(build())
    assert isinstance(read(whole[: cut % len(whole)], received_at=NOW), Unreadable)


@given(
    build=st.sampled_from(UNDERSTOOD),
    missing=st.sets(
        st.sampled_from([name for name in FIELDS if name not in ("uid", "startTime", "endTime")])
    ),
)
def test_no_other_field_is_needed(build: Any, missing: set[str]) -> None:
    assert isinstance(reading(without(build(), *missing)), Understood)
