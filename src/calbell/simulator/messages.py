"""The messages of a send request: their fields (expo-push.md section 5) and their reading."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from calbell.simulator.reading import shaped
from calbell.simulator.switches import DEFAULT, Switches

FOUR_WEEKS = 28 * 24 * 3600.0
"""Seconds that the providers keep a message which names no end of its own."""

Text = str | UnsetType
Flag = bool | UnsetType
_encode = msgspec.json.Encoder().encode

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
    old_content_available: Flag = msgspec.field(default=UNSET, name="_contentAvailable")
    display_in_foreground: Flag = msgspec.field(default=UNSET, name="_displayInForeground")

    def recipients(self) -> list[str]:
        return [self.to] if isinstance(self.to, str) else self.to

    def size(self) -> int:
        """Bytes of it as compact JSON without its recipients (expo-push.md section 6)."""
        return len(_encode(self)) - len(_encode(self.to)) - len(b'"to":,')

    def expires_at(self, accepted_at: float) -> float:
        """When the providers give up bringing it to a phone; `ttl` wins over `expiration`."""
        if not isinstance(self.ttl, UnsetType):
            return accepted_at + self.ttl
        if not isinstance(self.expiration, UnsetType):
            return self.expiration
        return accepted_at + FOUR_WEEKS


class _StrictMessage(Message, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A message whose fields are all known."""


class Batch(msgspec.Struct, frozen=True):
    """All messages of one request; `is_single` when one ticket answers it, and not a list."""

    messages: Sequence[Message]
    is_single: bool

    def size(self) -> int:
        return sum(len(message.recipients()) for message in self.messages)

    def addressed(self) -> Iterator[tuple[str, Message]]:
        """Token and message of every recipient, in the order of the tickets (S03)."""
        for message in self.messages:
            for token in message.recipients():
                yield token, message


_DECODER: Final = msgspec.json.Decoder(Message | list[Message])
_STRICT_DECODER: Final = msgspec.json.Decoder(_StrictMessage | list[_StrictMessage])


def read_batch(value: msgspec.Raw, switches: Switches = DEFAULT) -> Batch:
    """The messages, or a refusal that names the first field that is wrong (S24 to S26)."""
    is_strict = switches.unknown_fields == 400
    match shaped(_STRICT_DECODER, value) if is_strict else shaped(_DECODER, value):
        case Message() as message:
            return Batch([message], is_single=_has_one_ticket(message, switches))
        case messages:
            return Batch(messages, is_single=False)


def _has_one_ticket(message: Message, switches: Switches) -> bool:
    if isinstance(message.to, str):
        return True
    return switches.single_to_array == "object" and len(message.to) == 1
