"""A body is genuine only under a secret that we share."""

from hypothesis import given
from hypothesis import strategies as st

from calbell.calcom.signature import is_signed, sign

BODY = b"what do ya want for nothing?"
SECRET = "Jefe"
SIGNATURE = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
"""RFC 4231 section 4.3."""


def test_a_body_is_signed_with_the_published_vector() -> None:
    assert sign(BODY, SECRET) == SIGNATURE
    assert is_signed(BODY, SIGNATURE, [SECRET])


@given(st.binary(), st.text(min_size=1))
def test_what_was_signed_is_signed(body: bytes, secret: str) -> None:
    assert is_signed(body, sign(body, secret), [secret])


def test_any_of_several_secrets_is_good_wherever_it_stands() -> None:
    assert is_signed(BODY, SIGNATURE, [SECRET, "next"])
    assert is_signed(BODY, SIGNATURE, ["previous", SECRET, "next"])
    assert is_signed(BODY, SIGNATURE, iter(["previous", SECRET]))


def test_every_secret_is_compared_even_after_a_match() -> None:
    left = iter([SECRET, "next", "last"])
    assert is_signed(BODY, SIGNATURE, left)
    assert list(left) == []


def test_another_secret_or_none_at_all_is_refused() -> None:
    assert not is_signed(BODY, SIGNATURE, ["jefe"])
    assert not is_signed(BODY, SIGNATURE, [])


def test_an_empty_secret_never_matches() -> None:
    assert not is_signed(BODY, sign(BODY, ""), ["", ""])


def test_one_other_byte_is_refused() -> None:
    assert not is_signed(BODY + b"\n", SIGNATURE, [SECRET])
    assert not is_signed(BODY.replace(b" ", b"  "), SIGNATURE, [SECRET])


def test_what_is_no_lower_case_digest_is_refused() -> None:
    for signature in (
        None,
        "",
        "no-secret-provided",
        SIGNATURE.upper(),
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE + "\n",
        f" {SIGNATURE}",
        f"sha256={SIGNATURE}",
        "é" * 64,
        "\ud83d" * 64,
        "\0" * 64,
        SIGNATURE.replace("5", "\N{FULLWIDTH DIGIT FIVE}"),
    ):
        assert not is_signed(BODY, signature, [SECRET])


@given(st.text(alphabet=st.characters()) | st.none(), st.lists(st.text(alphabet=st.characters())))
def test_odd_signatures_and_secrets_raise_nothing(
    signature: str | None, secrets: list[str]
) -> None:
    assert not is_signed(BODY, signature, secrets)


def test_a_secret_that_is_no_proper_text_hides_no_other() -> None:
    assert is_signed(BODY, SIGNATURE, ["\ud83d", "\udcff", SECRET])
