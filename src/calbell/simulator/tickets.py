"""Tickets: what a sender gets for each recipient, and the book in which they are kept."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from random import Random
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from calbell.simulator.phones import Device, Platform
from calbell.simulator.receipts import Outcome, Receipt, receipt_of
from calbell.simulator.switches import Switches

RECEIPT_LIFE = 24 * 3600.0
"""Seconds after its ticket that a receipt is kept (expo-push.md section 11)."""


class Ticket(msgspec.Struct, frozen=True):
    """One accepted notification. Times are Unix seconds of the service's clock; what is never
    ready has no `ready_at`. `skew` is what the clock at Expo was wrong by (F24)."""

    id: str
    token: str
    platform: Platform
    accepted_at: float
    ready_at: float | None
    outcome: Outcome
    skew: float = 0.0

    @property
    def gone_at(self) -> float:
        return self.accepted_at + RECEIPT_LIFE

    def is_ready(self, now: float) -> bool:
        return self.ready_at is not None and self.ready_at <= now

    def receipt(self, switches: Switches) -> Receipt:
        """The receipt as Expo writes it; reading it again says the same (S45)."""
        return receipt_of(self.outcome, self.platform, self.accepted_at + self.skew, switches)


class Accepted(msgspec.Struct, frozen=True, tag_field="status", tag="ok"):
    """The ticket as the sender sees it when the notification is queued."""

    id: str


class Rejected(msgspec.Struct, frozen=True, tag_field="status", tag="error"):
    """The ticket as the sender sees it when this recipient gets nothing."""

    message: str
    details: Mapping[str, object] | UnsetType = UNSET
    id: str | UnsetType = UNSET


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

    def of_version_4(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))


class TicketBook:
    """The tickets of the last 24 hours, at most `keep` of them: the oldest go first."""

    def __init__(self, random: Random, keep: int) -> None:
        self._ids = TicketIds(random)
        self._keep = keep
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()

    def new_id(self, now: float, version: int = 7) -> str:
        return self._ids.next(now) if version == 7 else self._ids.of_version_4()

    def issue(
        self,
        device: Device,
        outcome: Outcome,
        now: float,
        ready_at: float | None,
        *,
        version: int = 7,
        skew: float = 0.0,
    ) -> Ticket:
        """A new ticket for one notification to the device, whose receipt is ready at `ready_at`."""
        ticket_id = self.new_id(now, version)
        ticket = Ticket(ticket_id, device.token, device.platform, now, ready_at, outcome, skew)
        self._tickets[ticket.id] = ticket
        if len(self._tickets) > self._keep:
            self._tickets.popitem(last=False)
        return ticket

    def kept(self, now: float) -> tuple[Ticket, ...]:
        self._forget(now)
        return tuple(self._tickets.values())

    def find(self, ids: list[str], now: float) -> Iterator[tuple[str, Ticket]]:
        """Each id that names a ticket, once, as it was written (F21: in capitals too); other ids
        are passed over (S35)."""
        self._forget(now)
        for ticket_id in dict.fromkeys(ids):
            ticket = self._tickets.get(ticket_id) or self._tickets.get(ticket_id.lower())
            if ticket:
                yield ticket_id, ticket

    def lose(self, token: str, now: float) -> set[str]:
        """The ids of the token's tickets without a receipt yet; it will say the app was gone."""
        lost = [
            ticket
            for ticket in self._tickets.values()
            if ticket.token == token and not ticket.is_ready(now)
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
