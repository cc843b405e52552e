"""Reverse proxies with the configurations of docs/how-to/proxies/, and what stands behind them."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import pytest
from typing_extensions import override

from tests.acceptance.programs import PATIENCE_SECONDS, STOP_SECONDS, Ended, Reply, until

ProxyName: TypeAlias = Literal["nginx", "caddy"]

FILES = Path(__file__).parents[2] / "docs" / "how-to" / "proxies"
HOST = "api.example.com"
CALBELL, CALCOM = "127.0.0.1:8000", "127.0.0.1:5555"
"""The addresses that stand in the files."""


class Seen(NamedTuple):
    """A request as it arrived; header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class StandIn:
    """A server that answers every request with its own name, and remembers what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Recording, self))
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Recording(BaseHTTPRequestHandler):
    def __init__(self, stand_in: StandIn, *connection: object) -> None:
        self._stand_in = stand_in
        super().__init__(*connection)  # type: ignore[arg-type]  # what a server hands to its handlers

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._stand_in.seen.append(Seen(self.command, self.path, headers, body))
        name = self._stand_in.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(name)))
        self.end_headers()
        self.wfile.write(name)

    do_GET = do_POST = do_DELETE = do_PATCH = _answer

    @override
    def log_message(self, format: str, *args: object) -> None:
        """The tests look at `seen`."""


class Certificate(NamedTuple):
    """A certificate for the host, and its key."""

    chain: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> "Certificate":
        """One that signs itself; whoever has no `openssl` skips."""
        openssl = program("openssl")
        made = cls(folder / "chain.pem", folder / "key.pem")
        subprocess.run(
            (
                *(openssl, "req", "-x509", "-nodes", "-days", "2"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
                *("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"),
                *("-out", str(made.chain), "-keyout", str(made.key)),
            ),
            check=True,
            capture_output=True,
        )
        return made


def program(name: str) -> str:
    """Where the program is; a test that needs one that is not installed is skipped."""
    path = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    return found


class Proxy:
    """A running proxy with the file of docs/how-to/proxies/, in which only what belongs to this
    place was changed: the addresses, and where the certificate is."""

    def __init__(
        self, name: ProxyName, folder: Path, *, calbell: str, calcom: str, certificate: Certificate
    ) -> None:
        self._certificate = certificate
        self._port = _free_port()
        write = _nginx if name == "nginx" else _caddy
        self._commands = write(folder, self._port, {CALBELL: calbell, CALCOM: calcom}, certificate)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "proxy.log"

    def check(self) -> Ended:
        """What the program itself says of the configuration."""
        done = subprocess.run(
            self._commands.check,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self) -> None:
        """It answers."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._commands.run, env=self._environment(), stdout=log, stderr=log
            )
        try:
            until(self._listens, f"{self._commands.run[0]} to listen")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            finally:
                self._process.kill()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        client: str = "127.0.0.1",
    ) -> Reply:
        """The answer to a client with this address, over TLS."""
        trust = ssl.create_default_context(cafile=str(self._certificate.chain))
        connection = HTTPConnection(HOST)
        connection.sock = trust.wrap_socket(
            socket.create_connection(("127.0.0.1", self._port), PATIENCE_SECONDS, (client, 0)),
            server_hostname=HOST,
        )
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def _listens(self) -> bool | None:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self._port), PATIENCE_SECONDS).close()
        except ConnectionRefusedError:
            return None
        return True

    def _environment(self) -> dict[str, str]:
        """Caddy keeps things in the home directory."""
        return {"PATH": os.environ["PATH"], "HOME": str(self._folder)}


class _Commands(NamedTuple):
    check: Sequence[str]
    run: Sequence[str]


def _nginx(
    folder: Path, port: int, addresses: Mapping[str, str], certificate: Certificate
) -> _Commands:
    """The file as /etc/nginx/conf.d/ would hold it, in a server that keeps to `folder`."""
    place = {
        "    listen [::]:443 ssl;\n": "",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/api.example.com/fullchain.pem": str(certificate.chain),
        "/etc/ssl/api.example.com/privkey.pem": str(certificate.key),
    }
    (folder / "site.conf").write_text(adapted("nginx.conf", place | dict(addresses)))
    kept = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Started by root, nginx would work as a user who may not enter `folder`.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; events {{}}\n"
        f"http {{ access_log off;\n{kept} include {folder}/site.conf; }}\n"
    )
    run = (program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"))
    return _Commands((*run, "-t"), run)


def _caddy(
    folder: Path, port: int, addresses: Mapping[str, str], certificate: Certificate
) -> _Commands:
    """The file with a certificate at hand, where Caddy would fetch one for itself."""
    site = (
        "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
        f"https://{HOST}:{port} {{\n\tbind 127.0.0.1\n"
        f"\ttls {certificate.chain} {certificate.key}"
    )
    text = adapted("Caddyfile", {f"{HOST} {{": site} | dict(addresses))
    (folder / "Caddyfile").write_text(text)
    given = ("--adapter", "caddyfile", "--config", str(folder / "Caddyfile"))
    return _Commands((program("caddy"), "validate", *given), (program("caddy"), "run", *given))


def adapted(file: str, changes: Mapping[str, str]) -> str:
    """The file's text with each of these replaced; none may be missing."""
    text = (FILES / file).read_text()
    for old in changes:
        assert old in text, f"{old} does not stand in {file}"
    # In one go: what was put in may look like what is still to be replaced.
    return re.sub("|".join(map(re.escape, changes)), lambda found: changes[found[0]], text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
