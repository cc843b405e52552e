"""The key ring: API keys as they are sent, found by their hashes."""

import asyncio
from datetime import datetime, timedelta

import structlog

from calbell import telemetry
from calbell.flows.grant import KEY_PREFIX, key_hash
from calbell.flows.surroundings import Clock
from calbell.store import keys
from calbell.store.database import Database
from calbell.store.keys import FoundKey
from calbell.store.lists import Lists

log = structlog.get_logger()

REMEMBERED_FOR = timedelta(seconds=5)
"""How long a good key is believed without asking the database: a revoked key may still open the
door for so long, in each process."""

MOST_REMEMBERED = 20_000
NOTED_EVERY = timedelta(minutes=1)


class KeyRing:
    """Finds keys by what was sent. Those that there are, are remembered for a few seconds."""

    def __init__(self, database: Database, clock: Clock, steady: Clock) -> None:
        self._database = database
        self._clock = clock
        self._steady = steady
        self._remembered: dict[str, tuple[FoundKey, datetime]] = {}
        self._noting = set[asyncio.Task[None]]()
        self._touch = Lists[int, None](
            database,
            lambda connection, ids: keys.touch_many(connection, ids, clock()),
            keys=lambda id_: (id_,),
            size=MOST_REMEMBERED,
        )

    def at_hand(self, sent: str) -> FoundKey | None:
        """The key that was sent, if it was found a moment ago."""
        if not sent.startswith(KEY_PREFIX):
            return None
        found = self._remembered.get(key_hash(sent))
        return found[0] if found is not None and self._steady() < found[1] else None

    async def find(self, sent: str) -> FoundKey | None:
        """The key that was sent, revoked and expired ones too."""
        if (remembered := self.at_hand(sent)) is not None:
            return remembered
        hash_, now = key_hash(sent), self._clock()
        key = await self._database.read(keys.find, hash_)
        if key is None:
            self._remembered.pop(hash_, None)
            return None
        if key.last_used_at is None or now - key.last_used_at > NOTED_EVERY:
            self._note_use(key.id)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[hash_] = (key, self._steady() + REMEMBERED_FOR)
        return key

    def is_expired(self, key: FoundKey) -> bool:
        """Whether the key's last day is over."""
        return key.expires_on is not None and self._clock().date() > key.expires_on

    def is_good(self, key: FoundKey) -> bool:
        """Whether the key opens anything."""
        return not key.is_revoked and not self.is_expired(key)

    def _note_use(self, key_id: int) -> None:
        """That the key was used is kept soon; nobody waits for it."""
        task = asyncio.create_task(self._touch(key_id))
        self._noting.add(task)
        task.add_done_callback(self._noted)

    def _noted(self, task: asyncio.Task[None]) -> None:
        self._noting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("key_use_not_noted", **telemetry.described(error))

    async def knows_operators(self) -> bool:
        """Whether any operator has a key."""
        return await self._database.read(keys.has_operators)
