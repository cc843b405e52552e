"""What becomes of one notification: refused in its ticket, or queued towards its receipt."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from calbell.simulator.messages import Message
from calbell.simulator.phones import Device, Fate, Platform
from calbell.simulator.projects import KeyState, Project
from calbell.simulator.receipts import EXPO_ERROR, RATE_EXCEEDED, TOO_BIG, Outcome
from calbell.simulator.switches import Switches
from calbell.simulator.tickets import Rejected
from calbell.simulator.tokens import is_well_formed
from calbell.simulator.twists import Twist

MOST_BYTES = 4096
"""Of a message without its recipients (expo-push.md section 6)."""

HALF_AN_HOUR = 1800.0

_TEXTS: Mapping[str, str] = {
    "MessageTooBig": TOO_BIG,
    "MessageRateExceeded": RATE_EXCEEDED,
    "ExpoError": EXPO_ERROR,
}


class Queued(msgspec.Struct, frozen=True):
    """The notification is queued. The receipt says `outcome`, so many seconds after the ticket
    (`None`: as long after it as always)."""

    outcome: Outcome
    receipt_after: float | None = None

    @property
    def is_brought(self) -> bool:
        """Whether a provider brings it to the phone."""
        return self.outcome is Outcome.OK


def judged(
    message: Message, device: Device, project: Project, twist: Twist, switches: Switches
) -> Rejected | Queued:
    """What becomes of the message to this registered device."""
    if twist.code == "DeviceNotRegistered":
        return unregistered(device.token, switches, is_known=True)
    if twist.code:
        return _refused(twist.code, _TEXTS.get(twist.code, "Something new went wrong."))
    key = twist.credentials(device.platform, project.credentials)
    if key is KeyState.MISSING or device.fate is Fate.NO_KEY:
        return _without_key(device)
    if device.fate is Fate.RATE_EXCEEDED:
        return _refused("MessageRateExceeded", RATE_EXCEEDED)
    is_too_big = device.fate is Fate.TOO_BIG or message.size() > MOST_BYTES
    if is_too_big and switches.too_big_at == "ticket":
        return _refused("MessageTooBig", TOO_BIG)
    outcome = Outcome.TOO_BIG if is_too_big else twist.outcome or _outcome(device.fate, key)
    receipt_after = twist.receipt_after
    if receipt_after is None:
        receipt_after = _receipt_after(device.fate)
    return Queued(outcome, receipt_after)


def _outcome(fate: Fate, key: KeyState) -> Outcome:
    match fate, key:
        case Fate.LATE_GONE, _:
            return Outcome.DEVICE_NOT_REGISTERED
        case Fate.BAD_TOKEN, _:
            return Outcome.BAD_DEVICE_TOKEN
        case (Fate.MISMATCH, _) | (_, KeyState.MISMATCH):
            return Outcome.MISMATCH
        case _, KeyState.REVOKED:
            return Outcome.REVOKED
        case _:
            return Outcome.OK


def _receipt_after(fate: Fate) -> float | None:
    match fate:
        case Fate.NO_RECEIPT:
            return float("inf")
        case Fate.SLOW_RECEIPT:
            return HALF_AN_HOUR
        case _:
            return None


def unregistered(token: str, switches: Switches, *, is_known: bool) -> Rejected:
    """Nobody has this token (any more), or it is none that Expo could have minted (S12, S13)."""
    is_one = is_known or is_well_formed(token) or switches.invalid_token_text == "legacy"
    fault = (
        "is not a registered push notification recipient"
        if is_one
        else "is not a valid Expo push token"
    )
    return _refused("DeviceNotRegistered", f'"{token}" {fault}', expoPushToken=token)


def as_switched(rejected: Rejected, new_id: str, switches: Switches) -> Rejected:
    """The error ticket with or without its details, and with an id in the old form (S20, S21)."""
    return Rejected(
        rejected.message,
        UNSET if switches.omit_details else rejected.details,
        new_id if switches.error_ticket_has_id else UNSET,
    )


def _without_key(device: Device) -> Rejected:
    match device.platform:
        case Platform.ANDROID:
            return _refused(
                "InvalidCredentials",
                "Unable to retrieve the FCM server key for the recipient's app. Make sure you have "
                "provided a server key as directed by the Expo FCM documentation.",
                fault="developer",
            )
        case Platform.IOS:
            return _refused(
                "InvalidCredentials",
                f"Could not find APNs credentials for {device.app} ({device.project}). You may "
                "need to generate or upload new push credentials.",
            )


def _refused(code: str, message: str, **details: object) -> Rejected:
    return Rejected(message, {"error": code, **details})
