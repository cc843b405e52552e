"""Bookings as Cal.com lists them become events of their last change, and never an exception."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.booked import Booked

from calbell.calcom.http import Answer, Answered, NoAnswer
from calbell.calcom.listing import Page, Place, Sight, page
from calbell.calcom.registered import Refusal
from calbell.domain.events import BookingEvent, EventKind
from calbell.domain.people import Person

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SIGHT = Sight("/bookings", "bookings of user 7")


class Api:
    """Gives one answer to everything."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.paths = list[str]()

    async def ask(
        self,
        method: str,
        path: str,
        authorization: str,
        body: bytes | None = None,
        *,
        longest: int = 0,
    ) -> Answer:
        self.paths.append(path)
        return self.answer


def shown(**changes: Any) -> dict[str, Any]:
    host = {"id": 7, "name": "Ada Host", "email": "ada@example.com"}
    booked = Booked("bk1", host, [{"email": "Bob@Example.com", "name": "Bob Guest"}], NOW)
    return {**booked.shown(), **changes}


def read(*bookings: object, headers: dict[str, str] | None = None, **more: object) -> Page:
    body = json.dumps({"status": "success", "data": bookings, **more}).encode()
    listed = asyncio.run(page(Api(Answered(200, headers or {}, body)), SIGHT, "Bearer x", Place()))
    assert isinstance(listed, Page)
    return listed


def event(**changes: Any) -> BookingEvent:
    (seen,) = read(shown(**changes)).seen
    return seen.event


def test_everything_that_is_shown_is_read() -> None:
    told = event()
    assert (told.kind, told.uid, told.sent_at) == (EventKind.CREATED, "bk1", NOW)
    assert told.organizer == Person("ada@example.com", "Ada Host", 7)
    assert told.attendees == (Person("bob@example.com", "Bob Guest"),)
    assert told.place == "https://app.cal.com/video/bk1"
    assert told.times is not None
    assert told.times.end_at - told.times.start_at == timedelta(minutes=30)
    assert told.seats is None


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"status": "pending"}, EventKind.REQUESTED),
        ({"status": "rejected"}, EventKind.REJECTED),
        ({"status": "cancelled"}, EventKind.CANCELLED),
        ({"rescheduledFromUid": "old"}, EventKind.RESCHEDULED),
        ({"status": "pending", "rescheduledFromUid": "old"}, EventKind.REQUESTED),
    ],
)
def test_a_status_is_a_kind_of_event(changes: dict[str, Any], kind: EventKind) -> None:
    told = event(**changes)
    assert told.kind is kind
    assert told.replaces == changes.get("rescheduledFromUid")


def test_a_booking_that_was_moved_away_says_where() -> None:
    (seen,) = read(shown(status="cancelled", rescheduledToUid="new")).seen
    assert seen.moved_to == "new"


def test_who_did_it_and_why_is_read_where_it_is_shown() -> None:
    told = event(status="cancelled", cancelledByEmail="Bob@Example.com", cancellationReason="ill")
    assert (told.actor, told.reason) == ("bob@example.com", "ill")
    told = event(rescheduledFromUid="old", rescheduledByEmail="b@example.com")
    assert told.actor == "b@example.com"


def test_a_host_whom_cal_com_does_not_know_is_nobody() -> None:
    nobody = {"id": "unknown", "name": "unknown", "email": "unknown", "username": "unknown"}
    assert event(hosts=[nobody]).organizer is None
    assert event(hosts=[]).organizer is None


def test_seats_are_those_of_attendees_who_have_one() -> None:
    people = [{"email": f"p{n}@example.com", "name": "P", "seatUid": str(n)} for n in range(2)]
    assert event(attendees=people).seats == 2


def test_a_booking_that_was_never_changed_counts_from_when_it_was_made() -> None:
    assert event(updatedAt=None).sent_at == NOW


@pytest.mark.parametrize("name", ["uid", "status", "start", "end"])
def test_what_cannot_be_read_is_counted_and_keeps_nothing_else_from_it(name: str) -> None:
    listed = read(shown(**{name: None}), shown())
    assert (len(listed.seen), listed.unreadable) == (1, 1)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(
    st.sampled_from(list(shown())), s)))  # fmt: skip
def test_whatever_is_listed_is_read_or_refused(value: Any) -> None:
    body = json.dumps({"data": [shown(), value], "pagination": value}).encode()
    asyncio.run(page(Api(Answered(200, {}, body)), SIGHT, "Bearer x", Place()))


def test_a_page_says_whether_it_is_the_last_and_in_order() -> None:
    late = shown(updatedAt="2026-11-25T12:00:01.000Z")
    assert read(shown(), pagination={"hasNextPage": True}).is_last is False
    assert read(shown()).is_last
    assert read(shown(), late).is_ordered
    assert not read(late, shown()).is_ordered
    assert read(late, shown()).until == NOW + timedelta(seconds=1)


@pytest.mark.parametrize(("left", "rest"), [("31", None), ("30", 42), ("0", 42), ("x", 42)])
def test_a_quarter_of_the_request_limit_is_left_to_others(left: str, rest: int | None) -> None:
    said = {"limit": "120", "remaining": left, "reset": "42"}
    headers = {f"x-ratelimit-{name}-default": value for name, value in said.items()}
    listed = read(headers=headers)
    assert listed.rest == (None if rest is None else timedelta(seconds=rest))


@pytest.mark.parametrize(
    ("answer", "is_final", "wait"),
    [
        (NoAnswer("timeout"), False, None),
        (Answered(503, {}, b""), False, None),
        (Answered(503, {"retry-after": "7"}, b""), False, 7),
        (Answered(429, {}, b""), False, 60),
        (Answered(429, {"retry-after": "9"}, b""), False, 9),
        (Answered(429, {"retry-after": "86400"}, b""), False, 300),
        (Answered(401, {}, b""), True, None),
        (Answered(200, {}, b"<html>"), False, None),
    ],
)
def test_what_is_no_list_is_a_refusal_that_says_how_long(
    answer: Answer, is_final: bool, wait: int | None
) -> None:
    listed = asyncio.run(page(Api(answer), SIGHT, "Bearer x", Place()))
    assert isinstance(listed, Refusal)
    assert listed.is_final is is_final
    assert listed.wait == (None if wait is None else timedelta(seconds=wait))


def test_a_page_says_when_it_was_made_by_cal_coms_clock() -> None:
    assert read(headers={"date": "Wed, 25 Nov 2026 12:00:00 GMT"}).said_at == NOW
    for date in ("soon", "", "Wed, 25 Nov 2026 12:00:00 -0000"):
        assert read(headers={"date": date}).said_at is None


def test_a_page_begins_where_it_is_told() -> None:
    api = Api(Answered(200, {}, b'{"data":[]}'))
    for place in (Place(NOW), Place(None, NOW), Place(NOW, NOW, 50)):
        asyncio.run(page(api, SIGHT, "Bearer x", place))
    at = "2026-11-25T12%3A00%3A00.000Z"
    first = "/bookings?sortUpdatedAt=asc&take=50"
    assert api.paths == [
        f"{first}&afterUpdatedAt={at}",
        f"{first}&afterStart={at}",
        f"{first}&skip=50&afterUpdatedAt={at}",
    ]
