"""What single fields of a stranger's JSON say."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calbell.calcom.json_fields import address, fields, items, moment, parsed, positive, text

TEN = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-24T10:00:00Z",
        "2026-11-24T10:00:00+00:00",
        "2026-11-24T10:00:00.000Z",
        "2026-11-24T15:45:00+05:45",
        "2026-11-23T22:30:00-11:30",
        " 2026-11-24T10:00:00Z ",
    ],
)
def test_a_time_is_read_with_any_offset_and_is_in_utc(said: str) -> None:
    at = moment(said)
    assert at == TEN
    assert at is not None
    assert at.tzinfo is UTC


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "soon",
        1795514400,
        "2026-11-24",
        "2026-11-24T10:00:00",
        "2026-02-30T10:00:00Z",
        "2026-11-24T10:00:60Z",
        "0001-01-01T00:00:00+23:59",
        "0001-06-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "9999-06-01T00:00:00Z",
        "Tue Nov 24 2026 10:00:00 GMT+0000",
    ],
)
def test_a_time_without_offset_or_that_cannot_be_shown_is_none(said: object) -> None:
    assert moment(said) is None


@given(st.text(alphabet=st.characters()))
def test_no_text_raises_when_read_as_a_time(said: str) -> None:
    at = moment(said)
    assert at is None or at.tzinfo is UTC


def test_a_number_is_above_zero_and_no_boolean() -> None:
    assert positive(1) == 1
    odd: list[object] = [True, 0, -1, 1.0, "1", None, 10**18]
    assert not any(map(positive, odd))


def test_an_address_is_lower_cased_without_blanks() -> None:
    assert address(" Ada@Example.COM\n") == "ada@example.com"
    odd: list[object] = ["", "  ", None, 5, ["a@b"]]
    assert not any(map(address, odd))


def test_a_text_keeps_its_writing_and_loses_its_margins() -> None:
    assert text("  Привет, 山田太郎 👋🏽 \n") == "Привет, 山田太郎 👋🏽"
    odd: list[object] = ["", " \t", "\0", None, False, 3, {}, ["x"]]
    assert not any(map(text, odd))


@given(st.text(alphabet=st.characters()))
def test_a_text_is_always_one_that_a_database_can_keep(said: str) -> None:
    kept = text(said)
    if kept is not None:
        assert "\0" not in kept
        kept.encode()


def test_a_list_keeps_its_objects_only() -> None:
    assert items([{"a": 1}, None, 3, "x", [], {}]) == [{"a": 1}, {}]
    assert items({"a": 1}) is None
    assert fields([]) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (rb'{"a":"\ud83d"}', {"a": "\ud83d"}),
        (rb'{"a":"\ude00x\ud83d\u0041"}', {"a": "\ude00x\ud83dA"}),
        (rb'{"\ud83d":1}', {"\ud83d": 1}),
        (rb'{"a":"\ud83d\ude00"}', {"a": "😀"}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"\xef\xbb\xbf" + b'{"a":1}', {"a": 1}),
        (b'{"a":1e999}', {"a": float("inf")}),
        (b'{"a":' + b"9" * 5000 + b',"b":1}', {"a": None, "b": 1}),
    ],
)
def test_an_object_is_read_however_oddly_it_is_written(body: bytes, said: object) -> None:
    assert parsed(body) == said


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"false",
        b"null",
        b"[]",
        b'"x"',
        b"a=1&b=2",
        b'{"a":1',
        b"\xff\xfe\xfd",
        b'{"a":"\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_is_no_object_is_none(body: bytes) -> None:
    assert parsed(body) is None
