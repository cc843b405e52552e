"""The phones: which app on which phone a token names, and what that phone shows."""

from collections.abc import Collection
from enum import StrEnum
from typing import TypeVar

import msgspec

from calbell.simulator.messages import Message

Entry = TypeVar("Entry")

DEFAULT_CHANNELS = ("default",)


class Platform(StrEnum):
    IOS = "IOS"
    ANDROID = "ANDROID"


class Fate(StrEnum):
    """What becomes of the messages to a registered device."""

    DELIVERED = "delivered"
    LATE_GONE = "late-gone"
    """Tickets are ok; the receipts say that the app was gone (S39)."""


class Device(msgspec.Struct, frozen=True):
    """One app on one phone, as the service knows it."""

    token: str
    platform: Platform
    project: str
    name: str = ""
    channels: tuple[str, ...] = DEFAULT_CHANNELS
    offline: bool = False
    registered: bool = True
    fate: Fate = Fate.DELIVERED


class Shown(msgspec.Struct, frozen=True):
    """A notification on the screen; `blank` is the empty row of S50."""

    ticket_id: str
    shown_at: float
    message: Message
    blank: bool = False


class _Waiting(msgspec.Struct, frozen=True):
    """A message that a provider keeps until the phone is online."""

    ticket_id: str
    message: Message
    expires_at: float


class Phone:
    """A device and its screen, oldest notification first, of which `keep` are kept."""

    __slots__ = ("_keep", "_shown", "_waiting", "device")

    def __init__(self, device: Device, keep: int) -> None:
        self.device = device
        self._keep = keep
        self._shown: dict[str, Shown] = {}
        self._waiting: dict[str, _Waiting] = {}

    @property
    def shown(self) -> tuple[Shown, ...]:
        return tuple(self._shown.values())

    def receive(self, message: Message, ticket_id: str, now: float) -> None:
        """The phone shows the message, or its provider keeps it while the phone is offline.

        A kept message gives way to a later one with its `collapseId`: it collapses in transit on
        both platforms (S49).
        """
        if not self.device.offline:
            self._show(message, ticket_id, now)
            return
        waiting = _Waiting(ticket_id, message, message.expires_at(now))
        self._put(self._waiting, message.collapse_id or ticket_id, waiting)

    def go_online(self, now: float) -> None:
        """What waited is shown, unless its time has run out (S48)."""
        waiting, self._waiting = self._waiting, {}
        for kept in waiting.values():
            if kept.expires_at > now:
                self._show(kept.message, kept.ticket_id, now)

    def uninstall(self, withdrawn: Collection[str]) -> None:
        """Nothing waits any more; what the withdrawn tickets brought was never shown."""
        self._waiting.clear()
        self._shown = {
            key: shown for key, shown in self._shown.items() if shown.ticket_id not in withdrawn
        }

    def _show(self, message: Message, ticket_id: str, now: float) -> None:
        if not self._is_visible(message):
            return
        blank = not (message.title or message.subtitle or message.body)
        shown = Shown(ticket_id, now, message, blank)
        on_ios = self.device.platform is Platform.IOS
        replaces = message.collapse_id if on_ios else message.tag
        self._put(self._shown, replaces or ticket_id, shown)

    def _is_visible(self, message: Message) -> bool:
        """Whether the phone draws anything: S50, expo-push.md section 5 below the table."""
        has_words = any(
            isinstance(text, str) for text in (message.title, message.subtitle, message.body)
        )
        match self.device.platform:
            case Platform.IOS:
                return has_words
            case Platform.ANDROID if message.channel_id:
                return message.channel_id in self.device.channels
            case Platform.ANDROID:
                return has_words or isinstance(message.icon, str)

    def _put(self, entries: dict[str, Entry], key: str, entry: Entry) -> None:
        """The entry is the newest, in place of one with its key; the oldest is dropped for it."""
        entries.pop(key, None)
        entries[key] = entry
        if len(entries) > self._keep:
            del entries[next(iter(entries))]
