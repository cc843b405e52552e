"""Register and remove: which phones ring for a user."""

from calbell.domain.subscription import Registration, Subscription
from calbell.flows.surroundings import Clock
from calbell.store import subscriptions
from calbell.store.database import Database
from calbell.store.lists import Lists

LONGEST_LIST = 256


class Register:
    """Registrations are taken in lists: whatever waits is kept in one transaction."""

    def __init__(self, database: Database, clock: Clock, *, lanes: int) -> None:
        self._database = database
        self._keep = Lists[Registration, Subscription](
            database,
            lambda connection, items: subscriptions.register_many(connection, items, clock()),
            keys=lambda registration: (registration.token,),
            size=LONGEST_LIST,
            lanes=lanes,
        )

    async def register(self, registration: Registration) -> Subscription:
        """The phone rings for this user from now on. The same user and token keep their id."""
        return await self._keep(registration)

    async def remove(self, user_id: int, token: str) -> bool:
        """The phone does not ring for this user any more; whether it did. Deliveries that are
        queued for it are withdrawn when they are claimed."""
        return await self._database.run(subscriptions.remove, user_id, token)
