"""Own webhooks: a user who registers for the first time gets a webhook of his own at Cal.com."""

import asyncio
from collections.abc import Callable

import structlog

from calbell import telemetry
from calbell.calcom.registered import Refusal, Scope, ScopeKind
from calbell.flows.connect import Connect, Wanted
from calbell.store import users
from calbell.store.database import Database

log = structlog.get_logger()

MOST_REMEMBERED = 100_000
MOST_AT_ONCE = 4
MOST_WAITING = 1_000

Registered = Callable[[int, str], None]
"""Told that a user has registered, and with which `Authorization` header."""


class OwnWebhooks:
    """Uses a user's token once, after he was answered, to make his webhook.

    A token that may not is not tried again by this process: `events` stays `none`. Where Cal.com
    did not answer, his next registration, which apps repeat at every start, tries again.
    """

    def __init__(self, connect: Connect, database: Database, public_url: str) -> None:
        self._connect = connect
        self._database = database
        self._public_url = public_url
        self._settled: set[int] = set()
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)

    def registered(self, user_id: int, authorization: str) -> None:
        """The user's webhook is looked after in the background."""
        if user_id in self._settled or user_id in self._busy or len(self._busy) >= MOST_WAITING:
            return
        task = asyncio.create_task(self._look_after(user_id, authorization), name="own_webhook")
        self._busy[user_id] = task
        task.add_done_callback(lambda _: self._busy.pop(user_id, None))

    async def stop(self) -> None:
        """Nothing is under way any more; what was is done by a later registration."""
        tasks = tuple(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_after(self, user_id: int, authorization: str) -> None:
        try:
            async with self._slots:
                if not await self._database.read(users.has_own_webhook, user_id):
                    wanted = Wanted(Scope(ScopeKind.USER), self._public_url, user_id)
                    outcome = await self._connect.connect(wanted, authorization)
                    if isinstance(outcome, Refusal):
                        log.warning("user_not_connected", user=user_id, reason=outcome.reason)
                        if not outcome.is_final:
                            return
                    else:
                        log.info("user_connected", user=user_id, webhook=outcome.what)
        except Exception as error:
            log.error("user_not_connected", user=user_id, **telemetry.described(error))
            return
        if len(self._settled) >= MOST_REMEMBERED:
            self._settled.clear()
        self._settled.add(user_id)
