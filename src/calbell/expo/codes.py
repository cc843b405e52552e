"""Expo's error codes, in tickets and receipts, as data: what each means for a delivery.

The facts are those of expo-push.md sections 11 and 12.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias, assert_never

from calbell.domain.outcomes import Gone, Later, Refused


class Fate(Enum):
    """What an error means for the delivery that met it."""

    GONE = "gone"
    REFUSED = "refused"
    LATER = "later"
    BY_REASON = "by reason"


FATES: Final[Mapping[str, Fate]] = {
    "DeviceNotRegistered": Fate.GONE,
    "MessageTooBig": Fate.REFUSED,
    "MessageRateExceeded": Fate.LATER,
    "MismatchSenderId": Fate.REFUSED,
    "InvalidCredentials": Fate.LATER,
    "InvalidProviderToken": Fate.LATER,
    "DeveloperError": Fate.REFUSED,
    "ProviderError": Fate.BY_REASON,
    "ExpoError": Fate.LATER,
}
"""Section 12. A code that is not here is refused: it is not repeated, and stays to be seen."""

REASONS: Final[Mapping[str, Fate]] = {
    # Google, older and newer names
    "NotRegistered": Fate.GONE,
    "UNREGISTERED": Fate.GONE,
    "MismatchSenderId": Fate.REFUSED,
    "SENDER_ID_MISMATCH": Fate.REFUSED,
    "MessageTooBig": Fate.REFUSED,
    "Unavailable": Fate.LATER,
    "UNAVAILABLE": Fate.LATER,
    "INTERNAL": Fate.LATER,
    "DeviceMessageRateExceeded": Fate.LATER,
    "QUOTA_EXCEEDED": Fate.LATER,
    # Apple
    "Unregistered": Fate.GONE,
    "BadDeviceToken": Fate.REFUSED,
    "DeviceTokenNotForTopic": Fate.REFUSED,
    "PayloadTooLarge": Fate.REFUSED,
    "InvalidProviderToken": Fate.LATER,
    "ExpiredProviderToken": Fate.LATER,
    "TooManyProviderTokenUpdates": Fate.LATER,
    "TooManyRequests": Fate.LATER,
    "ServiceUnavailable": Fate.LATER,
    "Shutdown": Fate.LATER,
    # both
    "InternalServerError": Fate.LATER,
    # an HTTP status, where nothing else is named
    "429": Fate.LATER,
    "500": Fate.LATER,
    "502": Fate.LATER,
    "503": Fate.LATER,
    "504": Fate.LATER,
}
"""What the providers name in `details.fcm` and `details.apns`: their documented errors."""

NO_CODE: Final = "NO_CODE"
"""Stands for the code of an error that has none: transient by section 12 (expo/expo#2185)."""

UNREADABLE_CODE: Final = "UNREADABLE_CODE"
"""Stands for a code that is no short word. It is not repeated: it could hold a token or a text."""

MOST_ATTEMPTS: Final[Mapping[str, int]] = {"ProviderError": 3, NO_CODE: 5, "ExpoError": 50}
"""Of one delivery, after which section 12 has it failed: "once or twice" more, "a few" more, and,
for a failure at Expo itself, about as many as fit into an hour or two. Any other code that is worth
another try is worth it as long as the news is."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,63}")
_NOT_WORD = re.compile(r"[./-]")
_LONGEST_CODE = 64
_CODES_THAT_COME_NESTED = frozenset({"MismatchSenderId", "InvalidProviderToken"})

ErrorOutcome: TypeAlias = Gone | Refused | Later


def error_outcome(details: object, unexplained: Fate) -> ErrorOutcome:
    """What a ticket or receipt of status `error` with these `details` comes to.

    `details.error` decides, then what the provider said. `unexplained` is the fate of a
    `ProviderError` in which the provider said nothing.
    """
    code = _named_code(details)
    reason = _reason(details)
    if code is None:
        # By section 12 transient, unless the provider said otherwise.
        fate = REASONS.get(reason or NO_CODE, Fate.LATER)
        return _outcome(fate, reason or NO_CODE, reason if reason in FATES else NO_CODE)
    fate = FATES.get(code, Fate.REFUSED)
    if fate is Fate.BY_REASON:
        # Never gone: section 12 keeps the token of every `ProviderError`.
        if reason is None:
            return _outcome(unexplained, code, code)
        is_transient = REASONS.get(reason) is Fate.LATER
        if reason in _CODES_THAT_COME_NESTED:
            code = reason
        fate = Fate.LATER if is_transient else Fate.REFUSED
        return _outcome(fate, _joined(code, reason), code)
    return _outcome(fate, _joined(code, reason) if code == "DeveloperError" else code, code)


def short_code(value: object) -> str | None:
    """The code in the form in which it is kept: ASCII word characters, 64 at most.

    `None` when it is not one short word: a sentence, a token, nothing at all.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 <= value < 1_000_000 else None
    if isinstance(value, str) and _CODE.fullmatch(value):
        return _NOT_WORD.sub("_", value)
    return None


def _outcome(fate: Fate, code: str, kind: str | None) -> ErrorOutcome:
    match fate:
        case Fate.GONE:
            return Gone(code)
        case Fate.REFUSED | Fate.BY_REASON:
            return Refused(code)
        case Fate.LATER:
            return Later(code, most=MOST_ATTEMPTS.get(kind or ""))
        case _:
            assert_never(fate)


def _named_code(details: object) -> str | None:
    """`details.error`, which may be an object; `details` may be the bare code (section 11)."""
    match details:
        case str():
            return details if details in FATES else None
        case {"error": {} as nested}:
            return _first_code(nested, "code", "error", "reason")
        case {"error": None | ""}:
            return None
        case {"error": error}:
            return short_code(error) or UNREADABLE_CODE
        case _:
            return None


def _reason(details: object) -> str | None:
    """What Google or Apple named as the reason, or else the HTTP status they answered with."""
    match details:
        case {"fcm": {} as fcm}:
            return _first_code(fcm, "error", "httpStatus")
        case {"apns": {} as apns}:
            return _first_code(apns, "reason", "statusCode")
        case _:
            return None


def _first_code(named: Mapping[str, object], *keys: str) -> str | None:
    codes = (short_code(named.get(key)) for key in keys)
    return next((code for code in codes if code is not None), None)


def _joined(code: str, reason: str | None) -> str:
    return code if reason is None or reason == code else f"{code}:{reason}"[:_LONGEST_CODE]
