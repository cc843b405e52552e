"""The file of a SQLite database: whether it is whole, and whether it is still the same one."""

import os
from pathlib import Path

from msgspec import Struct

from calbell.store.connection import StoreDamaged, StoreUnavailable

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
REMEDY = (
    "restore your backup, or save what is left: "
    "sqlite3 {path} .recover | sqlite3 saved.db, then put saved.db in its place"
)

LOST = "the database file was removed or replaced"


class FileId(Struct, frozen=True):
    """Which file a path leads to."""

    device: int
    number: int


def file_id(path: str) -> FileId | None:
    """The file that the path leads to now; `None` if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return FileId(found.st_dev, found.st_ino)


def lost(path: str) -> StoreUnavailable:
    """What to say when `path` leads to another file than the one that is open, or to none: what is
    written would be seen by nobody."""
    return StoreUnavailable(
        f"{Path(path).absolute()} was removed or replaced while it was served: stop Calbell, put "
        "the right files there, and start it again",
        LOST,
    )


def damaged(path: str, what: str) -> StoreDamaged:
    """What to say of a file that is not a whole database, and what to do about it."""
    where = Path(path).absolute()
    return StoreDamaged(
        f"{where} is damaged: {what}; {REMEDY.format(path=where)}", "the database file is damaged"
    )


def require_whole(path: str) -> None:
    """The file is none, empty, or at least as long as its header says; else `StoreDamaged`.

    That costs one read however large it is. To be called before this process has a connection to
    it: closing the file ends SQLite's locks on it.
    """
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return
    except OSError as error:
        where = Path(path).absolute()
        raise StoreUnavailable(f"cannot read {where}: {error.strerror}") from error
    if not header:
        return
    if not header.startswith(_MAGIC) or len(header) < _HEADER:
        raise damaged(path, "it is no SQLite database")
    # The count of pages holds if the header was written by a program that keeps it.
    page = int.from_bytes(header[16:18], "big")
    page = 65536 if page == 1 else page
    pages = int.from_bytes(header[28:32], "big")
    if header[24:28] == header[92:96] and size < page * pages and not _has_log(path):
        raise damaged(path, f"{page * pages - size} bytes are missing at its end")


def _has_log(path: str) -> bool:
    """Whether there is a write-ahead log that may hold what the file lacks."""
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except FileNotFoundError:
        return False
