"""The message that Expo takes for one phone, and the limits of a request."""

from typing import Literal

import msgspec
from msgspec import Struct

MOST_RECIPIENTS = 100
"""Recipients of one send request: over it the whole request is refused (expo-push.md section 4)."""

MOST_RECEIPTS = 1000
"""Ticket ids of one question for receipts (expo-push.md section 11)."""

MOST_BYTES = 4096
"""Bytes of the final payload, which Expo measures after adding its own envelope (expo-push.md
section 6). Here `message_size` stands for it."""


class PushData(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What the app reads when the push is tapped. `event_id` is the same in every repeat, so that
    the app can recognise duplicates (expo-push.md section 13). Without a `url` it goes by the
    uid."""

    url: str | None = None
    booking_uid: str
    notification_event: str
    event_id: str


class PushMessage(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One notification for one phone; what is `None` is not sent (expo-push.md section 5).

    `expiration` is in Unix seconds. An iOS phone gets `collapse_id`, an Android phone `tag` and
    `channel_id`; a key is new for every delivery and the same in its repeats (section 13).
    """

    to: str
    title: str
    body: str
    data: PushData
    sound: str | None = None
    priority: Literal["default", "normal", "high"] | None = None
    channel_id: str | None = None
    expiration: int | None = None
    collapse_id: str | None = None
    tag: str | None = None
    category_id: str | None = None
    interruption_level: Literal["passive"] | None = None


encode = msgspec.json.Encoder().encode
"""Compact JSON in UTF-8."""


def message_size(message: PushMessage) -> int:
    """Bytes of the compact JSON without `to`: what is held against `MOST_BYTES`."""
    return len(encode(message)) - len(b'"to":,') - len(encode(message.to))
