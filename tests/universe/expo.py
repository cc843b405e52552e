"""Expo in this process, which sees every message at the moment at which it takes it."""

from collections.abc import Callable
from random import Random

from msgspec import Struct
from typing_extensions import override

from calbell.simulator.messages import Message
from calbell.simulator.phones import Phone
from calbell.simulator.projects import RATE_LIMIT
from calbell.simulator.receipts import Outcome
from calbell.simulator.service import PushService
from calbell.simulator.tickets import Accepted
from calbell.simulator.twists import Twist
from calbell.simulator.verdicts import Queued

IN_GOOD_TIME_SECONDS = 4 * 3600.0


class Handed(Struct, frozen=True):
    """One message that Expo took for a phone: when, under which key, and its ticket. `is_brought`:
    its provider got it, and the phone shows it, `is_silent`: without a sound; `has_receipt`: there
    is one for most of a day."""

    at: float
    token: str
    key: str
    event: str
    uid: str
    body: str
    ticket_id: str
    is_brought: bool
    has_receipt: bool
    is_silent: bool


class Expo(PushService):
    """The simulator; `witness` sees what it takes."""

    def __init__(
        self, clock: Callable[[], float], chance: Random, witness: Callable[[Handed], None]
    ) -> None:
        super().__init__(
            clock,
            chance,
            keep_requests=0,
            keep_displayed=3,
            # What is sent is measured where it leaves: a network makes bunches of it.
            rate_limit=2 * RATE_LIMIT,
        )
        self._witness = witness

    @override
    def _queued(self, phone: Phone, message: Message, verdict: Queued, twist: Twist) -> Accepted:
        taken = super()._queued(phone, message, verdict, twist)
        assert isinstance(message.data, dict)
        assert isinstance(message.body, str)
        self._witness(
            Handed(
                self.now,
                phone.device.token,
                str(message.collapse_id or message.tag),
                message.data["notificationEvent"],
                message.data["bookingUid"],
                message.body,
                taken.id,
                verdict.outcome is Outcome.OK,
                (verdict.receipt_after or 0.0) <= IN_GOOD_TIME_SECONDS,
                message.interruption_level == "passive",
            )
        )
        return taken
