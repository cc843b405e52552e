"""The reader: who reads a push, and in which way."""

from msgspec import Struct

from calbell.domain.people import Role


class Reader(Struct, frozen=True):
    """Who reads: his role, IANA time zone, locale and 12- or 24-hour habit."""

    role: Role
    time_zone: str
    locale: str
    time_format: int
