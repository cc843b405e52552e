"""A storm: programs die while bookings and registrations come in, and a ledger is kept of it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from calbell.store.upkeep import counts
from tests.acceptance.programs import until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, with_unit
from tests.crash.conftest import SlowExpo
from tests.crash.ledger import Ledger, attempts_kept, deliveries_kept, screens
from tests.crash.lives import Service, Slot
from tests.crash.traffic import Phone, Traffic

SECRET = "webhook-secret-for-tests"
USERS = NEWCOMERS = 5
SETTLED_WITHIN_SECONDS = 60.0


class Storm:
    """A service around a database, the bookings and registrations that come in, and the Expo that
    it sends to. `run` it once, then `settle` it."""

    def __init__(self, database: Database, expo: SlowExpo, chance: Random, *, phones: int) -> None:
        assert database.run("migrate").code == 0
        database.private.add(SECRET)
        users = [database.user() for _ in range(USERS)]
        newcomers = [database.user() for _ in range(NEWCOMERS)]
        theirs = {user: [_phone(expo, n) for n in range(1 + user.id % 2)] for user in users}
        others = [_phone(expo, n) for n in range(phones)]
        variables = {
            "CALBELL_DATABASE_URL": database.url,
            "CALBELL_EXPO_BASE_URL": expo.url,
            "CALBELL_WEBHOOK_SECRETS": SECRET,
            "CALBELL_RATE_LIMIT_API_KEY": "0",
            "CALBELL_RECEIPT_DELAY_SECONDS": "0.1",
            "CALBELL_RETRY_BASE_SECONDS": "0.1",
            "CALBELL_EXPO_RATE_LIMIT": "0",
            "CALBELL_EXPO_TIMEOUT_SECONDS": "1",
            "CALBELL_LEASE_SECONDS": "2",
        }
        private = {*database.private, *expo.tokens}
        self.service = Service(database.folder, variables, private)
        self.traffic = Traffic(
            self.service, SECRET, chance, users=theirs, newcomers=newcomers, phones=others
        )
        self._database = database
        self._expo = expo

    async def run(self, slots: Sequence[Slot]) -> None:
        """All in these slots have died while there was traffic; all that was accepted is settled,
        and those who lived on have ended well."""
        try:
            async with asyncio.TaskGroup() as tasks:
                flowing = tasks.create_task(self.traffic.flow())
                living = await self.service.live(slots)
                self.traffic.end()
                await flowing
            await asyncio.to_thread(
                until, self._is_settled, "all deliveries to be settled", SETTLED_WITHIN_SECONDS
            )
            await self.service.stop(living)
        finally:
            await self.service.leave_nothing()

    def ledger(self, seed: int) -> Ledger:
        """What came of it."""
        traffic = self.traffic
        return Ledger(
            engine=self._database.url.partition(":")[0],
            seed=seed,
            events=len(traffic.accepted),
            copies=sum(one.is_copy for one in traffic.accepted),
            refused=traffic.refused,
            registrations=traffic.registered,
            deaths=self.service.deaths,
            due=traffic.due,
            shown=screens(self._expo, self._expo.tokens),
            handed=self._expo.taken(),
            kept=with_unit(self._database.url, deliveries_kept),
            attempts=with_unit(self._database.url, attempts_kept),
        )

    def _is_settled(self) -> bool | None:
        """Whether nothing is queued, being sent, or without its receipt."""
        found = with_unit(self._database.url, counts, datetime.now(UTC)).deliveries
        return found.keys().isdisjoint({"queued", "sending", "accepted"}) or None


def _phone(expo: Expo, number: int) -> Phone:
    platform = ("IOS", "ANDROID")[number % 2]
    return Phone(expo.device(platform), platform)
