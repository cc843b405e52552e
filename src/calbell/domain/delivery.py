"""A delivery: one notification to one subscription, and the only table of what can happen to it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct


class DeliveryState(StrEnum):
    """Where a delivery is (interface.md section 6)."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNREGISTERED = "unregistered"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class DeliveryFact(StrEnum):
    """What can happen to a delivery."""

    CLAIMED = "claimed"
    TICKET = "ticket"
    PHONE_GONE = "phone_gone"
    REFUSED = "refused"
    POSTPONED = "postponed"
    ANSWER_LOST = "answer_lost"
    LEASE_LOST = "lease_lost"
    RECEIPT_OK = "receipt_ok"
    RECEIPT_GONE = "receipt_gone"
    RECEIPT_REFUSED = "receipt_refused"
    RECEIPT_POSTPONED = "receipt_postponed"
    RECEIPT_NEVER_CAME = "receipt_never_came"
    WITHDRAWN = "withdrawn"
    WENT_STALE = "went_stale"
    RESTORED = "restored"


class Next(Struct, frozen=True):
    """Where a fact leads; `if_possibly_sent` where that differs for what may have been sent."""

    state: DeliveryState
    if_possibly_sent: DeliveryState | None = None


_S = DeliveryState
_F = DeliveryFact

DELIVERY_TRANSITIONS: Mapping[tuple[DeliveryState, DeliveryFact], Next] = MappingProxyType(
    {
        (_S.QUEUED, _F.CLAIMED): Next(_S.SENDING),
        (_S.QUEUED, _F.WITHDRAWN): Next(_S.WITHDRAWN, _S.UNKNOWN),
        (_S.QUEUED, _F.WENT_STALE): Next(_S.EXPIRED, _S.UNKNOWN),
        # An older copy serves now: what the lost original had in hand, it may have sent.
        (_S.QUEUED, _F.RESTORED): Next(_S.UNKNOWN),
        (_S.SENDING, _F.RESTORED): Next(_S.UNKNOWN),
        (_S.SENDING, _F.PHONE_GONE): Next(_S.UNREGISTERED),
        (_S.SENDING, _F.REFUSED): Next(_S.FAILED, _S.UNKNOWN),
        (_S.SENDING, _F.POSTPONED): Next(_S.QUEUED),
        (_S.SENDING, _F.ANSWER_LOST): Next(_S.QUEUED),
        (_S.SENDING, _F.LEASE_LOST): Next(_S.QUEUED),
        (_S.ACCEPTED, _F.RECEIPT_GONE): Next(_S.UNREGISTERED),
        (_S.ACCEPTED, _F.RECEIPT_REFUSED): Next(_S.FAILED, _S.UNKNOWN),
        (_S.ACCEPTED, _F.RECEIPT_POSTPONED): Next(_S.QUEUED),
        (_S.ACCEPTED, _F.RECEIPT_NEVER_CAME): Next(_S.UNKNOWN),
    }
    # Knowledge is never thrown away: a ticket or an ok receipt counts however late it comes.
    | {
        (state, _F.TICKET): Next(_S.ACCEPTED)
        for state in (_S.QUEUED, _S.SENDING, _S.FAILED, _S.UNKNOWN)
    }
    | {
        (state, _F.RECEIPT_OK): Next(_S.DELIVERED)
        for state in (_S.QUEUED, _S.SENDING, _S.ACCEPTED, _S.FAILED, _S.UNREGISTERED, _S.UNKNOWN)
    }
)
"""Every transition there is. What is not here does not happen."""

SETTLED = frozenset(
    {_S.DELIVERED, _S.FAILED, _S.UNREGISTERED, _S.WITHDRAWN, _S.EXPIRED, _S.UNKNOWN}
)
"""States that are ends: nothing is done about the delivery any more."""


def next_state(
    state: DeliveryState, fact: DeliveryFact, *, possibly_sent: bool
) -> DeliveryState | None:
    """The state after the fact, or `None` where the fact changes nothing in this state."""
    step = DELIVERY_TRANSITIONS.get((state, fact))
    if step is None:
        return None
    return step.if_possibly_sent if possibly_sent and step.if_possibly_sent else step.state


class Withdrawal(StrEnum):
    """Why a delivery is not sent although its notification was released."""

    SUPERSEDED = "superseded"
    DEVICE_REMOVED = "device_removed"
    TAKEN_OVER = "taken_over"
    DEVICE_GONE = "device_gone"
    SWITCHED_OFF = "switched_off"


class Standing(Struct, frozen=True, kw_only=True):
    """What decides, at the moment of sending, whether a delivery is still to be sent."""

    user_id: int
    expires_at: datetime
    superseded: bool
    subscribed: bool
    phone_dead: bool
    phone_owner_id: int | None


def objection(
    standing: Standing, *, exclusive: bool, wanted: bool = True, now: datetime
) -> tuple[DeliveryFact, str] | None:
    """Why a due delivery must not be sent, or `None`. `wanted`: its user has not switched such news
    off.

    Judged at every claim, so that what changed while the delivery was queued counts, whoever
    changed it: there is no second place that withdraws deliveries.
    """
    if standing.superseded:
        return DeliveryFact.WITHDRAWN, Withdrawal.SUPERSEDED
    if not standing.subscribed:
        return DeliveryFact.WITHDRAWN, Withdrawal.DEVICE_REMOVED
    if exclusive and standing.phone_owner_id != standing.user_id:
        return DeliveryFact.WITHDRAWN, Withdrawal.TAKEN_OVER
    if standing.phone_dead:
        return DeliveryFact.WITHDRAWN, Withdrawal.DEVICE_GONE
    if not wanted:
        return DeliveryFact.WITHDRAWN, Withdrawal.SWITCHED_OFF
    if now >= standing.expires_at:
        return DeliveryFact.WENT_STALE, DeliveryFact.WENT_STALE
    return None
