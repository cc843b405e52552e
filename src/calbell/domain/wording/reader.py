"""The reader: who reads a push, and in which way."""

from msgspec import Struct

from calbell.domain.people import Role
from calbell.domain.privacy import Privacy


class Reader(Struct, frozen=True):
    """Who reads: his role, IANA time zone, locale and 12- or 24-hour habit, and how much may be
    said where others can read it too."""

    role: Role
    time_zone: str
    locale: str
    time_format: int
    privacy: Privacy = Privacy.FULL
