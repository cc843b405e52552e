"""A small world for the store: users, phones, bookings, deliveries."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Concatenate, ParamSpec, TypeVar

from calbell.domain.delivery import DeliveryState
from calbell.domain.notification import BookingFacts, NotificationState, Planned
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform, Registration, SubscribedPhone, Subscription
from calbell.flows.surroundings import new_key
from calbell.store import deliveries, notifications, receipts, subscriptions, users
from calbell.store.connection import Connection
from calbell.store.database import run_once
from calbell.store.deliveries import Completion, NewDelivery
from calbell.store.due import DueDelivery
from calbell.store.notifications import NewNotification
from calbell.store.receipts import SettledReceipt
from calbell.store.users import Profile

P = ParamSpec("P")
T = TypeVar("T")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
LEASE = timedelta(minutes=1)
WORKER = "worker-a"


def token(name: str) -> str:
    return f"ExponentPushToken[{name}]"


def profile(id_: int, *addresses: str) -> Profile:
    return Profile(
        id=id_,
        name=f"User {id_}",
        username=None,
        time_zone="Europe/London",
        locale="en",
        time_format=12,
        source="operator",
        addresses=addresses or (f"user{id_}@example.com",),
        created_at=NOW,
    )


def send(connection: Connection, at: datetime, number: int = 1_000) -> int:
    """One unit of work: what is due is sent, and Expo accepted it; how many there were. The
    receipts are due at once."""
    project_id = deliveries.pick_project(connection, at)
    due = [] if project_id is None else deliveries.due(connection, project_id, at, number)
    deliveries.lease(connection, (one.id for one in due), WORKER, at + LEASE)
    completions = [
        Completion(
            delivery_id=one.id,
            worker=WORKER,
            attempt=one.attempt,
            asked_at=at,
            outcome="accepted",
            ticket_id=f"ticket-{one.id}",
            receipt_due_at=at,
            phone_id=one.phone_id,
            token=one.token,
            most_together=one.most_together,
        )
        for one in due
    ]
    deliveries.complete_many(connection, completions, at)
    return len(due)


def deliver(connection: Connection, at: datetime, number: int = 1_000) -> int:
    """One unit of work: the receipts that are due came, and all is well; how many there were."""
    due = receipts.claim(connection, at, at + LEASE, number)
    came = [SettledReceipt(one.attempt, "ok", DeliveryState.DELIVERED) for one in due]
    receipts.settle(connection, came, at)
    return len(due)


class World:
    """Does to one database what the flows would do, one transaction each."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.chance = Random(1)

    def run(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return run_once(self.connection, unit, *args, **kwargs)

    def user(self, id_: int, *addresses: str) -> int:
        self.run(users.save, profile(id_, *addresses), NOW)
        return id_

    def register(
        self, user_id: int, name: str, at: datetime = NOW, platform: Platform = Platform.IOS
    ) -> Subscription:
        registration = Registration(user_id, token(name), platform, "device")
        return self.run(subscriptions.register_many, [registration], at)[0]

    def phones(self, user_id: int) -> list[SubscribedPhone]:
        return self.run(subscriptions.phones_of, [user_id])[user_id]

    def notify(
        self,
        user_id: int,
        *,
        kind: PushEvent = PushEvent.BOOKING_CONFIRMED,
        state: NotificationState = NotificationState.RELEASED,
        booking_id: int | None = None,
        version: int = 1,
        due_at: datetime = NOW,
        expires_at: datetime = NOW + timedelta(days=1),
    ) -> int:
        planned = Planned(
            user_id=user_id,
            role=Role.ORGANIZER,
            kind=kind,
            due_at=due_at,
            expires_at=expires_at,
            facts=BookingFacts(uid="uid", title="Call"),
        )
        new = NewNotification(None, booking_id, version, planned, state)
        return self.run(notifications.insert_many, [new], NOW)[0]

    def queue(
        self, user_id: int, *, at: datetime = NOW, expires_at: datetime = NOW + timedelta(days=1)
    ) -> None:
        """A delivery is queued to each of the user's phones."""
        id_ = self.notify(user_id, due_at=at, expires_at=expires_at)
        new = [
            NewDelivery(id_, phone, new_key(self.chance), expires_at)
            for phone in self.phones(user_id)
        ]
        self.run(deliveries.insert_many, new, at)

    def due(self, at: datetime = NOW, number: int = 100) -> list[DueDelivery]:
        def unit(connection: Connection) -> list[DueDelivery]:
            project_id = deliveries.pick_project(connection, at)
            if project_id is None:
                return []
            return deliveries.due(connection, project_id, at, number)

        return self.run(unit)

    def lease(self, at: datetime = NOW, worker: str = WORKER) -> list[DueDelivery]:
        """What is due is leased to the worker."""

        def unit(connection: Connection) -> list[DueDelivery]:
            project_id = deliveries.pick_project(connection, at)
            if project_id is None:
                return []
            found = deliveries.due(connection, project_id, at, 100)
            deliveries.lease(connection, (one.id for one in found), worker, at + LEASE)
            return found

        return self.run(unit)

    def finish(self, at: datetime = NOW) -> None:
        """All that is due is sent and delivered."""
        while self.run(send, at):
            continue
        while self.run(deliver, at):
            continue

    def states(self) -> list[tuple[str, str | None, int, int]]:
        """State, reason, attempts and possibly_sent of every delivery."""
        from calbell.store.statements import Statement

        statement = Statement(
            name="states",
            purpose="",
            moves=(),
            columns=(),
            scalars=(),
            sqlite="select state, reason, attempt, possibly_sent from deliveries order by id",
            postgresql="select state, reason, attempt, possibly_sent from deliveries order by id",
            returns_rows=True,
        )
        return [tuple(row) for row in self.run(lambda c: c.run(statement))]
