"""The machine fails under a running program: its disk, its files, its locks. It says so, loses
nothing that it answered for, and goes on by itself."""

import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import pytest

from tests import payloads
from tests.acceptance.conftest import NewDatabase
from tests.acceptance.programs import Program, command, environment, until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import APP_PUSH, Database, Meeting, Stand, states

SMALL_DISK = "3m"
"""Room for a new database with its log."""


@pytest.fixture
def stands_on(expo: Expo) -> Iterator[Callable[..., Stand]]:
    """`stands_on(folder)` is a Calbell whose database is in that folder."""
    made: list[Stand] = []

    def make(folder: Path, **variables: str) -> Stand:
        database = Database(f"sqlite:///{folder}/calbell.db", folder)
        made.append(Stand(database, expo, variables))
        return made[-1]

    yield make
    for stand in made:
        if stand.program.is_running:
            stand.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with little room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mounted("-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)):
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def mounted(*arguments: str) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Not a byte more fits on the disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def locked(stand: Stand) -> Iterator[None]:
    other = sqlite3.connect(file_of(stand), isolation_level=None)
    other.execute("begin immediate")
    try:
        yield
    finally:
        other.execute("rollback")
        other.close()


def file_of(stand: Stand) -> Path:
    return Path(stand.database.url.removeprefix("sqlite:///"))


def readiness(stand: Stand) -> tuple[int, str | None]:
    reply = stand.ask("GET", "/readyz")
    return reply.status, reply.json().get("reason")


def ready(stand: Stand) -> bool | None:
    return True if readiness(stand) == (200, None) else None


def not_ready(stand: Stand, reason: str) -> Callable[[], bool | None]:
    return lambda: True if readiness(stand) == (503, reason) else None


def said(stand: Stand, event: str) -> list[dict[str, Any]]:
    lines = [msgspec.json.decode(line) for line in stand.program.err if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def assert_goes_on(stand: Stand, *meetings: Meeting) -> None:
    """It is ready, and these bookings, whose webhooks are sent again, reach the phone."""
    until(lambda: ready(stand), "the program to be ready again")
    for meeting in meetings:
        stand.tell(meeting.webhook(payloads.created))
        assert states(stand.settled(meeting.uid)) == ["delivered"]


def test_a_full_disk_refuses_and_loses_nothing(
    small_disk: Path, stands_on: Callable[..., Stand]
) -> None:
    stand = stands_on(small_disk)
    host = stand.database.user()
    token = stand.phone(host)
    before, meanwhile = Meeting(host), Meeting(host)
    assert stand.tell(before.webhook(payloads.created))["recipients"] == 1
    stand.settled(before.uid)
    with filled(small_disk):
        big = payloads.body(meanwhile.webhook(payloads.created, title="x" * 200_000))
        for _ in range(20):
            reply = stand.webhook(big)
            assert reply.status == 503
            assert "disk" not in reply.body.decode()
        until(not_ready(stand, "the disk is full"), "the program to see it")
        body = {"token": f"{token[:-2]}z]", "platform": "IOS", "deviceId": "d" * 50}
        reply = stand.ask("POST", APP_PUSH, body, key=host.key)
        assert reply.status in (201, 500), reply
    until(lambda: ready(stand), "the program to be ready again")
    assert stand.webhook(big).status == 200
    assert_goes_on(stand, Meeting(host))
    assert states(stand.settled(before.uid)) == ["delivered"]
    assert len(said(stand, "database_down")) == 1
    assert len(said(stand, "database_up")) == 1
    assert len(stand.program.err) < 40


def test_webhooks_wait_on_another_disk_while_that_of_the_database_is_full(
    small_disk: Path, tmp_path: Path, stands_on: Callable[..., Stand]
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    stand = stands_on(small_disk, CALBELL_SPOOL_DIR=str(spool))
    host = stand.database.user()
    stand.phone(host)
    meetings = [Meeting(host) for _ in range(3)]
    with filled(small_disk):
        for meeting in meetings:
            webhook = meeting.webhook(payloads.created, title="x" * 200_000)
            assert stand.tell(webhook)["recipients"] == 0
        assert len(list(spool.iterdir())) == 3
        until(not_ready(stand, "the disk is full"), "the program to see it")
    until(lambda: True if not list(spool.iterdir()) else None, "the spool to be empty")
    for meeting in meetings:
        assert states(stand.settled(meeting.uid)) == ["delivered"]


def test_a_file_that_may_not_grow_is_said_and_over_when_it_may(
    new_database: NewDatabase, expo: Expo
) -> None:
    database = new_database("sqlite")
    stand = Stand(database, expo, {})
    host = stand.database.user()
    stand.phone(host)
    pid = stand.program.pid
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (8192, unlimited[1]))
    meeting = Meeting(host)
    assert stand.webhook(payloads.body(meeting.webhook(payloads.created))).status == 503
    until(not_ready(stand, "the disk cannot be read or written"), "the program to see it")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    assert_goes_on(stand, meeting)
    stand.stop()


def test_a_lock_is_waited_for_once_and_over_at_once(
    new_database: NewDatabase, stands_on: Callable[..., Stand]
) -> None:
    stand = stands_on(new_database("sqlite").folder)
    host = stand.database.user()
    stand.phone(host)
    meetings = [Meeting(host) for _ in range(3)]
    with locked(stand):
        for number, meeting in enumerate(meetings):
            began_at = monotonic()
            assert stand.webhook(payloads.body(meeting.webhook(payloads.created))).status == 503
            assert monotonic() - began_at < (1.5 if number else 6.5)
        reason = "another program holds the database locked"
        assert readiness(stand) == (503, reason)
        reply = stand.ask(
            "POST",
            APP_PUSH,
            {"token": expo_token("l"), "platform": "IOS", "deviceId": "d"},
            key=host.key,
        )
        assert reply.status == 500
    stand.tell(meetings[0].webhook(payloads.created))
    assert_goes_on(stand, *meetings[1:])
    assert len(said(stand, "database_down")) == 1


def expo_token(name: str) -> str:
    return f"ExponentPushToken[{name * 22}]"


def test_a_file_that_is_removed_is_noticed_without_any_request(
    new_database: NewDatabase, stands_on: Callable[..., Stand]
) -> None:
    stand = stands_on(new_database("sqlite").folder)
    file = file_of(stand)
    host = stand.database.user()
    stand.phone(host)
    file.rename(file.with_name("elsewhere"))
    until(not_ready(stand, "the database file was removed or replaced"), "the program to see it")
    assert not file.exists()
    assert stand.webhook(payloads.body(Meeting(host).webhook(payloads.created))).status == 503
    (line,) = said(stand, "database_down")
    assert re.search("stop Calbell, put the right files there", line["detail"])
    file.with_name("elsewhere").rename(file)
    assert_goes_on(stand, Meeting(host))


def test_a_damaged_page_is_said_once_and_webhooks_wait_in_files(
    new_database: NewDatabase, tmp_path: Path, stands_on: Callable[..., Stand]
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    stand = stands_on(new_database("sqlite").folder, CALBELL_SPOOL_DIR=str(spool))
    host = stand.database.user()
    stand.phone(host)
    stand.stop()
    spoil(file_of(stand), "event_keys")
    stand.start()
    for _ in range(3):
        assert stand.tell(Meeting(host).webhook(payloads.created))["recipients"] == 0
    assert len(list(spool.iterdir())) == 3
    assert readiness(stand) == (503, "the database file is damaged")
    assert stand.ask("GET", "/healthz").status == 200
    assert len(said(stand, "database_down")) == 1


def spoil(file: Path, table: str) -> None:
    """The index of the table's key is damaged: the start does not look there."""
    with sqlite3.connect(file) as raw:
        ((root,),) = raw.execute(
            "select rootpage from sqlite_master where name = ?", (f"sqlite_autoindex_{table}_1",)
        )
        ((size,),) = raw.execute("pragma page_size")
    raw.close()
    with file.open("r+b") as opened:
        opened.seek((root - 1) * size)
        opened.write(b"\xff" * size)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Not a database, but something else that somebody put there." * 20, "no SQLite database"),
        (b"SQLite format 3\0" + b"\xff" * 1000, "is damaged"),
    ],
)
def test_what_is_no_database_stops_the_start_in_one_line(
    tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "calbell.db").write_bytes(content)
    ended = command(["serve", "--port=0"], tmp_path)
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("calbell: ")
    assert says in line
    assert ".recover" in line
    assert (tmp_path / "calbell.db").read_bytes() == content


def test_a_folder_that_cannot_be_written_stops_the_start_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    folder.mkdir()
    database = Database(f"sqlite:///{folder}/calbell.db", tmp_path)
    assert database.run("migrate").code == 0
    if not mounted("--bind", str(folder), str(folder)):
        pytest.skip("only root may mount a folder read-only")
    try:
        assert mounted("-o", "remount,bind,ro", str(folder))
        ended = database.run("serve", "--port=0")
        assert (ended.code, ended.out) == (1, "")
        (line,) = ended.err.splitlines()
        assert re.match("calbell: cannot write beside .*: Read-only file system", line)
        ended = database.run("status")
        assert ended.code == 1
        (line,) = ended.err.splitlines()
        assert "read-only" in line or "cannot be opened" in line
    finally:
        subprocess.run(["umount", folder], check=True)


def test_logs_that_cannot_be_written_end_nothing() -> None:
    program = """
import structlog
from calbell import telemetry
telemetry.configure_logs(as_json=True, level="info")
for _ in range(1000):
    structlog.get_logger().error("nobody_reads_this")
print("alive")
"""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=full,
            env=environment(),
            text=True,
            check=False,
        )
    assert done.stdout == "alive\n"


