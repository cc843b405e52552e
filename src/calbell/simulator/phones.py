"""The phones: which app on which phone a token names, and what that phone shows."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec

from calbell.simulator.messages import Message

Entry = TypeVar("Entry")

DEFAULT_CHANNELS = ("default",)


APP = "com.example.app"
"""The bundle identifier or package name of an app that nobody named."""

Buttons = Mapping[str, str]
"""Their titles by their identifiers, which are what the app gets to know of a tap."""

CATEGORIES: Mapping[str, Buttons] = {
    "calcom_booking_request_actions": {
        "confirm_booking_request": "Confirm",
        "decline_booking_request": "Decline",
    },
}
"""The buttons that an app gave the system, by `categoryId`; these are those of Cal.com's app."""


class Platform(StrEnum):
    IOS = "IOS"
    ANDROID = "ANDROID"


class Fate(StrEnum):
    """What becomes of the messages to a registered device."""

    DELIVERED = "delivered"
    LATE_GONE = "late-gone"
    """Tickets are ok; the receipts say that the app was gone (S39)."""
    TOO_BIG = "toobig"
    """Every message counts as one over 4096 bytes (S18)."""
    RATE_EXCEEDED = "rate"
    """Tickets say that there were too many to this device (S19)."""
    NO_KEY = "nokey"
    """Tickets say that the project left no key for APNs or FCM (S16, S17)."""
    BAD_TOKEN = "badtoken"
    """Receipts say that the app is of the wrong environment (S40)."""
    MISMATCH = "sender"
    """Receipts say that the key is of another sender (S41)."""
    NO_RECEIPT = "noreceipt"
    """It is shown, and there is never a receipt (F15)."""
    SLOW_RECEIPT = "slowreceipt"
    """It is shown, and the receipt comes half an hour after the ticket (F15)."""


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
    app: str = APP
    categories: Mapping[str, Buttons] = msgspec.field(default_factory=lambda: CATEGORIES)

    def buttons(self, message: Message) -> Buttons:
        """The buttons under the message, as the app has registered them."""
        return self.categories.get(message.category_id or "", {})


class Shown(msgspec.Struct, frozen=True):
    """A notification on the screen; `blank` is the empty row of S50, and `replaced` says how many
    earlier ones had the place before it."""

    ticket_id: str
    shown_at: float
    message: Message
    blank: bool = False
    replaced: int = 0


class Tapped(msgspec.Struct, frozen=True):
    """What the user did with a notification: `action` is the button's identifier, or nothing for
    the rest of it. The app is open since, with what the notification brought."""

    shown: Shown
    tapped_at: float
    action: str | None = None

    @property
    def data(self) -> Mapping[str, object]:
        """What the app is handed."""
        return self.shown.message.data or {}

    @property
    def url(self) -> str | None:
        """The deep link that an app follows which routes as Expo's router does."""
        url = self.data.get("url")
        return url if isinstance(url, str) else None


class _Waiting(msgspec.Struct, frozen=True):
    """A message that a provider keeps until the phone is online."""

    ticket_id: str
    message: Message
    expires_at: float


class Phone:
    """A device and its screen, oldest notification first, of which `keep` are kept."""

    __slots__ = ("_copies", "_keep", "_shown", "_waiting", "device", "tapped")

    def __init__(self, device: Device, keep: int) -> None:
        self.device = device
        self._keep = keep
        self._shown: dict[str, Shown] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._copies = 0
        self.tapped: Tapped | None = None

    @property
    def shown(self) -> tuple[Shown, ...]:
        return tuple(self._shown.values())

    @property
    def waiting(self) -> int:
        """How many messages its provider keeps for it."""
        return len(self._waiting)

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

    def receive_again(self, message: Message, ticket_id: str, now: float) -> None:
        """The provider brings the message a second time (S52): one more on the screen, where no
        key makes it replace its twin."""
        if self.device.offline:
            return
        self._copies += 1
        self._show(message, ticket_id, now, copy=self._copies)

    def tap(self, ticket_id: str, action: str | None, now: float) -> Tapped | None:
        """The notification is off the screen and the app open; nothing where it is not shown."""
        for key, shown in self._shown.items():
            if shown.ticket_id == ticket_id:
                del self._shown[key]
                self.tapped = Tapped(shown, now, action)
                return self.tapped
        return None

    def lock(self) -> None:
        """The app is not in sight any more."""
        self.tapped = None

    def clear(self) -> None:
        """The user has swept everything off the screen."""
        self._shown.clear()

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

    def _show(self, message: Message, ticket_id: str, now: float, *, copy: int = 0) -> None:
        if not self._is_visible(message):
            return
        blank = not (message.title or message.subtitle or message.body)
        on_ios = self.device.platform is Platform.IOS
        key = (message.collapse_id if on_ios else message.tag) or f"{ticket_id} {copy}"
        before = self._shown.get(key)
        replaced = before.replaced + 1 if before else 0
        self._put(self._shown, key, Shown(ticket_id, now, message, blank, replaced))

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
