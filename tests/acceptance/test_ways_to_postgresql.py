"""Every way to PostgreSQL that libpq knows is Calbell's: sockets, TLS, and a pool in between."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from calbell.store.engines import engine_of
from tests import payloads
from tests.acceptance.cluster import Cluster
from tests.acceptance.programs import Program, ask, command, until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Meeting, started, states
from tests.postgresql import Server, free_port, own_server, self_signed, with_tls

HOST = "db.example.com"
OPENSSL = shutil.which("openssl")
PGBOUNCER = os.environ.get("CALBELL_TEST_PGBOUNCER") or shutil.which("pgbouncer")


@pytest.fixture(scope="module")
def tls_server() -> Iterator[tuple[Server, Path]]:
    """A server that takes nobody over TCP without TLS, and its certificate."""
    programs = with_tls()
    if programs is None:
        pytest.skip("no PostgreSQL with TLS: the package's has none; apt-get install postgresql")
    if OPENSSL is None:
        pytest.skip("there is no openssl")
    with own_server(programs) as server:
        certificate = self_signed(server, HOST, OPENSSL)
        rules = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n"
        (server.data / "pg_hba.conf").write_text(rules)
        server.stop()
        server.start(ssl="on")
        yield server, certificate


def over_tcp(server: Server, more: str) -> str:
    return server.url(query=f"host={HOST}&hostaddr=127.0.0.1&{more}")


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_a_connection_is_encrypted_and_the_server_is_who_it_says(
    tls_server: tuple[Server, Path], tmp_path: Path, mode: str
) -> None:
    server, certificate = tls_server
    url = over_tcp(server, f"sslmode={mode}&sslrootcert={certificate}&application_name={mode}")
    assert command(["migrate"], tmp_path, {"CALBELL_DATABASE_URL": url}).code == 0
    worker = Program(["-m", "calbell", "worker"], tmp_path, {"CALBELL_DATABASE_URL": url})
    worker.first(worker.err, started)
    with psycopg.connect(server.url(), autocommit=True) as administrator:

        def several() -> list[bool] | None:
            rows = administrator.execute(
                "select s.ssl from pg_stat_activity a join pg_stat_ssl s using (pid) "
                "where a.application_name = %s",
                [mode],
            ).fetchall()
            return [bool(is_encrypted) for (is_encrypted,) in rows] if len(rows) > 1 else None

        connections = until(several, "more than one connection")
    worker.stop()
    assert all(connections)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("sslmode=disable", "no encryption"),
        ("sslmode=verify-full&sslrootcert={other}", "certificate"),
    ],
)
def test_without_what_the_operator_asks_for_nothing_starts(
    tls_server: tuple[Server, Path], tmp_path: Path, more: str, said: str
) -> None:
    server, certificate = tls_server
    other = tmp_path / "other.crt"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other"]
    assert OPENSSL is not None
    subprocess.run(
        [OPENSSL, *words, "-keyout", tmp_path / "key", "-out", other],
        check=True,
        capture_output=True,
    )
    assert certificate.read_bytes() != other.read_bytes()
    url = over_tcp(server, more.format(other=other))
    ended = command(["worker"], tmp_path, {"CALBELL_DATABASE_URL": url})
    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert line.startswith("calbell: cannot connect to PostgreSQL: ")
    assert said in line


@contextmanager
def pgbouncer(server: Server, folder: Path) -> Iterator[int]:
    """The port of a PgBouncer that gives each transaction a session of its own."""
    if PGBOUNCER is None:
        pytest.skip("there is no pgbouncer: apt-get install pgbouncer")
    port = free_port()
    (folder / "users.txt").write_text('"postgres" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={server.folder} port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {folder}/users.txt\npool_mode = transaction\n"
        f"logfile = {folder}/pgbouncer.log\npidfile = {folder}/pgbouncer.pid\n"
    )
    user = None
    if os.geteuid() == 0:
        # It refuses to run as root.
        user = "pgserver"
        entry = pwd.getpwnam(user)
        for path in (folder, *folder.iterdir()):
            os.chown(path, entry.pw_uid, entry.pw_gid)
    log = (folder / "said").open("w")
    running = subprocess.Popen(
        [PGBOUNCER, folder / "pgbouncer.ini"], user=user, stdout=log, stderr=log, cwd=folder
    )
    try:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        until(lambda: True if answers(url) else None, "pgbouncer to answer")
        yield port
    finally:
        running.terminate()
        running.wait(10)
        log.close()


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2, prepare_threshold=None).close()
    except psycopg.OperationalError:
        return False
    return True


def test_behind_a_pool_of_transactions_all_works_but_notices(expo: Expo) -> None:
    with (
        own_server() as server,
        # As for servers: pytest's own folder is closed to other users.
        TemporaryDirectory(prefix="calbell-pool-", ignore_cleanup_errors=True) as made,
        pgbouncer(server, Path(made)) as port,
    ):
        folder = Path(made)
        server.say("create database pooled")
        url = f"postgresql://postgres@127.0.0.1:{port}/pooled"
        cluster = Cluster(Database(url, folder), expo, {}, workers=1)
        try:
            user = cluster.database.user()
            token = cluster.api.phone(user)
            meetings = [Meeting(user) for _ in range(3)]
            for meeting in meetings:
                cluster.api.tell(meeting.webhook(payloads.created))
            for meeting in meetings:
                assert states(cluster.api.settled(meeting.uid)) == ["delivered"]
            assert len(expo.sent(token)) == 3
            assert ask(cluster.api.url, "GET", "/readyz").status == 200
            (worker,) = cluster.workers
            assert [line for line in worker.err if '"notices_do_not_arrive"' in line]
            connection = engine_of(url).connect()
            assert connection.is_pooled  # type: ignore[union-attr]
            connection.close()
        finally:
            cluster.stop()
