"""Expo push tokens: which are accepted, and how one is shown without being given away."""

import re
from hashlib import sha256

_PATTERN = re.compile(r"ExponentPushToken\[[^\n\r\u2028\u2029\0\ud800-\udfff]+\]")


def is_push_token(text: str) -> bool:
    """Whether a registration may name it: Cal.com's rule over the whole string (cal-api.md
    section 6). What a database cannot keep, NUL and lone surrogates, fails it as well."""
    return _PATTERN.fullmatch(text) is not None


def token_hash(token: str) -> str:
    """What a token is found by: tokens may be longer than an index entry."""
    return sha256(token.encode()).hexdigest()


def masked(token: str) -> str:
    """The token as its owner may see it: `ExponentPushToken[abc…]`."""
    head, bracket, content = token.partition("[")
    return f"{head}{bracket}{content.removesuffix(']')[:3]}…]"
