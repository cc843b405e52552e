"""Sessions at PostgreSQL: how we connect, how long anything of ours may last, and what becomes of a
unit whose session ends in the middle."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from calbell.flows.receive import incoming_webhook
from calbell.flows.take_in import TakenIn, take_in_many
from calbell.store import migrate, postgresql, users
from calbell.store.connection import Connection, StoreLocked, StoreUnavailable, TryAgain
from calbell.store.database import ThreadedDatabase, run_once
from calbell.store.postgresql import SESSION, PostgresEngine
from calbell.store.statements import Statement
from tests import payloads
from tests.contract.test_take_in import POLICY, created
from tests.contract.world import NOW, World, profile


@pytest.fixture
def server(postgres_url: str) -> PostgresEngine:
    engine = PostgresEngine(postgres_url)
    migrate.bring_up_to_date(engine, NOW)
    return engine


def told(url: str, more: str) -> PostgresEngine:
    """The same database, with more said in the URL."""
    return PostgresEngine(f"{url}{'&' if urlsplit(url).query else '?'}{more}")


def script(sql: str) -> Statement:
    return Statement("script", "", (), (), (), sql, sql, returns_rows=False)


def query(sql: str) -> Statement:
    return Statement("query", "", (), (), (), sql, sql, returns_rows=True)


def shown(engine: PostgresEngine, *names: str) -> list[str]:
    """What these settings are in a session of ours."""
    with closing(engine.connect()) as connection:
        return [
            run_once(connection, lambda c, name=name: c.run(query(f"show {name}")))[0][0]  # type: ignore[misc]
            for name in names
        ]


def test_a_session_of_ours_is_set_as_we_wish(server: PostgresEngine) -> None:
    assert shown(server, *SESSION) == list(SESSION.values())


def test_what_the_url_says_about_it_holds(server: PostgresEngine) -> None:
    options = quote("-c lock_timeout=70 -c statement_timeout=0 -c random_page_cost=3 -c geqo=off")
    engine = told(server.url, f"options={options}&application_name=calbell-3")
    assert shown(engine, *SESSION, "geqo", "application_name") == [
        "0",
        "70ms",
        SESSION["idle_in_transaction_session_timeout"],
        "3",
        "off",
        "calbell-3",
    ]
    assert shown(server, "application_name") == ["calbell"]


def test_what_the_database_says_about_it_holds(server: PostgresEngine) -> None:
    name = urlsplit(server.url).path.removeprefix("/")
    with psycopg.connect(server.url, autocommit=True) as administrator:
        administrator.execute(f'alter database "{name}" set statement_timeout = 12345'.encode())
    assert shown(server, "statement_timeout") == ["12345ms"]


def test_of_several_hosts_the_one_that_writes_is_found(server: PostgresEngine) -> None:
    parts = conninfo_to_dict(server.url)
    nowhere = Path(str(parts["host"]), "nowhere") if str(parts["host"]).startswith("/") else "::1"
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        silent.close()
        hosts = f"{nowhere},127.0.0.1,{parts['host']}"
        ports = f"1,{port},{parts.get('port', 5432)}"
        where = f"host={quote(hosts)}&port={quote(ports)}&target_session_attrs=read-write"
        url = f"postgresql://{parts['user']}@/{parts['dbname']}?{where}"
        if parts.get("password"):
            url += f"&password={quote(str(parts['password']))}"
        assert shown(PostgresEngine(url), "transaction_read_only") == ["off"]


@contextmanager
def row_held(url: str) -> Iterator[None]:
    """Somebody else holds the row of user 1."""
    with psycopg.connect(url) as other:
        other.execute("select 1 from users where id = 1 for update")
        yield


def test_a_lock_that_is_not_let_go_ends_the_wait_and_not_the_session(
    server: PostgresEngine,
) -> None:
    with closing(told(server.url, "options=-c%20lock_timeout%3D50").connect()) as connection:
        run_once(connection, users.save, profile(1), NOW)
        with row_held(server.url), pytest.raises(StoreLocked):
            run_once(connection, users.save, profile(1), NOW)
        assert connection.is_usable()
        run_once(connection, users.save, profile(1), NOW)


def test_a_statement_that_does_not_end_is_ended_and_not_tried_again(server: PostgresEngine) -> None:
    database = ThreadedDatabase(told(server.url, "options=-c%20statement_timeout%3D50"))
    tries = []

    def hang(connection: Connection) -> None:
        tries.append(1)
        connection.run(script("select pg_sleep(60)"))

    try:
        with pytest.raises(StoreUnavailable) as raised:
            asyncio.run(database.run(hang))
    finally:
        database.close()
    assert raised.value.reason == "the database takes too long"
    assert len(tries) == 1


def test_a_transaction_that_nobody_goes_on_with_lets_its_rows_go(server: PostgresEngine) -> None:
    """As of a machine that was frozen: woken up, it begins anew."""
    short = "options=-c%20idle_in_transaction_session_timeout%3D100"
    database = ThreadedDatabase(told(server.url, short))
    freed: list[int] = []

    def stall(connection: Connection) -> None:
        users.save(connection, profile(1), NOW)
        if not freed:
            with psycopg.connect(server.url) as other:
                # Waits until the server has ended the session that does not go on.
                other.execute("insert into users select u.* from users u where false")
                other.execute("lock table users in exclusive mode")
                freed.append(1)
        users.save(connection, profile(2), NOW)

    async def work() -> list[int]:
        await database.run(stall)
        return [one.id for one in await database.read(users.listed)]

    try:
        assert asyncio.run(work()) == [1, 2]
    finally:
        database.close()
    assert freed == [1]


def test_a_snapshot_waits_for_whoever_reads_what_it_writes(server: PostgresEngine) -> None:
    """As a pager does that shows the first page of an export. The next transaction has its limit
    again."""
    engine = told(server.url, "options=-c%20idle_in_transaction_session_timeout%3D100")
    limit = query("show idle_in_transaction_session_timeout")

    def stall(connection: Connection) -> None:
        users.save(connection, profile(1), NOW)
        with psycopg.connect(server.url) as other:
            # Waits until the server has ended this session, which is younger than the snapshot.
            other.execute("lock table users in exclusive mode")
        users.listed(connection)

    with closing(engine.connect()) as connection:
        with connection.snapshot():
            assert users.listed(connection) == []
            with closing(engine.connect()) as younger, pytest.raises(TryAgain):
                run_once(younger, stall)
            assert users.listed(connection) == []
        assert run_once(connection, lambda c: c.run(limit)) == [("100ms",)]


def cut(url: str) -> None:
    """Every other session at the database is ended."""
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )


def test_a_session_that_ends_between_the_last_statement_and_the_commit_changes_nothing(
    server: PostgresEngine,
) -> None:
    def unit(connection: Connection) -> None:
        users.save(connection, profile(1), NOW)
        cut(server.url)

    with closing(server.connect()) as connection:
        # Seen from here, it might have been after the commit.
        with pytest.raises(StoreUnavailable) as raised:
            run_once(connection, unit)
        assert not isinstance(raised.value, TryAgain)
        assert not connection.is_usable()
    with closing(server.connect()) as connection:
        assert run_once(connection, users.listed) == []


class Wire:
    """Stands between us and the server. Once `is_to_be_cut`, the next thing we say still comes
    through, and its answer does not."""

    def __init__(self, address: tuple[str, int] | str) -> None:
        self._address = address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_to_be_cut = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
            server = socket.socket(family)
            server.connect(self._address)
            for pump in (self._up, self._down):
                self._threads.append(
                    threading.Thread(target=pump, args=(client, server), daemon=True)
                )
                self._threads[-1].start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(client):
            server.sendall(data)
        _end(server)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(server):
            if self.is_to_be_cut:
                self.is_to_be_cut = False
                break
            client.sendall(data)
        _end(client)
        client.close()
        server.close()


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _end(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@pytest.fixture
def wire(server: PostgresEngine) -> Iterator[tuple[Wire, PostgresEngine]]:
    """A wire to the server, and an engine that goes over it."""
    with psycopg.connect(server.url) as connection:
        host, port = connection.info.host, connection.info.port
    parts = conninfo_to_dict(server.url)
    made = Wire(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
    secret = f"&password={quote(str(parts['password']))}" if parts.get("password") else ""
    url = f"postgresql://{parts['user']}@127.0.0.1:{made.port}/{parts['dbname']}?sslmode=disable"
    yield made, PostgresEngine(f"{url}{secret}")
    made.close()


def test_a_commit_whose_answer_was_lost_counts_as_unknown_and_a_retry_finds_it(
    server: PostgresEngine, wire: tuple[Wire, PostgresEngine]
) -> None:
    between, engine = wire
    with closing(server.connect()) as direct:
        world = World(direct)
        world.user(7, "host@example.com")
        world.register(7, "a")
    database = ThreadedDatabase(engine)
    incoming = incoming_webhook(payloads.body(created()), NOW)
    tries = []

    def take_in(connection: Connection, *, cut: bool) -> TakenIn:
        (taken,) = take_in_many(connection, [incoming], POLICY, NOW, world.chance)
        tries.append(taken.event_id)
        between.is_to_be_cut = cut
        return taken

    async def work() -> TakenIn:
        with pytest.raises(StoreUnavailable) as raised:
            await database.run(take_in, cut=True)
        assert not isinstance(raised.value, TryAgain)
        return await database.run(take_in, cut=False)

    try:
        again = asyncio.run(work())
    finally:
        database.close()
    assert len(tries) == 2
    assert again.duplicate
    assert again.event_id == tries[0]
    with closing(server.connect()) as direct:
        assert World(direct).states() == [("queued", None, 0, 0)]


@pytest.fixture
def few_connections(server: PostgresEngine, postgres: str) -> Iterator[PostgresEngine]:
    """The database as a role sees it that may have two connections."""
    role = f"few_{urlsplit(server.url).path.removeprefix('/')}"
    parts = conninfo_to_dict(server.url)
    with psycopg.connect(server.url, autocommit=True) as administrator:
        for sql in (
            f"create role {role} login password 'few' connection limit 2",
            f"grant all on all tables in schema public to {role}",
        ):
            administrator.execute(sql.encode())
    where = f"host={quote(str(parts['host']))}&port={parts.get('port', 5432)}"
    yield PostgresEngine(f"postgresql://{role}:few@/{parts['dbname']}?{where}")
    with psycopg.connect(server.url, autocommit=True) as administrator:
        administrator.execute(f"drop owned by {role}; drop role {role}".encode())


def test_where_connections_are_short_those_that_have_one_do_the_work(
    few_connections: PostgresEngine,
) -> None:
    database = ThreadedDatabase(few_connections)

    def save(connection: Connection, id_: int) -> int:
        users.save(connection, profile(id_), NOW)
        return id_

    async def work() -> list[int]:
        await database.run(save, 1)
        return await asyncio.gather(*(database.run(save, id_) for id_ in range(2, 30)))

    try:
        assert asyncio.run(work()) == list(range(2, 30))
    finally:
        database.close()


def test_without_any_connection_the_work_fails_at_once(few_connections: PostgresEngine) -> None:
    with closing(few_connections.connect()), closing(few_connections.connect()):
        database = ThreadedDatabase(few_connections)
        try:
            with pytest.raises(StoreUnavailable, match="too many connections"):
                asyncio.run(database.run(users.listed))
        finally:
            database.close()


def test_what_fails_at_connecting_leaves_no_connection_open(
    server: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_SESSION", {"set_session": query("select 1 / 0")})
    with pytest.raises(StoreUnavailable):
        server.connect()
