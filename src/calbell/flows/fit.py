"""Fit: a message as large as Expo takes, whatever strangers wrote.

The parts of the words are short enough each; together with a long uid, an operator's long link and
texts, and the escapes of JSON they may still be too much. Then the last lines of the body go
first, because the most important stands first.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from calbell.domain.wording.strangers import cut
from calbell.expo.messages import MOST_BYTES, PushMessage, message_size

_SURELY_FITS = 400
"""Characters of title, body, uid and link together that fit in any script: six bytes each, the
most that JSON makes of one, leave room for all that operators may set and for the rest."""

_SHORTEST = 100
"""Bytes that are left of a title or a first line at the least."""


def fit(message: PushMessage) -> PushMessage:
    """The message, shortened as little as it takes for Expo not to refuse it for its size."""
    data = message.data
    characters = len(message.title) + len(message.body) + len(data.booking_uid)
    if characters + len(data.url or "") <= _SURELY_FITS or _fits(message):
        return message
    *shorter, shortest = _shortened(message)
    return next(filter(_fits, shorter), shortest)


def _fits(message: PushMessage) -> bool:
    return message_size(message) <= MOST_BYTES


def _shortened(message: PushMessage) -> Iterator[PushMessage]:
    """Without its last line, and so on; then with less of the first one; then without the link, as
    the app can go by the uid; then with less of the title."""
    lines = message.body.split("\n")
    for number in range(len(lines) - 1, 0, -1):
        yield replace(message, body="\n".join(lines[:number]))
    short = replace(message, body=cut(lines[0], _SHORTEST) or "…")
    yield short
    unlinked = replace(short, data=replace(message.data, url=None))
    yield unlinked
    yield replace(unlinked, title=cut(message.title, _SHORTEST))
