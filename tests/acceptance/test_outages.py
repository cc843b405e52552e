"""PostgreSQL fails under a running Calbell: what was accepted is not lost, nothing is doubled
without a reason, and all goes on by itself."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import msgspec
import pytest

from calbell.calcom.signature import sign
from tests import payloads
from tests.acceptance.cluster import Api, Cluster
from tests.acceptance.programs import Program, Reply, ask, until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Json, Meeting, User, states
from tests.postgresql import Server, own_server

EVENTS = int(os.environ.get("CALBELL_CLUSTER_EVENTS", "120"))
CALLERS = 8
ROLE = "calbell"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL of this module's own; a role that is no administrator owns the database."""
    with own_server(max_connections="60") as running:
        running.say(f"create role {ROLE} login", f"create database {ROLE} owner {ROLE}")
        yield running


@pytest.fixture(scope="module")
def shared(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Database:
    return Database(server.url(ROLE, user=ROLE), tmp_path_factory.mktemp("calbell"))


@pytest.fixture
def own_expo(tmp_path: Path) -> Iterator[Expo]:
    own = Expo.start(tmp_path)
    yield own
    own.program.stop()


@pytest.fixture
def new_cluster(shared: Database, own_expo: Expo) -> Iterator[Callable[..., Cluster]]:
    made: list[Cluster] = []

    def make(apis: int = 1, workers: int = 2, **variables: str) -> Cluster:
        patience = {"CALBELL_EXPO_TIMEOUT_SECONDS": "2", "CALBELL_LEASE_SECONDS": "5"}
        told = {**patience, **variables}
        made.append(Cluster(shared, own_expo, told, apis=apis, workers=workers))
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop()


class Callers:
    """Many who tell events, each again until it is accepted, at whichever process answers."""

    def __init__(self, cluster: Cluster, bodies: dict[str, bytes]) -> None:
        self._cluster = cluster
        self._waiting: Queue[tuple[str, bytes]] = Queue()
        for item in bodies.items():
            self._waiting.put(item)
        self.event_ids: dict[str, str] = {}
        self.refused = 0
        self._threads = [Thread(target=self._call, args=(n,)) for n in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def until_accepted(self, number: int) -> None:
        until(lambda: True if len(self.event_ids) >= number else None, f"{number} events", 60)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _call(self, nth: int) -> None:
        while True:
            try:
                uid, body = self._waiting.get_nowait()
            except Empty:
                return
            reply = self._tell(self._cluster.apis[nth % len(self._cluster.apis)], body)
            if reply is not None and reply.status == 200:
                self.event_ids[uid] = reply.json()["data"]["eventId"]
            else:
                assert reply is None or reply.status == 503, reply
                self.refused += 1
                self._waiting.put((uid, body))

    def _tell(self, api: Api, body: bytes) -> Reply | None:
        """The answer; nothing where there was none."""
        headers = {
            "Content-Type": "application/json",
            "X-Cal-Signature-256": sign(body, api.secret),
        }
        try:
            return ask(api.url, "POST", "/webhooks/cal", body, headers)
        except OSError:
            return None


def few_lines(program: Program, most: int = 40) -> None:
    """A trouble is told in few lines, however much fails by it."""
    troubles = [line for line in program.err if level(line) in ("warning", "error")]
    assert len(troubles) <= most, Counter(msgspec.json.decode(one)["event"] for one in troubles)


def level(line: str) -> str:
    told: Json = msgspec.json.decode(line)
    return str(told.get("level"))


def hosts_of(cluster: Cluster, number: int) -> dict[int, tuple[User, str]]:
    """So many users with a phone each, by the user's id."""
    users = [cluster.database.user() for _ in range(number)]
    return {user.id: (user, cluster.api.phone(user)) for user in users}


def test_killed_and_restarted_under_load_nothing_is_lost_or_doubled_without_a_reason(
    server: Server, new_cluster: Callable[..., Cluster], own_expo: Expo
) -> None:
    cluster = new_cluster(apis=2, workers=2)
    hosts = hosts_of(cluster, 6)
    users = [user for user, _ in hosts.values()]
    meetings = [Meeting(users[n % len(users)]) for n in range(EVENTS)]
    bodies = {one.uid: payloads.body(one.webhook(payloads.created)) for one in meetings}
    callers = Callers(cluster, bodies)

    callers.until_accepted(EVENTS // 5)
    cluster.kill(cluster.workers[0])
    cluster.add_worker()
    callers.until_accepted(2 * EVENTS // 5)
    server.stop("immediate")
    server.start(max_connections="60")
    callers.until_accepted(3 * EVENTS // 5)
    cluster.apis[1].program.kill()
    cluster.apis[1].start()
    callers.until_accepted(4 * EVENTS // 5)
    server.say(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
        "and backend_type = 'client backend'"
    )
    callers.join()

    assert callers.event_ids.keys() == bodies.keys()
    until(lambda: True if set(cluster.states()) == {"delivered"} else None, "all delivered", 40)
    kept = {(one.event_id, one.token): one for one in cluster.kept()}
    assert {event_id for event_id, _ in kept} >= set(callers.event_ids.values())
    sent = Counter(
        (message["data"]["eventId"], message["to"], message["collapseId"])
        for request in own_expo.control("GET", "/requests")["requests"]
        if request["path"].endswith("/send") and request["status"] == 200
        for message in request["body"]
    )
    for event_id in callers.event_ids.values():
        # One host with one phone each: one delivery of each event.
        (one,) = (found for (of, _), found in kept.items() if of == event_id)
        times = sent[event_id, one.token, one.key]
        assert times == 1 or (times > 1 and one.possibly_sent)
    assert len({(of, to) for of, to, _ in sent}) == len(sent)
    for program in (*(api.program for api in cluster.apis), *cluster.workers):
        few_lines(program)


def read_only(server: Server, *, on: bool) -> None:
    """All sessions may only read, or may write again; as of a server that others took over from."""
    value = "on" if on else "off"
    server.say(
        "set default_transaction_read_only = off",
        f"alter system set default_transaction_read_only = {value}",
        "select pg_reload_conf()",
    )


def test_a_server_that_only_reads_is_said_and_waited_for(
    server: Server, new_cluster: Callable[..., Cluster], own_expo: Expo, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    plain, spooling = new_cluster(workers=1), new_cluster(workers=0, CALBELL_SPOOL_DIR=str(spool))
    ((user, token),) = hosts_of(plain, 1).values()
    refused, kept = Meeting(user), Meeting(user)
    body = payloads.body(refused.webhook(payloads.created))
    read_only(server, on=True)
    try:
        until(lambda: True if plain.api.webhook(body).status == 503 else None, "a refusal")
        reply = plain.api.ask("GET", "/readyz")
        assert reply.status == 503
        assert reply.json()["reason"] == "the database is read-only"
        assert spooling.api.tell(kept.webhook(payloads.created))["recipients"] == 0
        assert len(list(spool.iterdir())) == 1
    finally:
        read_only(server, on=False)
    until(lambda: True if plain.api.webhook(body).status == 200 else None, "its end")
    until(lambda: True if not list(spool.iterdir()) else None, "the spool to be empty")
    for meeting in (refused, kept):
        assert states(plain.api.settled(meeting.uid)) == ["delivered"]
    assert len(own_expo.screen(token)) == 2
    until(lambda: True if plain.api.ask("GET", "/readyz").status == 200 else None, "readiness")
    for program in (plain.api.program, *plain.workers):
        few_lines(program, 15)


def test_without_connections_webhooks_are_refused_and_all_goes_on_when_there_are_some(
    server: Server, new_cluster: Callable[..., Cluster], own_expo: Expo
) -> None:
    cluster = new_cluster(workers=1)
    ((user, token),) = hosts_of(cluster, 1).values()
    meeting = Meeting(user)
    body = payloads.body(meeting.webhook(payloads.created))
    server.say(
        f"alter role {ROLE} connection limit 0",
        f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = '{ROLE}'",
    )
    try:
        assert cluster.api.webhook(body).status == 503
        assert cluster.api.ask("GET", "/readyz").status == 503
    finally:
        server.say(f"alter role {ROLE} connection limit -1")
    assert cluster.api.tell(msgspec.json.decode(body))["recipients"] == 1
    assert states(cluster.api.settled(meeting.uid)) == ["delivered"]
    assert len(own_expo.screen(token)) == 1
    for program in (cluster.api.program, *cluster.workers):
        few_lines(program, 15)
