"""The lock of a SQLite file: one process serves it at a time."""

import fcntl
from pathlib import Path
from typing import IO

from calbell.store.connection import StoreUnavailable


class ServingLock:
    """Held by the process that serves a database file, and gone when that process is."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def release(self) -> None:
        """Another process may serve the file."""
        self._file.close()


def hold(path: str) -> ServingLock:
    """The lock of the database file `path`; `StoreUnavailable` while another process holds it."""
    try:
        file = Path(f"{path}-lock").open("w", encoding="ascii")  # noqa: SIM115, held while serving
    except OSError as error:
        where = Path(path).absolute()
        raise StoreUnavailable(f"cannot write beside {where}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StoreUnavailable(f"another process serves {path}: stop it first") from None
    return ServingLock(file)
