"""Bring: rows of another system's table of push tokens, as records that can be carried in."""

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from io import TextIOWrapper
from itertools import islice
from typing import BinaryIO

from calbell.domain.brought import Brought, WrongHeader, columns_of, read_row
from calbell.domain.carried import CarriedUser
from calbell.domain.carried_file import BrokenFile
from calbell.flows.carry_in import AT_ONCE, CarryIn

_DEVICE = "device"
_LONGEST_CELL = 1 << 20

Progress = Callable[[int], None]


def check(file: BinaryIO, progress: Progress) -> None:
    """The file is a table that can be read to its end, with the columns that are needed, or else
    `BrokenFile`."""
    for _ in _rows(file, progress):
        pass


def bring(
    file: BinaryIO, carry: CarryIn, file_at: datetime, now: datetime, progress: Progress
) -> None:
    """All rows were met: devices, and users who are not known but have an address in their row. A
    row that cannot be taken is refused alone."""
    rows = _rows(file, progress)
    columns = columns_of(next(rows)[1])
    read = ((line, read_row(columns, row, file_at, now)) for line, row in rows)
    while page := list(islice(read, AT_ONCE)):
        good = list[tuple[int, Brought]]()
        for line, brought in page:
            if isinstance(brought, str):
                carry.refuse(line, _DEVICE, brought)
            else:
                good.append((line, brought))
        known = carry.known_user_ids(one.device.user_id for _, one in good)
        users: dict[int, tuple[int, CarriedUser]] = {}
        for line, one in good:
            if one.user is not None and one.user.id not in known:
                users.setdefault(one.user.id, (line, one.user))
        carry.take(users.values())
        carry.take((line, one.device) for line, one in good)


def _rows(file: BinaryIO, progress: Progress) -> Iterator[tuple[int, list[str]]]:
    """The rows with the numbers of their lines, the header first; empty ones are passed over."""
    file.seek(0)
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
    told = 0
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise BrokenFile("line 1: there is nothing in it")
        columns_of(header)
        yield 1, header
        for row in reader:
            if row:
                yield reader.line_num, row
            at = file.tell()
            progress(at - told)
            told = at
    except WrongHeader as error:
        raise BrokenFile(f"line 1: {error}") from None
    except UnicodeDecodeError:
        raise BrokenFile(f"line {reader.line_num + 1}, or soon after it: it is not UTF-8") from None
    except csv.Error as error:
        raise BrokenFile(f"line {reader.line_num}: {error}") from None
    finally:
        text.detach()
