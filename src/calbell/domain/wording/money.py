"""Money: an amount as its reader writes it."""

import re
from copy import copy
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import get_currency_symbol

from calbell.domain.events import Payment

_DIGITS = {
    digits: frozenset(codes.split())
    for digits, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
}
"""Currencies whose minor unit is not a hundredth (ISO 4217). Not CLDR's digits, which are how many
people write: there the minor units of AFN, RSD and others would count as whole ones."""

_MOST = 10**15
"""Nobody pays as much; whatever it is, it is no amount."""


@lru_cache(maxsize=1024)
def amount(payment: Payment, locale: Locale) -> str:
    """`$1,234.50`, `¥1,234`, `KWD 1.234`; empty where it is no amount of a currency."""
    currency = payment.currency.upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        return ""
    if abs(payment.amount) >= _MOST:
        return ""
    digits = next((number for number, codes in _DIGITS.items() if currency in codes), 2)
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    value = Decimal(payment.amount).scaleb(-digits)
    written = pattern.apply(value, locale, currency=currency, currency_digits=False)
    symbol = get_currency_symbol(currency, locale)
    if symbol[-1].isalpha():
        written = written.replace(symbol, f"{symbol} ", 1)
    return _SPACES.sub(_as_every_phone_shows, written).strip()


_SPACES = re.compile(r"\s+")


def _as_every_phone_shows(spaces: re.Match[str]) -> str:
    """One space. It still keeps an amount on one line where CLDR's did, which is a box on some
    phones."""
    return " " if spaces[0].isascii() else "\N{NO-BREAK SPACE}"
