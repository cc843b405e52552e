"""Bodies are shown without what they say of people."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from calbell.console.masked import HIDDEN, LONGEST, shown
from tests import payloads

NAMES = st.text(st.characters(categories=["L"]), min_size=12, max_size=20)


def test_of_a_booking_only_what_names_nobody_is_shown() -> None:
    body = payloads.body(payloads.created(uid="bk1", start=datetime(2026, 11, 30, tzinfo=UTC)))
    text = shown(body, whole=False)
    value = json.loads(text)
    assert value["triggerEvent"] == "BOOKING_CREATED"
    assert value["payload"]["uid"] == "bk1"
    assert value["payload"]["title"] == HIDDEN
    for word in ("Ada", "Bob", "example.com", "https://"):
        assert word not in text
        assert word in shown(body, whole=True)


@given(NAMES, st.sampled_from(["title", "name", "note", "anything", "Label"]))
def test_a_text_under_a_name_that_is_not_known_is_hidden(name: str, key: str) -> None:
    body = json.dumps({"payload": {key: [name, {"deep": name}], f"{name} and Co": 1}}).encode()
    assert name not in shown(body, whole=False)


def test_secrets_are_never_shown_and_telephone_numbers_only_whole() -> None:
    body = b'{"accessToken": "abc", "password": "def", "tel": 491701234567, "n": 17}'
    for whole in (True, False):
        assert "abc" not in shown(body, whole=whole)
        assert "def" not in shown(body, whole=whole)
        assert '"n": 17' in shown(body, whole=whole)
    assert "491701234567" not in shown(body, whole=False)
    assert "491701234567" in shown(body, whole=True)


@given(st.binary(max_size=200))
def test_whatever_came_can_be_shown(body: bytes) -> None:
    for whole in (True, False):
        shown(body, whole=whole).encode()


def test_what_is_no_json_too_deep_or_too_long_can_be_shown() -> None:
    assert shown(b"Bob Guest", whole=False) == "9 bytes that are no JSON"
    assert shown(b"Bob Guest", whole=True) == "Bob Guest"
    assert shown(b"[" * 100_000, whole=False) == "100000 bytes that are no JSON"
    assert shown(b'"\\ud83d"', whole=True) == '"?"'
    assert len(shown(b'"' + b"x" * 200_000 + b'"', whole=True)) < LONGEST + 10
