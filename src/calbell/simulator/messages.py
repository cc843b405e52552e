"""The messages of a send request: their fields (expo-push.md section 5) and their reading."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from calbell.simulator.reading import shaped

FOUR_WEEKS = 28 * 24 * 3600.0
"""Seconds that the providers keep a message which names no end of its own."""

Text = str | UnsetType
Flag = bool | UnsetType
NotNegative = Annotated[float, Meta(ge=0)]


class Message(msgspec.Struct, frozen=True, rename="camel"):
    """One message as it was sent; fields that Expo does not know are left out (S10)."""

    to: str | list[str]
    title: Text = UNSET
    subtitle: Text = UNSET
    body: Text = UNSET
    data: dict[str, Any] | UnsetType = UNSET
    sound: str | dict[str, Any] | UnsetType | None = UNSET
    badge: int | UnsetType = UNSET
    ttl: NotNegative | UnsetType = UNSET
    expiration: NotNegative | UnsetType = UNSET
    priority: Literal["default", "normal", "high"] | UnsetType = UNSET
    interruption_level: Literal["active", "critical", "passive", "time-sensitive"] | UnsetType = (
        UNSET
    )
    channel_id: str | UnsetType | None = UNSET
    icon: Text = UNSET
    rich_content: dict[str, Any] | UnsetType = UNSET
    category_id: Text = UNSET
    mutable_content: Flag = UNSET
    collapse_id: Text = UNSET
    tag: Text = UNSET
    thread_id: Text = UNSET
    content_available: Flag = UNSET
    target_content_id: Text = UNSET
    relevance_score: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET
    filter_criteria: Text = UNSET

    def recipients(self) -> list[str]:
        return [self.to] if isinstance(self.to, str) else self.to

    def expires_at(self, accepted_at: float) -> float:
        """When the providers give up bringing it to a phone; `ttl` wins over `expiration`."""
        if not isinstance(self.ttl, UnsetType):
            return accepted_at + self.ttl
        if not isinstance(self.expiration, UnsetType):
            return self.expiration
        return accepted_at + FOUR_WEEKS


class Batch(msgspec.Struct, frozen=True):
    """All messages of one request; `is_single` when it was one object for one token."""

    messages: list[Message]
    is_single: bool

    def size(self) -> int:
        return sum(len(message.recipients()) for message in self.messages)

    def addressed(self) -> Iterator[tuple[str, Message]]:
        """Token and message of every recipient, in the order of the tickets (S03)."""
        for message in self.messages:
            for token in message.recipients():
                yield token, message


_DECODER = msgspec.json.Decoder(Message | list[Message])


def read_batch(value: msgspec.Raw) -> Batch:
    """The messages, or a refusal that names the first field that is wrong (S24 to S26)."""
    match shaped(_DECODER, value):
        case Message() as message:
            return Batch([message], is_single=isinstance(message.to, str))
        case messages:
            return Batch(messages, is_single=False)
