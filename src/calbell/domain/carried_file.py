"""A carried file: its lines, how they are written, and how one that was cut or changed is known.

A file is a header, then one record a line, then a footer that counts the records and has the
SHA-256 of all lines before it. The lines are JSON; what is not known is left out.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from calbell.domain.booking import Booking
from calbell.domain.carried import TYPES, At, CarriedBooking, CarriedSource, Record, type_of

VERSION = 1
LONGEST_LINE = 16 << 20
"""Bytes; a booking is never so long, as webhooks are not."""

_LOOKS_LIKE_NUL = rb"\u0000"
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_LINE_END = b"\n"


class Header(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first line. With `user` it is what one person may see of himself, for him to read."""

    calbell: Literal["export"]
    version: int
    made_at: At
    user: int | None = None


class Footer(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="footer"
):
    """The last line: how many records of each type, and the SHA-256 of all bytes before it."""

    counts: dict[str, int]
    sha256: str


_encoder = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(Record | Footer)
_headers = msgspec.json.Decoder(Header)


class BrokenFile(Exception):
    """The file cannot be taken. The message is the whole reason, with the line's number."""


class Writing:
    """Makes the lines of a file, in its order: header, records, footer. `types` are what it may
    have; it counts also what there is none of."""

    def __init__(self, types: Iterable[str] = TYPES) -> None:
        self._hash = sha256()
        self.counts = dict.fromkeys(types, 0)

    def header(self, made_at: datetime, user: int | None = None) -> bytes:
        """The first line."""
        return self._said([Header(calbell="export", version=VERSION, made_at=made_at, user=user)])

    def lines(self, type_: str, records: Iterable[Struct]) -> bytes:
        """The lines of these records of one type."""
        listed = list(records)
        self.counts[type_] += len(listed)
        return self._said(listed)

    def footer(self) -> bytes:
        """The last line."""
        return self._said([Footer(counts=self.counts, sha256=self._hash.hexdigest())])

    def _said(self, records: Iterable[Struct]) -> bytes:
        said = _encoder.encode_lines(records)
        self._hash.update(said)
        return said


class Reading:
    """Reads the lines of a file, in its order. `highest` are the highest ids of each type so far,
    `counts` how many records, `number` the line that was read last."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._is_over = False
        self.number = 0
        self.counts = dict.fromkeys(TYPES, 0)
        self.highest: dict[str, int] = {}

    def line(self, line: bytes) -> Record | None:
        """The record of the next line; `None` for the header and the footer. `BrokenFile` where the
        line cannot stand there."""
        self.number += 1
        if self._is_over:
            raise self._broken("there is more after the footer")
        if len(line) > LONGEST_LINE:
            raise self._broken(f"it is longer than {LONGEST_LINE >> 20} MiB")
        if not line.endswith(_LINE_END):
            raise self._broken("it is cut off in the middle")
        if _LOOKS_LIKE_NUL in line and _NUL.search(line):
            raise self._broken("it holds a NUL character, which no database keeps")
        if self.number == 1:
            self._begin(line)
            return None
        try:
            said: Record | Footer = _lines.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._broken(_plain(error)) from None
        if isinstance(said, Footer):
            self._end(said)
            return None
        if isinstance(said, CarriedBooking) and not _is_aware(said.booking):
            raise self._broken("a time without its offset from UTC")
        self._hash.update(line)
        type_ = type_of(said)
        self.counts[type_] += 1
        id_ = None if isinstance(said, CarriedSource | CarriedBooking) else said.id
        if id_ is not None and id_ > self.highest.get(type_, 0):
            self.highest[type_] = id_
        return said

    def end(self) -> None:
        """There are no more lines; `BrokenFile` where there should be."""
        if self.number == 0:
            raise BrokenFile("line 1: there is nothing in it")
        if not self._is_over:
            raise BrokenFile(
                f"line {self.number + 1}: the file ends without its footer: it was cut"
            )

    def _begin(self, line: bytes) -> None:
        try:
            header = _headers.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._broken("it is not the header of a Calbell export") from None
        if header.version != VERSION:
            raise self._broken(
                f"the file is of version {header.version}, this Calbell reads version {VERSION}"
            )
        if header.user is not None:
            raise self._broken(
                f"this is what user {header.user} may see of himself, made by export --user: it is "
                "there to be read and cannot be imported"
            )
        self._hash.update(line)

    def _end(self, footer: Footer) -> None:
        if footer.sha256 != self._hash.hexdigest():
            raise self._broken("the SHA-256 is not that of the lines before: the file was changed")
        if footer.counts != self.counts:
            raise self._broken("the counts are not those of the lines before")
        self._is_over = True

    def _broken(self, why: str) -> BrokenFile:
        return BrokenFile(f"line {self.number}: {why}")


def _is_aware(booking: Booking) -> bool:
    times = booking.times
    ends = () if times is None else (times.start_at, times.end_at)
    return all(at.tzinfo is not None for at in (*ends, *booking.observed.values()))


def _plain(error: Exception) -> str:
    """What is wrong with a line, in one sentence that does not repeat what stands in it."""
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    return "it is not JSON"
