"""Identify: whose a token of Cal.com is, asked of the Cal.com instance and remembered briefly."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol, TypeAlias

import structlog
from msgspec import Struct

from calbell.calcom.me import Asked, CalcomUser, CannotTell, NotGood, TokenExpired
from calbell.domain.plan import Rules
from calbell.flows.breaker import Breaker
from calbell.flows.surroundings import Clock
from calbell.flows.welcome import keep_user
from calbell.store import users
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.users import Profile

log = structlog.get_logger()

GOOD_FOR = timedelta(seconds=60)
"""How long a good answer is believed: a token that Cal.com revoked still opens the door for so
long, in each process."""

REFUSED_FOR = timedelta(seconds=10)
"""How long it is believed that a token is not good, or that Cal.com does not tell of it."""

MOST_REMEMBERED = 20_000
LONGEST_TOKEN = 8_192
"""Longer ones are not asked for: no server takes them."""


class CalcomUsers(Protocol):
    """Where tokens are asked for."""

    async def me(self, authorization: str) -> Asked:
        """Who the sender of this `Authorization` header is."""


class Identified(Struct, frozen=True):
    """The token is good. Whoever may not register here is not kept as a user."""

    user: CalcomUser
    may_register: bool


class NotAsked(Struct, frozen=True):
    """Nobody knows the token, and it was not to be asked for."""


Identity: TypeAlias = Identified | NotGood | TokenExpired | CannotTell | NotAsked

Admission: TypeAlias = Callable[[CalcomUser, bool], bool]
"""Whether a user may register here; the second argument says whether he is known already."""


class Identify:
    """Puts tokens to Cal.com: each only once at a time, and not again while the answer is fresh.

    Tokens are kept as hashes. While the instance is down, nobody waits for it.
    """

    def __init__(
        self,
        calcom: CalcomUsers,
        database: Database,
        clock: Clock,
        steady: Clock,
        admission: Admission,
        rules: Rules,
    ) -> None:
        self._calcom = calcom
        self._database = database
        self._clock = clock
        self._steady = steady
        self._admission = admission
        self._rules = rules
        self._breaker = Breaker()
        self._remembered: dict[bytes, tuple[Identity, datetime]] = {}
        self._asking: dict[bytes, asyncio.Task[Identity]] = {}

    async def whose(self, authorization: str, *, may_ask: bool) -> Identity:
        """Whose the token is. A user who may register is kept as Cal.com describes him.

        `authorization` is the header's value; `may_ask` lets Cal.com be asked where nothing is
        remembered.
        """
        hash_ = _hash(authorization)
        if (known := self._remembered.get(hash_)) is not None and self._steady() < known[1]:
            return known[0]
        if not _could_be_a_token(authorization):
            return NotGood()
        if not may_ask:
            return NotAsked()
        task = self._asking.get(hash_)
        if task is None:
            task = asyncio.create_task(self._ask(authorization, hash_))
            self._asking[hash_] = task
            task.add_done_callback(lambda done: self._answered(hash_, done))
        # A caller who leaves takes nothing from the others who wait for the same answer.
        return await asyncio.shield(task)

    def _answered(self, hash_: bytes, task: asyncio.Task[Identity]) -> None:
        del self._asking[hash_]
        if not task.cancelled():
            task.exception()  # whoever still waits for it is told; perhaps nobody does

    async def _ask(self, authorization: str, hash_: bytes) -> Identity:
        if not self._breaker.lets_pass(self._steady()):
            return CannotTell("it does not answer")
        asked = await self._calcom.me(authorization)
        if isinstance(asked, CannotTell):
            if asked.is_down:
                self._breaker.failed()
            else:
                self._remember(hash_, asked, REFUSED_FOR)
            log.warning("calcom_cannot_tell", reason=asked.reason, paused=self._breaker.is_open)
            return asked
        self._breaker.succeeded()
        if isinstance(asked, CalcomUser):
            identity: Identity = await self._admitted(asked)
            self._remember(hash_, identity, GOOD_FOR)
            return identity
        self._remember(hash_, asked, REFUSED_FOR)
        return asked

    async def _admitted(self, user: CalcomUser) -> Identified:
        known = await self._database.read(users.find, user.id)
        if not self._admission(user, known is not None):
            return Identified(user, may_register=False)
        if known is None or refreshed(known, user, self._clock()) != known:
            await self._database.run(keep, user, self._rules, self._clock())
        return Identified(user, may_register=True)

    def _remember(self, hash_: bytes, identity: Identity, span: timedelta) -> None:
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[hash_] = (identity, self._steady() + span)


def keep(connection: Connection, user: CalcomUser, rules: Rules, now: datetime) -> None:
    """One unit of work: the user is known here as Cal.com describes him."""
    keep_user(connection, refreshed(users.find(connection, user.id), user, now), rules, now)


def refreshed(known: Profile | None, user: CalcomUser, now: datetime) -> Profile:
    """The profile with what Cal.com says of the user, who has one primary address there.

    Further addresses are the operator's word and stay; so does a primary one that Cal.com does not
    know, as a further one, unless it came from Cal.com and is outdated now.
    """
    addresses = known.addresses if known is not None else ()
    if known is not None and known.source == users.FROM_CALCOM:
        addresses = addresses[1:]
    return Profile(
        id=user.id,
        name=user.name or "",
        username=user.username,
        time_zone=user.time_zone,
        locale=user.locale,
        time_format=user.time_format,
        organization_id=user.organization_id,
        source=known.source if known is not None else users.FROM_CALCOM,
        addresses=tuple(dict.fromkeys((user.email, *addresses))),
        created_at=known.created_at if known is not None else now,
    )


def _hash(authorization: str) -> bytes:
    return sha256(authorization.encode("latin-1", "replace")).digest()


def _could_be_a_token(authorization: str) -> bool:
    return len(authorization) <= LONGEST_TOKEN and authorization.isascii()
