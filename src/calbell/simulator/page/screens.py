"""What there is to draw: phones with their notifications in groups, and requests."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote

import msgspec

from calbell.simulator import telling
from calbell.simulator.phones import Buttons, Phone, Platform, Shown, Tapped
from calbell.simulator.request_log import LoggedRequest
from calbell.simulator.world import World

PHONES_SHOWN = 40
REQUESTS_SHOWN = 30
LONGEST_BODY = 4_000

ANDROID_GROUPS_FROM = 4
"""Android bundles the notifications of an app by itself when there are so many."""

_HUES = (211, 266, 152, 22, 340, 190)


class Card(msgspec.Struct, frozen=True):
    """A notification as the phone draws it."""

    key: str
    ticket_id: str
    title: str
    subtitle: str
    body: str
    ago: str
    buttons: Buttons
    sound: str
    badge: int | None
    is_blank: bool
    replaced: int
    apns: str


class Group(msgspec.Struct, frozen=True):
    """Cards that the phone stacks, the newest first; often only one."""

    key: str
    cards: Sequence[Card]


class Opened(msgspec.Struct, frozen=True):
    """The app, as a tap has opened it."""

    title: str
    action: str
    url: str
    data: str


class Screen(msgspec.Struct, frozen=True):
    """A phone on the page."""

    id: str
    path: str
    token: str
    name: str
    project: str
    app: str
    letter: str
    hue: int
    is_ios: bool
    is_offline: bool
    is_registered: bool
    waiting: int
    time: str
    date: str
    groups: Sequence[Group]
    opened: Opened | None


class Row(msgspec.Struct, frozen=True):
    """A request in the log."""

    key: str
    at: str
    what: str
    of: str
    status: int | None
    fault: str
    body: str


def screens(world: World) -> Iterator[Screen]:
    """The newest phones, as many as can be looked at."""
    for device in world.devices[-PHONES_SHOWN:]:
        if phone := world.find(device.token):
            yield screen(phone, world.now)


def screen(phone: Phone, now: float) -> Screen:
    device = phone.device
    local = datetime.fromtimestamp(now).astimezone()
    name = app_name(device.app)
    digest = sha256(device.token.encode()).hexdigest()
    return Screen(
        f"phone-{digest[:12]}",
        f"/page/phones/{quote(device.token, safe='')}",
        device.token,
        device.name or ("iPhone" if device.platform is Platform.IOS else "Android phone"),
        device.project,
        name,
        name[:1].upper(),
        _HUES[sum(device.app.encode()) % len(_HUES)],
        device.platform is Platform.IOS,
        device.offline,
        device.registered,
        phone.waiting,
        f"{local:%H:%M}",
        f"{local:%A}, {local.day} {local:%B}",
        _grouped(phone, now),
        _opened(phone.tapped) if phone.tapped else None,
    )


def app_name(app: str) -> str:
    """`com.example.app` is "App"."""
    return app.rpartition(".")[2].replace("-", " ").replace("_", " ").capitalize() or "App"


def _grouped(phone: Phone, now: float) -> Sequence[Group]:
    """Newest first. An iPhone stacks what has one `threadId`, and what has none as the app's;
    Android bundles all of an app's, when they are many."""
    cards: dict[str, list[Card]] = {}
    on_ios = phone.device.platform is Platform.IOS
    bundled = not on_ios and len(phone.shown) >= ANDROID_GROUPS_FROM
    for number, shown in reversed(list(enumerate(phone.shown))):
        card = _card(phone, shown, number, now)
        thread = shown.message.thread_id or "the app's"
        key = thread if on_ios else "the app's" if bundled else card.key
        cards.setdefault(key, []).append(card)
    return [Group(key, of_key) for key, of_key in cards.items()]


def _card(phone: Phone, shown: Shown, number: int, now: float) -> Card:
    message, token = shown.message, quote(phone.device.token, safe="")
    return Card(
        f"{shown.ticket_id}-{shown.replaced}-{number}",
        shown.ticket_id,
        message.title or "",
        (message.subtitle or "") if phone.device.platform is Platform.IOS else "",
        message.body or "",
        ago(now - shown.shown_at),
        phone.device.buttons(message),
        _sound(message.sound),
        message.badge if isinstance(message.badge, int) else None,
        shown.blank,
        shown.replaced,
        f"/_sim/devices/{token}/displayed/{shown.ticket_id}.apns",
    )


def _sound(sound: object) -> str:
    if isinstance(sound, dict):
        return str(sound.get("name") or "default")
    return sound if isinstance(sound, str) else ""


def ago(seconds: float) -> str:
    """As lock screens say it."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes}m ago"
    if minutes < 24 * 60:
        return f"{minutes // 60}h ago"
    return f"{minutes // (24 * 60)}d ago"


def _opened(tapped: Tapped) -> Opened:
    data = msgspec.json.format(msgspec.json.encode(tapped.data), indent=2).decode()
    return Opened(tapped.shown.message.title or "", tapped.action or "", tapped.url or "", data)


def rows(world: World) -> Sequence[Row]:
    """The newest requests, newest first."""
    entries = world.requests
    first = max(0, len(entries) - REQUESTS_SHOWN)
    return [_row(entry, number) for number, entry in enumerate(entries[first:], first)][::-1]


def _row(logged: LoggedRequest, number: int) -> Row:
    value = telling.decoded(logged)
    if isinstance(value, str):
        body = value
    else:
        body = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    local = datetime.fromtimestamp(logged.at).astimezone()
    return Row(
        f"{logged.at}-{number}",
        f"{local:%H:%M:%S}",
        f"{logged.method} {logged.path.removeprefix('/--/api/v2/push/')}",
        _count(value),
        logged.status,
        logged.fault or "",
        body if len(body) <= LONGEST_BODY else body[:LONGEST_BODY] + "\n…",
    )


def _count(value: object) -> str:
    """How much a request asks for."""
    match value:
        case {"ids": list(ids)}:
            return f"{len(ids)} {'id' if len(ids) == 1 else 'ids'}"
        case {"to": _}:
            return "1 message"
        case list():
            return f"{len(value)} {'message' if len(value) == 1 else 'messages'}"
        case _:
            return ""
