"""The lines of an export: what is written is read again, and a file that was hurt is known."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from calbell.domain.booking import Booking, Status
from calbell.domain.carried import (
    CarriedBooking,
    CarriedDevice,
    CarriedKey,
    CarriedPhone,
    CarriedSource,
    CarriedUser,
    Record,
    fault_of,
    type_of,
)
from calbell.domain.carried_file import BrokenFile, Reading, Writing
from calbell.domain.events import TimeSpan
from calbell.domain.people import Person
from calbell.domain.subscription import Platform

MADE_AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
ids = st.integers(1, 2**63 - 1)
moments = st.integers(0, 2**42).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)


def maybe(some: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.none(), some)


people = st.builds(Person, email=texts, name=texts, user_id=maybe(ids))
spans = st.builds(TimeSpan, start_at=moments, end_at=moments)
users = st.builds(
    CarriedUser,
    id=ids,
    name=texts,
    username=maybe(texts),
    time_zone=texts,
    locale=texts,
    time_format=st.sampled_from([12, 24]),
    source=texts,
    organization_id=maybe(ids),
    preferences=maybe(texts),
    addresses=st.lists(texts, max_size=3).map(tuple),
    created_at=moments,
    refreshed_at=moments,
)
keys = st.builds(
    CarriedKey,
    id=ids,
    user_id=maybe(ids),
    role=st.sampled_from([None, "events", "support", "admin"]),
    hash=hashes,
    hint=texts,
    name=texts,
    created_at=moments,
    expires_on=maybe(st.dates(min_value=date(1970, 1, 1))),
    revoked_at=maybe(moments),
    last_used_at=maybe(moments),
)
phones = st.builds(
    CarriedPhone,
    owner_user_id=maybe(ids),
    registered_at=moments,
    dead_at=maybe(moments),
    dead_code=maybe(texts),
    last_receipt_at=maybe(moments),
    last_receipt_code=maybe(texts),
    project=maybe(texts),
)
devices = st.builds(
    CarriedDevice,
    id=maybe(ids),
    user_id=ids,
    token=texts,
    platform=st.sampled_from(Platform),
    device_id=texts,
    created_at=moments,
    updated_at=moments,
    last_seen_at=maybe(moments),
    phone=phones,
    is_dated=st.booleans(),
)
sources = st.builds(
    CarriedSource,
    path=texts,
    secret=texts,
    old_secret=maybe(texts),
    old_until=maybe(moments),
    scope=texts,
    user_id=maybe(ids),
    remote_id=maybe(texts),
    last_event_at=maybe(moments),
)
bookings = st.builds(
    CarriedBooking,
    booking=st.builds(
        Booking,
        uid=texts,
        status=maybe(st.sampled_from(Status)),
        title=texts,
        times=maybe(spans),
        place=maybe(texts),
        organizer=maybe(people),
        hosts=st.lists(people, max_size=2).map(tuple),
        attendees=st.lists(people, max_size=2).map(tuple),
        seats=maybe(st.integers(1, 9)),
        observed=st.dictionaries(texts, moments, max_size=3),
        replaced_by_uid=maybe(texts),
        version=st.integers(0, 99),
    ),
    updated_at=moments,
)
records: st.SearchStrategy[list[Record]] = st.lists(
    st.one_of(users, keys, devices, sources, bookings), max_size=6
)

ADA = CarriedUser(
    id=7,
    name="Ada \\u0000 \\ Host",
    time_zone="Europe/London",
    locale="en",
    time_format=12,
    source="operator",
    addresses=("ada@example.com",),
    created_at=MADE_AT,
    refreshed_at=MADE_AT,
)


def written(listed: Iterable[Record], user: int | None = None) -> bytes:
    writing = Writing()
    lines = [writing.header(MADE_AT, user)]
    lines += [writing.lines(type_of(one), [one]) for one in listed]
    return b"".join((*lines, writing.footer()))


def read(said: bytes) -> list[Record]:
    reading = Reading()
    found = [reading.line(line) for line in said.splitlines(keepends=True)]
    reading.end()
    return [record for record in found if record is not None]


def why_not(said: bytes) -> str:
    with pytest.raises(BrokenFile) as raised:
        read(said)
    return str(raised.value)


@given(records)
def test_what_is_written_is_read_again(listed: list[Record]) -> None:
    assert read(written(listed)) == listed


@given(records, st.data())
def test_a_file_that_was_cut_anywhere_is_known(listed: list[Record], data: st.DataObject) -> None:
    said = written(listed)
    end = data.draw(st.integers(0, len(said) - 1))
    assert why_not(said[:end]).startswith("line ")


@given(records, st.data())
def test_a_file_of_which_any_byte_was_changed_is_known(
    listed: list[Record], data: st.DataObject
) -> None:
    said = bytearray(written(listed))
    at = data.draw(st.integers(0, len(said) - 1))
    said[at] ^= data.draw(st.integers(1, 255))
    why_not(bytes(said))


def test_the_line_is_named_where_the_file_is_cut() -> None:
    said = written([ADA])
    lines = said.splitlines(keepends=True)
    assert why_not(b"".join(lines[:2])) == ("line 3: the file ends without its footer: it was cut")
    assert why_not(said[:-1]) == "line 3: it is cut off in the middle"
    assert why_not(b"") == "line 1: there is nothing in it"


def test_the_footer_is_the_end() -> None:
    said = written([ADA])
    assert why_not(said + said) == "line 4: there is more after the footer"


def test_a_line_that_was_changed_is_told_from_one_that_cannot_be_read() -> None:
    said = written([ADA])
    assert "line 3: the SHA-256 is not that" in why_not(said.replace(b"Host", b"Hast"))
    assert why_not(said.replace(b'"id":7', b'"id":0')).startswith("line 2: Expected `int` >= 1")
    assert why_not(said.replace(b'{"type":"user",', b"}")) == "line 2: it is not JSON"
    assert "unknown field `shoe`" in why_not(said.replace(b'"locale"', b'"shoe":1,"locale"'))


def test_a_nul_is_refused_and_what_only_looks_like_one_is_not() -> None:
    said = written([ADA])
    assert read(said) == [ADA]
    assert why_not(said.replace(rb"\\u0000", rb"\u0000")) == (
        "line 2: it holds a NUL character, which no database keeps"
    )


def test_another_version_is_refused() -> None:
    said = written([]).replace(b'"version":1', b'"version":2')
    assert why_not(said) == "line 1: the file is of version 2, this Calbell reads version 1"


def test_what_a_person_gets_cannot_be_imported() -> None:
    assert "export --user" in why_not(written([], user=7))


def test_something_else_is_no_export() -> None:
    assert why_not(b'{"users":[]}\n') == "line 1: it is not the header of a Calbell export"


def test_a_time_without_its_offset_is_refused() -> None:
    times = TimeSpan(MADE_AT, MADE_AT)
    booking = CarriedBooking(booking=Booking(uid="b1", times=times), updated_at=MADE_AT)
    said = written([booking])
    naive = said.replace(b'"start_at":"2026-11-25T12:00:00Z"', b'"start_at":"2026-11-25T12:00:00"')
    assert naive != said
    assert why_not(naive) == "line 2: a time without its offset from UTC"


def test_the_highest_ids_are_known_when_it_was_read() -> None:
    reading = Reading()
    said = written([ADA, replace(ADA, id=9), ADA])
    for line in said.splitlines(keepends=True):
        reading.line(line)
    assert (reading.highest, reading.counts["user"]) == ({"user": 9}, 3)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (ADA, None),
        (replace(ADA, addresses=("Ada@example.com",)), "lower case"),
        (
            CarriedDevice(
                user_id=7,
                token="not a token",
                platform=Platform.IOS,
                device_id="d",
                created_at=MADE_AT,
                updated_at=MADE_AT,
                phone=CarriedPhone(registered_at=MADE_AT),
            ),
            "no Expo push token",
        ),
        (CarriedKey(id=1, hash="0" * 64, hint="", created_at=MADE_AT), "a user's or has a role"),
        (CarriedKey(id=1, role="admin", hash="cal_x", hint="", created_at=MADE_AT), "SHA-256"),
    ],
)
def test_what_stands_well_in_its_line_may_still_be_wrong(record: Record, fault: str | None) -> None:
    found = fault_of(record)
    assert (found is None) if fault is None else (found is not None and fault in found)
