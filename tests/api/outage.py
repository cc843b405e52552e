"""An outage: a desk whose database cannot be asked for a while."""

from typing import Any

import pytest

from calbell.store.connection import StoreUnavailable
from calbell.store.database import InlineDatabase


class Down:
    """Stands before a desk's database; while `is_down` nothing can be asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_down = False
        self.reads = 0
        run, read = InlineDatabase.run, InlineDatabase.read

        async def fallible_run(database: InlineDatabase, *args: Any, **kwargs: Any) -> Any:
            self.check()
            return await run(database, *args, **kwargs)

        async def fallible_read(database: InlineDatabase, *args: Any, **kwargs: Any) -> Any:
            self.reads += 1
            self.check()
            return await read(database, *args, **kwargs)

        monkeypatch.setattr(InlineDatabase, "run", fallible_run)
        monkeypatch.setattr(InlineDatabase, "read", fallible_read)

    def check(self) -> None:
        if self.is_down:
            raise StoreUnavailable("it is down")
