"""Calbell as several processes around one PostgreSQL: any number that answer, any number that
deliver."""

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random

import psycopg
from msgspec import Struct
from typing_extensions import override

from calbell.domain.subscription import Platform, Registration
from calbell.flows.receive import incoming_webhook
from calbell.flows.take_in import take_in_many
from calbell.store import subscriptions
from calbell.store.connection import Connection
from tests import payloads
from tests.acceptance.programs import Program
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Meeting, Stand, User, started, with_unit
from tests.contract.test_take_in import POLICY


class Api(Stand):
    """A running `calbell serve --no-delivery`."""

    @override
    def start(self, *arguments: str, port: str = "0") -> None:
        super().start("--no-delivery", *arguments, port=port)


class Kept(Struct, frozen=True):
    """A delivery as the database has it: of which event, to which phone, and under which key."""

    event_id: str
    token: str
    state: str
    possibly_sent: bool
    key: str


class Cluster:
    """Processes around one database, each of which can be killed and started again."""

    def __init__(
        self,
        database: Database,
        expo: Expo,
        variables: Mapping[str, str],
        *,
        apis: int = 1,
        workers: int = 2,
    ) -> None:
        self.database = database
        self.expo = expo
        self.apis = [Api(database, expo, variables) for _ in range(apis)]
        self.workers = list[Program]()
        for _ in range(workers):
            self.add_worker()

    @property
    def api(self) -> Api:
        return self.apis[0]

    def add_worker(self) -> Program:
        """One more, which delivers already."""
        worker = Program(["-m", "calbell", "worker"], self.database.folder, self.api.variables)
        assert worker.first(worker.err, started)["url"] is None
        self.workers.append(worker)
        return worker

    def kill(self, worker: Program) -> None:
        """The worker is gone, and told nobody's secrets."""
        self.workers.remove(worker)
        worker.kill()
        self.api.assert_logs_are_clean(worker)

    def stop(self) -> None:
        """All were asked to stop, exited with 0 in time, and told nobody's secrets."""
        for program in (*(api.program for api in self.apis), *self.workers):
            program.ask_to_stop()
        for api in self.apis:
            api.end_well()
        for worker in self.workers:
            worker.end_well()
            self.api.assert_logs_are_clean(worker)

    def states(self) -> list[str]:
        """The states of all deliveries."""
        return [one.state for one in self.kept()]

    def kept(self) -> list[Kept]:
        """All deliveries."""
        with psycopg.connect(self.database.url) as connection:
            rows = connection.execute(
                "select e.public_id, p.token, d.state, d.possibly_sent = 1, d.key "
                "from deliveries d join phones p on p.id = d.phone_id "
                "join notifications n on n.id = d.notification_id "
                "join events e on e.id = n.event_id"
            ).fetchall()
        return [Kept(*row) for row in rows]


def backlog(database: Database, expo: Expo, user: User, *, phones: int, bookings: int) -> None:
    """The user has so many phones, and so many bookings were made: all deliveries are queued."""
    tokens = [expo.device("IOS", "@simulator/first") for _ in range(phones)]
    now = datetime.now(UTC)

    def register(connection: Connection) -> None:
        registrations = [Registration(user.id, token, Platform.IOS, token) for token in tokens]
        subscriptions.register_many(connection, registrations, now)

    def take_in(connection: Connection) -> None:
        webhooks = (Meeting(user).webhook(payloads.created) for _ in range(bookings))
        incoming = [incoming_webhook(payloads.body(webhook), now) for webhook in webhooks]
        take_in_many(connection, incoming, POLICY, now, Random(1))

    with_unit(database.url, register)
    with_unit(database.url, take_in)