class Traced:
    """The system calls of a program that say when something is on disk and when it is answered."""

    CALLS = "fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg"

    def __init__(self, program: Program, out: Path) -> None:
        self._out = out
        self._strace = subprocess.Popen(
            [
                *("strace", "-f", "-y", "-s", "40", "-e", f"trace={self.CALLS}"),
                *("-o", str(out), "-p", str(program.pid)),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._strace.stderr is not None
        if "attached" not in self._strace.stderr.readline():
            self._strace.wait()
            pytest.skip("strace may not look at other programs here")

    def end(self) -> list[str]:
        """All calls, in the order in which they ended."""
        self._strace.send_signal(signal.SIGINT)
        self._strace.communicate()
        return self._out.read_text(errors="replace").splitlines()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_nothing_is_answered_before_the_disk_has_it(
    new_database: NewDatabase, stands_on: Callable[..., Stand], tmp_path: Path
) -> None:
    # A process that is killed loses nothing that it has written, synced or not: only the calls
    # themselves show that a power cut would not either.
    stand = stands_on(new_database("sqlite").folder)
    host = stand.database.user()
    traced = Traced(stand.program, tmp_path / "calls")
    try:
        stand.phone(host)
        stand.tell(Meeting(host).webhook(payloads.created))
    finally:
        lines = traced.end()
    synced = [at for at, line in enumerate(lines) if is_sync(line)]
    written = [
        at for at, line in enumerate(lines) if re.search(r"pwrite64\(.*calbell\.db-wal>", line)
    ]
    answers = [at for at, line in enumerate(lines) if re.search(r'"HTTP/1\.1 20[01] ', line)]
    assert len(answers) == 2, lines
    for before, answer in zip((0, answers[0]), answers, strict=True):
        mine = [at for at in written if before <= at < answer]
        assert mine, lines
        assert any(mine[0] < at < answer for at in synced), lines


def is_sync(line: str) -> bool:
    return re.search(r"\b(fdatasync|fsync)\(\d+<[^>]*calbell\.db-wal>", line) is not None
