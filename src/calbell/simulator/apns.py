"""A notification as an `.apns` file, which an iOS Simulator takes by drag and drop, or by
`xcrun simctl push booted FILE`."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType

from calbell.simulator.messages import Message
from calbell.simulator.phones import Device, Shown
from calbell.simulator.wire import Response

_MEDIA_TYPE = "application/vnd.apple.apns+json"


def apns_file(shown: Shown, device: Device) -> Response:
    """The file, to be saved. `data` is under `body`, where Expo's client library looks for it."""
    message = shown.message
    payload = {
        "Simulator Target Bundle": device.app,
        "aps": _aps(message),
        "body": message.data or {},
        "experienceId": device.project,
        "scopeKey": device.project,
    }
    body = msgspec.json.format(msgspec.json.encode(payload), indent=2)
    name = f"{shown.ticket_id}.apns"
    headers = {
        "content-type": _MEDIA_TYPE,
        "content-disposition": f'attachment; filename="{name}"',
    }
    return Response(200, headers, body)


def _aps(message: Message) -> Mapping[str, object]:
    texts = {"title": message.title, "subtitle": message.subtitle, "body": message.body}
    alert = {name: text for name, text in texts.items() if isinstance(text, str)}
    fields: Mapping[str, object] = {
        "alert": alert or UNSET,
        "badge": message.badge,
        "sound": message.sound if message.sound is not None else UNSET,
        "category": message.category_id,
        "thread-id": message.thread_id,
        "mutable-content": _flag(message.mutable_content),
        "content-available": _flag(message.content_available),
        "interruption-level": message.interruption_level,
        "relevance-score": message.relevance_score,
        "target-content-id": message.target_content_id,
        "filter-criteria": message.filter_criteria,
    }
    return {name: value for name, value in fields.items() if value is not UNSET}


def _flag(value: bool | UnsetType) -> int | UnsetType:
    return 1 if value is True else UNSET
