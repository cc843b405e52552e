"""The magic tokens of expo-simulator.md section 2: devices that nobody had to make.

The brackets hold one of the words below, alone or followed by `-` and anything, as in
`ExponentPushToken[gone-7]`.
"""

import re
from typing import Final

import msgspec

from calbell.simulator.phones import Device, Fate, Platform

FIRST_PROJECT: Final = "@simulator/first"
"""The project of every device that names none."""

SECOND_PROJECT: Final = "@simulator/second"


def _first(platform: Platform, fate: Fate = Fate.DELIVERED, *, registered: bool = True) -> Device:
    return Device("", platform, FIRST_PROJECT, registered=registered, fate=fate)


_DEVICES: Final = {
    "ok": _first(Platform.IOS),
    "gone": _first(Platform.ANDROID, registered=False),
    "late-gone": _first(Platform.ANDROID, Fate.LATE_GONE),
    "toobig": _first(Platform.IOS, Fate.TOO_BIG),
    "rate": _first(Platform.IOS, Fate.RATE_EXCEEDED),
    "nofcm": _first(Platform.ANDROID, Fate.NO_KEY),
    "noapns": _first(Platform.IOS, Fate.NO_KEY),
    "badtoken": _first(Platform.IOS, Fate.BAD_TOKEN),
    "sender": _first(Platform.ANDROID, Fate.MISMATCH),
    "noreceipt": _first(Platform.IOS, Fate.NO_RECEIPT),
    "slowreceipt": _first(Platform.IOS, Fate.SLOW_RECEIPT),
    "proj2": Device("", Platform.IOS, SECOND_PROJECT),
}
_MAGIC: Final = re.compile(rf"Expo(?:nent)?PushToken\[(?P<word>{'|'.join(_DEVICES)})(?:-.*)?\]")


def conjured(token: str) -> Device | None:
    """The device of a magic token, as it is before anybody changes it."""
    found = _MAGIC.fullmatch(token)
    return msgspec.structs.replace(_DEVICES[found["word"]], token=token) if found else None
