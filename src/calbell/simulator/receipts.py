"""Receipts as Expo writes them, word for word where the words are known (S39 to S44)."""

from collections.abc import Mapping
from enum import StrEnum

from calbell.simulator.phones import Platform
from calbell.simulator.switches import Switches

Receipt = Mapping[str, object]


class Outcome(StrEnum):
    """What a receipt says."""

    OK = "ok"
    DEVICE_NOT_REGISTERED = "DeviceNotRegistered"
    BAD_DEVICE_TOKEN = "BadDeviceToken"
    MISMATCH = "mismatch"
    REVOKED = "revoked"
    TOO_BIG = "MessageTooBig"
    RATE_EXCEEDED = "MessageRateExceeded"
    EXPO_ERROR = "ExpoError"
    DROPPED = "dropped"
    """APNs dropped the connection: an error without a code (S44)."""


def receipt_of(outcome: Outcome, platform: Platform, sent_at: float, switches: Switches) -> Receipt:
    """The receipt; texts that nobody has seen of the real service are free (S43)."""
    on_android = platform is Platform.ANDROID
    match outcome:
        case Outcome.OK:
            return {"status": "ok"}
        case Outcome.DEVICE_NOT_REGISTERED:
            return _gone_from_fcm(sent_at) if on_android else _gone_from_apns(sent_at)
        case Outcome.BAD_DEVICE_TOKEN:
            return _refused_by_apns("BadDeviceToken", 400, "DeveloperError", 2, sent_at)
        case Outcome.MISMATCH:
            return _mismatch_at_fcm(switches) if on_android else _mismatch_at_apns(switches)
        case Outcome.REVOKED:
            return _revoked_at_fcm() if on_android else _revoked_at_apns()
        case Outcome.TOO_BIG:
            return failed("MessageTooBig", TOO_BIG)
        case Outcome.RATE_EXCEEDED:
            return failed("MessageRateExceeded", RATE_EXCEEDED)
        case Outcome.EXPO_ERROR:
            return failed("ExpoError", EXPO_ERROR)
        case Outcome.DROPPED:
            text = "The Apple Push Notification service unexpectedly dropped the connection"
            return {"status": "error", "message": text}


TOO_BIG = "The notification is over the 4096 bytes that a payload may have."
RATE_EXCEEDED = "Too many notifications are sent to this device, please slow down."
EXPO_ERROR = "Something went wrong at Expo."


def failed(code: str, message: str, **details: object) -> Receipt:
    return {"status": "error", "message": message, "details": {"error": code, **details}}


def _gone_from_fcm(sent_at: float) -> Receipt:
    return {
        "status": "error",
        "message": "The recipient device is not registered with FCM.",
        "messageEnum": 7,
        "messageParamValues": [],
        "details": {
            "error": "DeviceNotRegistered",
            "errorCodeEnum": 3,
            "sentAt": int(sent_at),
        },
        "__debug": {},
    }


def _gone_from_apns(sent_at: float) -> Receipt:
    """Formed after S40, for S39 says only what Android answers (unconfirmed)."""
    return _refused_by_apns("Unregistered", 410, "DeviceNotRegistered", 3, sent_at)


def _refused_by_apns(
    reason: str, status: int, code: str, code_number: int, sent_at: float
) -> Receipt:
    return {
        "status": "error",
        "message": "The Apple Push Notification service failed to send the notification "
        f"(reason: {reason}, status code: {status}).",
        "messageEnum": 1006,
        "messageParamValues": [reason, str(status)],
        "details": {
            "apns": {"reason": reason, "statusCode": status},
            "error": code,
            "errorCodeEnum": code_number,
            "sentAt": int(sent_at),
        },
    }


def _mismatch_at_fcm(switches: Switches) -> Receipt:
    text = (
        "There was an unknown error with the FCM server. See this error's details for more "
        "information."
    )
    if switches.mismatch_shape == "flat":
        return failed("MismatchSenderId", text)
    return failed("ProviderError", text, fault="fcm", fcm={"error": "MismatchSenderId"})


def _mismatch_at_apns(switches: Switches) -> Receipt:
    """A key that does not fit the app: formed after S42 (unconfirmed)."""
    if switches.mismatch_shape == "flat":
        return failed("InvalidProviderToken", _APNS_KEY)
    return _revoked_at_apns()


def _revoked_at_fcm() -> Receipt:
    return failed(
        "InvalidCredentials",
        "Failed to authenticate with the FCM server. Ensure the FCM server key you uploaded is "
        "correct.",
        fault="developer",
        fcm={"httpStatus": 401, "response": "<HTML><TITLE>Unauthorized</TITLE></HTML>"},
    )


_APNS_KEY = "Failed to authenticate with the Apple Push Notification service."


def _revoked_at_apns() -> Receipt:
    apns = {"reason": "InvalidProviderToken", "statusCode": 403}
    return failed("InvalidCredentials", _APNS_KEY, apns=apns)
