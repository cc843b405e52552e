"""Which tokens may be registered, and how one is shown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.push_tokens import is_push_token, masked, token_hash


@pytest.mark.parametrize(
    "token",
    [
        "ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]",
        "ExponentPushToken[ ]",
        "ExponentPushToken[a]b]",
        "ExponentPushToken[[]",
        "ExponentPushToken[\t]",
        "ExponentPushToken[Ünïcödé 📱]",
        f"ExponentPushToken[{'x' * 10_000}]",
    ],
)
def test_what_cal_com_takes_is_a_push_token(token: str) -> None:
    assert is_push_token(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "ExponentPushToken[]",
        "ExponentPushToken[x",
        "ExponentPushToken",
        "ExpoPushToken[x]",
        "exponentpushtoken[x]",
        "00000000-0000-4000-8000-000000000000",
        " ExponentPushToken[x]",
        "ExponentPushToken[x] ",
        "ExponentPushToken[x]\n",
        "ExponentPushToken[x\n]",
        "ExponentPushToken[x\r]",
        "ExponentPushToken[x\u2028]",
        "ExponentPushToken[x\u2029]",
    ],
)
def test_what_cal_com_refuses_is_none(text: str) -> None:
    assert not is_push_token(text)


@pytest.mark.parametrize("code", [0, 0xD800, 0xDBFF, 0xDC00, 0xDFFF], ids=hex)
def test_what_a_database_cannot_keep_is_no_push_token(code: int) -> None:
    assert not is_push_token(f"ExponentPushToken[a{chr(code)}b]")


def test_a_masked_token_shows_three_characters_of_its_content() -> None:
    assert masked("ExponentPushToken[abcdefghijklmnopqrstuv]") == "ExponentPushToken[abc…]"


def test_a_masked_short_token_keeps_its_form() -> None:
    assert masked("ExponentPushToken[a]") == "ExponentPushToken[a…]"


contents = st.text(min_size=1).filter(lambda text: is_push_token(f"ExponentPushToken[{text}]"))


@settings(deadline=None)
@given(contents)
def test_a_masked_token_never_shows_more_than_three_characters(content: str) -> None:
    assert masked(f"ExponentPushToken[{content}]") == f"ExponentPushToken[{content[:3]}…]"


@settings(deadline=None)
@given(contents, contents)
def test_tokens_are_found_by_a_hash_of_their_own(one: str, other: str) -> None:
    first, second = f"ExponentPushToken[{one}]", f"ExponentPushToken[{other}]"
    assert (token_hash(first) == token_hash(second)) == (first == second)
    assert len(token_hash(first)) == 64


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_judged(text: str) -> None:
    if is_push_token(text):
        assert token_hash(text)
