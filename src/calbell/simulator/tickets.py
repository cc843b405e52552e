"""Tickets, and the receipts that are read later under their ids."""

from collections import OrderedDict
from collections.abc import Iterator
from enum import StrEnum
from random import Random

import msgspec

from calbell.simulator.phones import Device, Platform

RECEIPT_LIFE = 24 * 3600.0
"""Seconds after its ticket that a receipt is kept (expo-push.md section 11)."""


class Outcome(StrEnum):
    """What a receipt says."""

    OK = "ok"
    DEVICE_NOT_REGISTERED = "DeviceNotRegistered"


class Ticket(msgspec.Struct, frozen=True):
    """One accepted notification. Times are Unix seconds of the service's clock."""

    id: str
    token: str
    platform: Platform
    accepted_at: float
    ready_at: float
    outcome: Outcome

    @property
    def gone_at(self) -> float:
        return self.accepted_at + RECEIPT_LIFE

    def receipt(self) -> dict[str, object]:
        """The receipt as Expo writes it; reading it again says the same (S45)."""
        match self.outcome:
            case Outcome.OK:
                return {"status": "ok"}
            case Outcome.DEVICE_NOT_REGISTERED:
                return self._gone_from_fcm() if self._is_android else self._gone_from_apns()

    @property
    def _is_android(self) -> bool:
        return self.platform is Platform.ANDROID

    def _gone_from_fcm(self) -> dict[str, object]:
        return {
            "status": "error",
            "message": "The recipient device is not registered with FCM.",
            "messageEnum": 7,
            "messageParamValues": [],
            "details": {
                "error": "DeviceNotRegistered",
                "errorCodeEnum": 3,
                "sentAt": int(self.accepted_at),
            },
            "__debug": {},
        }

    def _gone_from_apns(self) -> dict[str, object]:
        """Formed after S40, for S39 says only what Android answers (unconfirmed)."""
        return {
            "status": "error",
            "message": "The Apple Push Notification service failed to send the notification "
            "(reason: Unregistered, status code: 410).",
            "messageEnum": 1006,
            "messageParamValues": ["Unregistered", "410"],
            "details": {
                "apns": {"reason": "Unregistered", "statusCode": 410},
                "error": "DeviceNotRegistered",
                "errorCodeEnum": 3,
                "sentAt": int(self.accepted_at),
            },
        }


class Accepted(msgspec.Struct, frozen=True, tag_field="status", tag="ok"):
    """The ticket as the sender sees it when the notification is queued."""

    id: str


class Rejected(msgspec.Struct, frozen=True, tag_field="status", tag="error"):
    """The ticket as the sender sees it when this recipient gets nothing."""

    message: str
    details: dict[str, str]


class TicketIds:
    """UUIDs of version 7, each greater than the one before it (S11).

    The 12 bits after the milliseconds hold their fraction, and count on when that is used up
    (RFC 9562 section 6.2, method 3).
    """

    __slots__ = ("_last", "_random")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._last = 0

    def next(self, now: float) -> str:
        self._last = ticks = max(int(now * 4_096_000), self._last + 1)
        time, tail = f"{ticks >> 12:012x}", f"{self._random.getrandbits(62) | 1 << 63:016x}"
        return f"{time[:8]}-{time[8:]}-7{ticks & 0xFFF:03x}-{tail[:4]}-{tail[4:]}"


class TicketBook:
    """The tickets of the last 24 hours, at most `keep` of them: the oldest go first."""

    def __init__(self, random: Random, keep: int) -> None:
        self._ids = TicketIds(random)
        self._keep = keep
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()

    def issue(self, device: Device, outcome: Outcome, now: float, ready_at: float) -> Ticket:
        """A new ticket for one notification to the device, whose receipt is ready at `ready_at`."""
        ticket = Ticket(self._ids.next(now), device.token, device.platform, now, ready_at, outcome)
        self._tickets[ticket.id] = ticket
        if len(self._tickets) > self._keep:
            self._tickets.popitem(last=False)
        return ticket

    def kept(self, now: float) -> tuple[Ticket, ...]:
        self._forget(now)
        return tuple(self._tickets.values())

    def ready(self, ids: list[str], now: float) -> Iterator[Ticket]:
        """The tickets whose receipt can be read, each once; other ids are passed over (S35)."""
        self._forget(now)
        for ticket_id in dict.fromkeys(ids):
            ticket = self._tickets.get(ticket_id)
            if ticket and ticket.ready_at <= now:
                yield ticket

    def lose(self, token: str, now: float) -> set[str]:
        """The ids of the token's tickets without a receipt yet; it will say the app was gone."""
        lost = [
            ticket
            for ticket in self._tickets.values()
            if ticket.token == token and ticket.ready_at > now
        ]
        for ticket in lost:
            self._tickets[ticket.id] = msgspec.structs.replace(
                ticket, outcome=Outcome.DEVICE_NOT_REGISTERED
            )
        return {ticket.id for ticket in lost}

    def _forget(self, now: float) -> None:
        while self._tickets:
            oldest = next(iter(self._tickets.values()))
            if oldest.gone_at > now:
                return
            self._tickets.popitem(last=False)
