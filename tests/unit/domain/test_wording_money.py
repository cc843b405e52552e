"""Money: what was paid, as its reader writes it."""

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from calbell.domain.events import Payment
from calbell.domain.wording.money import amount

EN = Locale("en")


@pytest.mark.parametrize(
    ("units", "currency", "expected"),
    [
        (5000, "USD", "$50.00"),
        (5, "EUR", "€0.05"),
        (123_456_789, "GBP", "£1,234,567.89"),
        (1500, "JPY", "¥1,500"),
        (12_500, "KWD", "KWD 12.500"),
        (12_500, "CLF", "CLF 1.2500"),
        (5000, "CHF", "CHF 50.00"),
        # CLDR writes these without a fraction, yet their minor units are hundredths.
        (5000, "RSD", "RSD 50.00"),
        (5000, "AFN", "AFN 50.00"),
        (5000, "usd", "$50.00"),
        (0, "USD", "$0.00"),
        (-250, "USD", "-$2.50"),
        (5000, "ZZZ", "ZZZ 50.00"),
    ],
)
def test_minor_units_are_those_of_the_currency(units: int, currency: str, expected: str) -> None:
    assert amount(Payment(units, currency), EN) == expected


def test_a_currency_is_written_as_in_the_readers_part_of_the_world() -> None:
    assert amount(Payment(5000, "USD"), Locale.parse("en_CA")) == "US$50.00"


@pytest.mark.parametrize("currency", ["", "$", "EU", "EURO", "12E", "é€x", "US\n"])
def test_what_is_no_currency_is_no_amount(currency: str) -> None:
    assert amount(Payment(5000, currency), EN) == ""


@pytest.mark.parametrize("units", [10**15, -(10**15), 10**400])
def test_what_nobody_pays_is_no_amount(units: int) -> None:
    assert amount(Payment(units, "USD"), EN) == ""


@given(st.integers(), st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3))
def test_every_amount_is_short_and_on_one_line(units: int, currency: str) -> None:
    said = amount(Payment(units, currency), EN)
    assert len(said) <= 30
    assert said == " ".join(said.split())
