"""What a fault does to single notifications of a request."""

from collections.abc import Sequence
from random import Random
from typing import assert_never

import msgspec

from calbell.simulator.fault_queue import QueuedFault
from calbell.simulator.faults import (
    BrokenCredentials,
    ClockSkew,
    Dropped,
    Failing,
    LateGone,
    LateReceipts,
    NotificationFault,
    OddDelivery,
    SomeFail,
    Unfamiliar,
    Wave,
)
from calbell.simulator.phones import Platform
from calbell.simulator.projects import Credentials, KeyState
from calbell.simulator.receipts import Outcome

NEVER = float("inf")


class Twist(msgspec.Struct, frozen=True):
    """What happens to one notification that would not happen otherwise: the error `code` of its
    ticket; the outcome and the seconds of its receipt; the state of the key for its platform;
    whether the app is gone by the time of the receipt; how the phone gets it; and by how much the
    clock is wrong."""

    code: str | None = None
    outcome: Outcome | None = None
    receipt_after: float | None = None
    broken: KeyState | None = None
    broken_on: Platform | None = None
    is_uninstalled: bool = False
    is_doubled: bool = False
    shown_after: float = 0.0
    skew: float = 0.0

    def credentials(self, platform: Platform, credentials: Credentials) -> KeyState:
        """The state of the key for this platform."""
        if self.broken and self.broken_on in (None, platform):
            return self.broken
        return credentials.of(platform)


PLAIN = Twist()

_BETWEEN_REVERSED = 0.001
"""Seconds between two that come in reversed order."""


def twisted(queued: QueuedFault | None, tokens: Sequence[str], chance: Random) -> Sequence[Twist]:
    """A twist for each recipient; only that of the fault's token has one, where it names one."""
    if queued is None:
        return [PLAIN] * len(tokens)
    twists = _twists(queued, len(tokens), chance)
    if queued.token is None:
        return twists
    return [
        twist if token == queued.token else PLAIN
        for twist, token in zip(twists, tokens, strict=True)
    ]


def _twists(queued: QueuedFault, count: int, chance: Random) -> Sequence[Twist]:
    match queued.fault:
        case ClockSkew(seconds=seconds):
            return [Twist(skew=seconds)] * count
        case Unfamiliar(variant="code"):
            return [Twist(code="SomethingNew")] * count
        case fault if isinstance(fault, NotificationFault):
            return _of_notifications(fault, count, chance)
        case _:
            return [PLAIN] * count


def _of_notifications(fault: NotificationFault, count: int, chance: Random) -> Sequence[Twist]:
    match fault:
        case SomeFail(ok=ok):
            return [PLAIN if n < ok else Twist(code="ExpoError") for n in range(count)]
        case LateReceipts(seconds=seconds):
            return [Twist(receipt_after=NEVER if seconds is None else seconds)] * count
        case LateGone(seconds=seconds):
            gone = Twist(
                outcome=Outcome.DEVICE_NOT_REGISTERED, receipt_after=seconds, is_uninstalled=True
            )
            return [gone] * count
        case BrokenCredentials(platform=platform, state=state):
            return [Twist(broken=state, broken_on=platform)] * count
        case Wave():
            return _wave(fault, count, chance)
        case OddDelivery(variant="twice"):
            return [Twist(is_doubled=True)] * count
        case OddDelivery(variant="late", seconds=seconds):
            return [Twist(shown_after=seconds)] * count
        case OddDelivery():
            return [Twist(shown_after=_BETWEEN_REVERSED * n) for n in range(count, 0, -1)]
        case Failing(at="ticket", code=code):
            return [Twist(code=code)] * count
        case Failing(code=code):
            return [Twist(outcome=Outcome(code))] * count
        case Dropped():
            return [Twist(outcome=Outcome.DROPPED)] * count
        case _:
            assert_never(fault)


def _wave(wave: Wave, count: int, chance: Random) -> Sequence[Twist]:
    if wave.at == "ticket":
        struck = Twist(code="DeviceNotRegistered")
    else:
        struck = Twist(outcome=Outcome.DEVICE_NOT_REGISTERED)
    chosen = set(chance.sample(range(count), round(wave.share * count)))
    return [struck if n in chosen else PLAIN for n in range(count)]
