"""Spool: a folder in which signed webhooks wait while the database cannot take them."""

import asyncio
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from msgspec import Struct

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAME = re.compile(r"(\d{17})-(\d{1,19})-([0-9a-f]{64})\.webhook")
_LEFT_AFTER = timedelta(hours=1)


class Spooled(Struct, frozen=True, order=True):
    """A webhook that waits: when it came, the source that it came from (none: 0), and the hash of
    its bytes. The order is that of arrival. This is its file's name; the file holds its bytes."""

    microseconds: int
    source: int
    body_hash: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.microseconds:017d}-{self.source}-{self.body_hash}.webhook"

    @property
    def received_at(self) -> datetime:
        """When it came."""
        return _EPOCH + self.microseconds * _MICROSECOND

    @property
    def source_id(self) -> int | None:
        """The source that it came from, where it is one."""
        return self.source or None


class Spool:
    """Keeps webhooks in files, durably. Whatever a crash leaves is a whole file under its name, or
    one under another name that nobody was told of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, now: datetime) -> None:
        """The folder can be written, and is free of what crashes left; else an `OSError`."""
        before = (now - _LEFT_AFTER).timestamp()
        for left in self._folder.glob(".*.tmp"):
            with suppress(FileNotFoundError):
                # Another process may be writing one of these.
                if left.stat().st_mtime < before:
                    left.unlink()
        descriptor, trial = mkstemp(prefix=".", suffix=".tmp", dir=self._folder)
        os.close(descriptor)
        os.unlink(trial)
        self._sync()

    async def keep(self, body: bytes, received_at: datetime, source_id: int | None) -> None:
        """The webhook is on disk, readable for this user alone; else an `OSError`."""
        at = (received_at - _EPOCH) // _MICROSECOND
        spooled = Spooled(at, source_id or 0, sha256(body).hexdigest())
        await asyncio.to_thread(self._write, spooled.name, body)

    async def waiting(self) -> list[Spooled]:
        """All that waits, in the order in which it came."""
        return await asyncio.to_thread(self._list)

    async def read(self, spooled: Spooled) -> bytes | None:
        """Its bytes, `None` if another process was faster. What is not what was written is laid
        aside under another name, and `Damaged` says so."""
        return await asyncio.to_thread(self._read, spooled)

    async def remove(self, done: Iterable[Spooled]) -> None:
        """These wait no more."""
        await asyncio.to_thread(self._unlink, [spooled.name for spooled in done])

    def _write(self, name: str, body: bytes) -> None:
        descriptor, temporary = mkstemp(prefix=".", suffix=".tmp", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._folder / name)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        self._sync()

    def _list(self) -> list[Spooled]:
        found = (_NAME.fullmatch(name) for name in os.listdir(self._folder))
        return sorted(Spooled(int(m[1]), int(m[2]), m[3]) for m in found if m is not None)

    def _read(self, spooled: Spooled) -> bytes | None:
        path = self._folder / spooled.name
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            return None
        if sha256(body).hexdigest() != spooled.body_hash:
            os.replace(path, path.with_suffix(".damaged"))
            raise Damaged
        return body

    def _unlink(self, names: Iterable[str]) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)
        self._sync()

    def _sync(self) -> None:
        """What was made, renamed and removed in the folder outlives a power cut."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Damaged(Exception):
    """A file of the spool does not hold what was written; it is laid aside with the ending
    `.damaged`."""
