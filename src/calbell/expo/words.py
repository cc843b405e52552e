"""What Expo's codes mean, in words for a person."""

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "ok": "handed to Apple or Google",
    "missing": "none was there yet",
    "DeviceNotRegistered": "the app is gone from the phone, or may not notify there",
    "MessageTooBig": "the message was too big",
    "MessageRateExceeded": "too many messages to this phone",
    "MismatchSenderId": "Expo's Firebase credentials are not those of the app",
    "InvalidCredentials": "the app's push credentials at Expo are not good",
    "InvalidProviderToken": "Apple does not accept the app's push key at Expo",
    "DeveloperError": "Apple or Google found a mistake in the message or the app's set-up",
    "ProviderError": "Apple or Google refused it",
    "ExpoError": "a failure within Expo",
    "NO_CODE": "Expo did not say why",
    "UNREADABLE_CODE": "Expo gave a reason that is not readable",
    "NOT_TRANSMITTED": "Expo could not be reached",
    "ANSWER_LOST": "no answer came from Expo",
    "STOPPED": "this service was stopped meanwhile",
    "UNAUTHORIZED": "Expo does not accept the access token",
    "TOO_MANY_REQUESTS": "too many messages at once for Expo",
    "RATE_LIMIT_ERROR": "too many messages at once for Expo",
    "PUSH_TOO_MANY_EXPERIENCE_IDS": "phones of several Expo projects in one request",
}
"""What a code of Expo's, or one that stands for its missing answer, means."""


def in_words(code: str) -> str:
    """What the code means, and the code itself for those who look it up."""
    words = CODES.get(code) or CODES.get(code.partition(":")[0])
    return f"{words} ({code})" if words else f"code {code}"
