"""Copies of a SQLite file, made while others read and write it."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from glob import escape
from pathlib import Path
from tempfile import mkstemp
from urllib.parse import quote

from msgspec import Struct

from calbell.store.connection import StoreUnavailable
from calbell.store.statements import load
from calbell.store.times import to_ms

_SQL = load("copies")

BUSY_SECONDS = 5.0
PAGES_A_STEP = 1000
_UNFINISHED = ".part"

Progress = Callable[[int, int], None]
"""Is told how many pages are copied, and how many there are."""


class FileCopy(Struct, frozen=True):
    """A copy that is there: whole, checked, on disk."""

    path: Path
    made_at: datetime
    size: int


def copy(
    source: Path,
    target: Path,
    clock: Callable[[], datetime],
    progress: Progress = lambda done, pages: None,
    *,
    replace: bool = False,
) -> FileCopy:
    """`target` is a copy of the database `source` as it stood at one moment, which the copy knows,
    and its owner's alone.

    `FileExistsError` where something is there already, unless it is to be replaced.
    `StoreUnavailable` where no copy can be made; what was there before is then untouched.
    """
    if not source.is_file():
        raise StoreUnavailable(f"there is no database {source}")
    if target.exists() and not replace:
        raise FileExistsError(target)
    with _saying(f"cannot copy {source} to {target}"):
        _clear_left_beside(target)
        with _beside(target) as temporary:
            made_at = _copy_pages(source, temporary, clock, progress)
            _finish(temporary, made_at)
            size = temporary.stat().st_size
            temporary.replace(target)
            _sync(target.parent)
    return FileCopy(target, made_at, size)


def free_name(path: Path) -> Path:
    """The path, or with a number behind it if something has that name."""
    names = (path if n == 1 else path.with_name(f"{path.name}-{n}") for n in range(1, 10_000))
    return next(name for name in names if not name.exists())


def _copy_pages(
    source: Path, temporary: Path, clock: Callable[[], datetime], progress: Progress
) -> datetime:
    """The copy has every page of the source, as of the moment that is returned.

    All steps read in one transaction. Without it SQLite begins anew whenever another process has
    written between two steps: under load that never ends. The transaction blocks nobody, but the
    log grows until it is over. `vacuum into`, the other way that needs one transaction, takes as
    long, and cannot tell how far it is.
    """
    where = f"file:{quote(str(source.absolute()))}?mode=rw"
    with (
        closing(
            sqlite3.connect(where, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        ) as reading,
        closing(sqlite3.connect(temporary, isolation_level=None)) as writing,
    ):
        # The temporary file is thrown away if anything happens, and synced when it is done.
        writing.execute("pragma journal_mode = off")
        writing.execute("pragma synchronous = off")
        reading.execute("begin")
        reading.execute("select 1 from sqlite_master").fetchall()
        made_at = clock()
        reading.backup(
            writing,
            pages=PAGES_A_STEP,
            progress=lambda _, left, pages: progress(pages - left, pages),
        )
    return made_at


def _finish(temporary: Path, made_at: datetime) -> None:
    """The copy is sound and on disk, needs no other file, and knows when it was made, if it has the
    table for it."""
    with closing(sqlite3.connect(temporary, isolation_level=None)) as copied:
        copied.execute("pragma journal_mode = delete")
        if copied.execute(_SQL["has_copies"].sqlite).fetchone():
            copied.execute(_SQL["note_copy"].sqlite, (to_ms(made_at),))
        (found,) = copied.execute("pragma quick_check(1)").fetchone()
    if found != "ok":
        raise StoreUnavailable(f"the copy is damaged, and so is perhaps the database: {found}")
    _sync(temporary)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A new, empty file in the same folder, its owner's alone, locked while it is made, and gone
    after the block, unless it is the target by then."""
    handle, name = mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=_UNFINISHED)
    temporary = Path(name)
    try:
        with suppress(OSError):
            flock(handle, LOCK_EX)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


def _clear_left_beside(target: Path) -> None:
    """What is left of copies to the target that were killed in the middle is gone: nobody has a
    lock on it."""
    for left in target.parent.glob(f".{escape(target.name)}.*{_UNFINISHED}"):
        with suppress(OSError), left.open("rb") as file:
            flock(file, LOCK_EX | LOCK_NB)
            left.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _saying(what: str) -> Iterator[None]:
    """Whatever is in the way is said in one line."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"{what}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{what}: {error}") from error
