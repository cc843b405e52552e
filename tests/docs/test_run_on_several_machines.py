"""The page about several machines: behind its proxy an upgrade refuses no webhook."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from calbell.calcom.signature import sign
from calbell.config import load
from tests import payloads
from tests.acceptance.cluster import Cluster
from tests.acceptance.programs import until
from tests.acceptance.proxies import program
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Meeting, states
from tests.docs.pages import page
from tests.postgresql import free_port, new_database

PAGE = page("docs/how-to/run-on-several-machines.md")
(NGINX,) = (one.text for one in PAGE.blocks if one.language == "nginx")


@pytest.fixture
def expo(tmp_path: Path) -> Iterator[Expo]:
    own = Expo.start(tmp_path)
    yield own
    own.program.stop()


@pytest.fixture
def url(postgres: str, tmp_path: Path) -> str:
    return new_database(postgres)


def test_the_urls_on_the_page_are_urls_for_calbell(tmp_path: Path) -> None:
    urls = re.findall(r"[`']((?:postgresql)://[^`']+)[`']", PAGE.text)
    assert len(urls) == 3
    for url in urls:
        assert load({"CALBELL_DATABASE_URL": url}, tmp_path).database_url == url


@contextmanager
def nginx(folder: Path, addresses: list[str]) -> Iterator[str]:
    """The address of a proxy as the page has it, before these."""
    port = free_port()
    text = NGINX.replace("listen 80;", f"listen 127.0.0.1:{port};")
    for shown, real in zip(("192.0.2.11:8000", "192.0.2.12:8000"), addresses, strict=True):
        assert shown in text
        text = text.replace(shown, real)
    kept = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Started by root, nginx would work as a user who may not enter `folder`.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; events {{}}\n"
        f"http {{ access_log off;\n{kept}{text} }}\n"
    )
    words = [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    with (folder / "nginx.log").open("w") as log:
        running = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        address = f"127.0.0.1:{port}"
        until(lambda: True if post(address, b"") else None, "nginx to listen")
        yield address
    finally:
        running.terminate()
        running.wait(10)


def post(address: str, body: bytes, signature: str = "") -> int | None:
    """What a webhook is answered there; nothing where nobody listens."""
    connection = HTTPConnection(address, timeout=20)
    try:
        connection.request("POST", "/webhooks/cal", body, {"X-Cal-Signature-256": signature})
        return connection.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


def more(answers: list[int | None]) -> None:
    """Some more webhooks were answered."""
    before = len(answers)
    until(lambda: True if len(answers) > before + 20 else None, "webhooks to be answered")


def test_behind_the_proxy_of_the_page_a_restart_refuses_no_webhook(
    url: str, expo: Expo, tmp_path: Path
) -> None:
    cluster = Cluster(Database(url, tmp_path), expo, {}, apis=2, workers=1)
    user = cluster.database.user()
    cluster.api.phone(user)
    answers = list[int | None]()
    meetings = list[Meeting]()
    is_over = threading.Event()
    try:
        with nginx(tmp_path, [api.url.removeprefix("http://") for api in cluster.apis]) as address:

            def tell() -> None:
                while not is_over.is_set():
                    meetings.append(Meeting(user))
                    body = payloads.body(meetings[-1].webhook(payloads.created))
                    answers.append(post(address, body, sign(body, cluster.api.secret)))

            telling = threading.Thread(target=tell)
            telling.start()
            for api in cluster.apis:
                more(answers)
                port = api.url.rpartition(":")[2]
                api.stop()
                more(answers)
                api.start(port=port)
            is_over.set()
            telling.join(20)
        assert set(answers) == {200}
        assert len(answers) == len(meetings) > 80
        assert states(cluster.api.settled(meetings[-1].uid)) == ["delivered"]
    finally:
        is_over.set()
        cluster.stop()
