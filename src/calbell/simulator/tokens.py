"""Push tokens: minting them, and telling the well-formed ones."""

import re
from random import Random
from string import ascii_letters, digits
from typing import Final

UUID_PATTERN: Final = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

_WELL_FORMED: Final = re.compile(
    rf"Expo(?:nent)?PushToken\[(?:[A-Za-z0-9_-]{{22}}|{UUID_PATTERN})\]|{UUID_PATTERN}"
)
_ALPHABET: Final = ascii_letters + digits + "_-"


def mint(random: Random) -> str:
    return f"ExponentPushToken[{''.join(random.choices(_ALPHABET, k=22))}]"


def is_well_formed(token: str) -> bool:
    """Whether Expo could have minted it (S12 against S13)."""
    return _WELL_FORMED.fullmatch(token) is not None
