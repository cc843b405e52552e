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

_DEVICES: Final = {
    "ok": Device("", Platform.IOS, FIRST_PROJECT),
    "gone": Device("", Platform.ANDROID, FIRST_PROJECT, registered=False),
    "late-gone": Device("", Platform.ANDROID, FIRST_PROJECT, fate=Fate.LATE_GONE),
    "proj2": Device("", Platform.IOS, SECOND_PROJECT),
}
_MAGIC: Final = re.compile(rf"Expo(?:nent)?PushToken\[(?P<word>{'|'.join(_DEVICES)})(?:-.*)?\]")


def conjured(token: str) -> Device | None:
    """The device of a magic token, as it is before anybody changes it."""
    found = _MAGIC.fullmatch(token)
    return msgspec.structs.replace(_DEVICES[found["word"]], token=token) if found else None
