"""The log of a SQLite file (`-wal`): it stays short although somebody is always reading.

SQLite begins the log anew when everything in it was copied and nobody reads from it. Two readers
whose short transactions overlap all the time are enough that this never happens, and the log grows
for as long as they do: 250 MB in eight seconds, measured. So when it is longer than it should be,
a writer that has committed waits for the readers of that moment, who hold nobody up who comes
later. One reader who takes long is not waited for: the log grows until he is done, and is cut then.
"""

import os
import sqlite3
from contextlib import suppress

CHECKPOINT_PAGES = 4000
"""16 MB of log before it is copied into the file: with SQLite's 1,000 pages that is every few
commits under load."""

LONGEST_LOG = 32_000_000
"""Bytes. A log that was longer is cut to this when it begins anew."""

PATIENCE_MS = 50
"""How long a writer waits for readers."""

AGAIN_AFTER = 16_000_000
"""How many bytes later it waits again, after it did so in vain."""


class Log:
    """The log of the file that a connection writes to."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._raw = connection
        self._path = f"{path}-wal"
        self._allowed = LONGEST_LOG

    def keep_short(self) -> None:
        """The next write begins the log anew if it is too long, unless somebody reads for longer
        than a writer should wait. Between transactions only."""
        try:
            size = os.stat(self._path).st_size
        except OSError:
            return
        if size <= self._allowed:
            return
        # What was committed is committed, whatever becomes of this.
        with suppress(sqlite3.Error):
            ((usual,),) = self._raw.execute("pragma busy_timeout")
            self._raw.execute(f"pragma busy_timeout = {PATIENCE_MS}")
            try:
                ((is_busy, _, _),) = self._raw.execute("pragma wal_checkpoint(restart)")
            finally:
                self._raw.execute(f"pragma busy_timeout = {usual}")
            self._allowed = size + AGAIN_AFTER if is_busy else LONGEST_LOG
