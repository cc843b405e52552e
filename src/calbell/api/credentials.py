"""Credentials: who is asking. A credential that is not good is always 401."""

import asyncio
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from calbell import telemetry
from calbell.api.answers import Problem, forbidden, unauthorized
from calbell.api.endpoint import Call
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

NOTHING_SENT = unauthorized(
    "ApiAuthStrategy - No authentication method provided. Either pass an API key as 'Bearer' "
    "header or OAuth client credentials as 'x-cal-secret-key' and 'x-cal-client-id' headers"
)
UNKNOWN_KEY = unauthorized("CustomThrottlerGuard - Invalid API Key")
EXPIRED_KEY = unauthorized("ApiAuthStrategy - api key - Your api key is expired")
NO_USERS_KEY = unauthorized("ApiAuthStrategy - api key - No user tied to this apiKey")
UNKNOWN_TOKEN = unauthorized("Invalid Access Token.")
NO_OPERATOR_TOKEN = unauthorized("An operator's token is needed.")
NO_OPERATOR = forbidden(
    "No operator's token is configured here: set CALBELL_ADMIN_TOKEN or create an operator's key."
)


class Caller(Struct, frozen=True):
    """The user who asks."""

    user_id: int


class Operator(Struct, frozen=True):
    """An operator who may do what was asked."""


class Credentials:
    """Tells callers by the keys in the database and by the operator's token."""

    def __init__(self, database: Database, clock: Clock, admin_token: str | None) -> None:
        self._database = database
        self._clock = clock
        self._admin_token = admin_token
        self._remembered: dict[str, tuple[FoundKey, datetime]] = {}
        self._noting = set[asyncio.Task[None]]()
        self._touch = Lists[int, None](
            database,
            lambda connection, ids: keys.touch_many(connection, ids, clock()),
            keys=lambda id_: (id_,),
            size=MOST_REMEMBERED,
        )

    async def user(self, call: Call) -> Caller | Problem:
        """The user whose key was sent, or why there is none (cal-api.md section 3)."""
        sent = _sent(call)
        if not sent:
            return NOTHING_SENT
        if not sent.startswith(KEY_PREFIX):
            return UNKNOWN_TOKEN
        key = await self._find(sent)
        if key is None or key.is_revoked:
            return UNKNOWN_KEY
        if self._is_expired(key):
            return EXPIRED_KEY
        return NO_USERS_KEY if key.user_id is None else Caller(key.user_id)

    async def operator(self, call: Call, roles: Sequence[str]) -> Operator | Problem:
        """Whether the caller holds the operator's token, or a good key of one of these roles."""
        sent = _sent(call)
        if self._admin_token is not None and _is_same(sent, self._admin_token):
            return Operator()
        if sent.startswith(KEY_PREFIX):
            key = await self._find(sent)
            if key is not None and key.role in roles and self._is_good(key):
                return Operator()
        is_closed = self._admin_token is None and not sent.startswith(KEY_PREFIX)
        return NO_OPERATOR if is_closed else NO_OPERATOR_TOKEN

    def _note_use(self, key_id: int) -> None:
        """That the key was used is kept soon; nobody waits for it."""
        task = asyncio.create_task(self._touch(key_id))
        self._noting.add(task)
        task.add_done_callback(self._noted)

    def _noted(self, task: asyncio.Task[None]) -> None:
        self._noting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("key_use_not_noted", **telemetry.described(error))

    def _is_good(self, key: FoundKey) -> bool:
        return not key.is_revoked and not self._is_expired(key)

    def _is_expired(self, key: FoundKey) -> bool:
        return key.expires_on is not None and self._clock().date() > key.expires_on

    async def _find(self, sent: str) -> FoundKey | None:
        hash_, now = key_hash(sent), self._clock()
        if (remembered := self._remembered.get(hash_)) is not None and now < remembered[1]:
            return remembered[0]
        key = await self._database.read(keys.find, hash_)
        if key is None:
            self._remembered.pop(hash_, None)
            return None
        if key.last_used_at is None or now - key.last_used_at > NOTED_EVERY:
            self._note_use(key.id)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[hash_] = (key, now + REMEMBERED_FOR)
        return key


def _is_same(sent: str, secret: str) -> bool:
    return hmac.compare_digest(sent.encode(), secret.encode())


def _sent(call: Call) -> str:
    """The first literal `Bearer ` is removed; nothing else is trimmed or folded."""
    return (call.header(b"authorization") or "").replace("Bearer ", "", 1)
