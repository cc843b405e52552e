"""`calbell backup` beside a running service, and copies before migrations."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests import payloads
from tests.acceptance.conftest import EngineName, NewDatabase
from tests.acceptance.programs import Ended, command, environment
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Meeting, Stand


@pytest.fixture
def new_stand(new_database: NewDatabase, expo: Expo) -> Iterator[Callable[[Database], Stand]]:
    """`new_stand(database)` is a Calbell of its own on it."""
    made: list[Stand] = []

    def make(database: Database) -> Stand:
        made.append(Stand(database, expo, {}))
        return made[-1]

    yield make
    for stand in made:
        if stand.program.is_running:
            stand.stop()


def file_of(database: Database) -> Path:
    return Path(database.url.removeprefix("sqlite:///"))


@contextmanager
def a_stream_of_events(stand: Stand) -> Iterator[list[str]]:
    """Meanwhile one booking after the other is told; the uids of those that were accepted."""
    accepted = list[str]()
    host, over = stand.database.user(), threading.Event()
    began = threading.Semaphore(0)

    def tell() -> None:
        while not over.is_set():
            meeting = Meeting(host)
            stand.tell(meeting.webhook(payloads.created))
            accepted.append(meeting.uid)
            began.release()

    teller = threading.Thread(target=tell)
    teller.start()
    for _ in range(5):
        began.acquire()
    try:
        yield accepted
    finally:
        over.set()
        teller.join()


def refusal(ended: Ended, code: int) -> str:
    """The one line that says why there is no copy."""
    assert (ended.code, ended.out) == (code, "")
    (line,) = ended.err.splitlines()
    return line


def test_a_copy_under_load_holds_all_that_was_accepted_before(
    new_database: NewDatabase, new_stand: Callable[[Database], Stand]
) -> None:
    database = new_database("sqlite")
    stand = new_stand(database)
    copy = database.folder / "copy.db"
    with a_stream_of_events(stand) as accepted:
        before = list(accepted)
        ended = database.run("backup", "copy.db")
        meanwhile = len(accepted) - len(before)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("copy.db: ")
    assert meanwhile > 0
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        kept = {uid for (uid,) in connection.execute("select uid from bookings")}
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    assert set(before) <= kept <= set(accepted)
    assert [path.name for path in database.folder.glob("*copy*")] == ["copy.db"]


def test_nothing_is_written_over(new_database: NewDatabase) -> None:
    database = new_database("sqlite")
    assert database.run("migrate").code == 0
    copy = database.folder / "copy.db"
    copy.write_text("dear")
    assert "copy.db is there already" in refusal(database.run("backup", "copy.db"), 1)
    assert copy.read_text() == "dear"
    assert database.run("backup", "copy.db", "--force").code == 0
    assert copy.read_bytes().startswith(b"SQLite format 3")
    for forced in ((), ("--force",)):
        said = refusal(database.run("backup", str(file_of(database)), *forced), 2)
        assert "is the database itself" in said
    assert "is a folder" in refusal(database.run("backup", ".", "--force"), 2)
    assert "cannot copy" in refusal(database.run("backup", "nowhere/copy.db"), 1)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert "there is no database" in refusal(command(["backup", "copy.db"], tmp_path), 1)
    assert list(tmp_path.iterdir()) == []


def test_on_postgresql_the_command_is_named_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://calbell:hunter2@db.example:5433/bells?sslmode=require"
    said = refusal(command(["backup", "my copy"], tmp_path, {"CALBELL_DATABASE_URL": url}), 2)
    assert "pg_dump --format=custom '--file=my copy'" in said
    for told in ("user=calbell", "host=db.example", "port=5433", "dbname=bells"):
        assert told in said
    assert "hunter2" not in said


def test_a_copy_that_serves_without_a_word_says_so(
    new_database: NewDatabase, new_stand: Callable[[Database], Stand]
) -> None:
    database = new_database("sqlite")
    assert database.run("migrate").code == 0
    assert database.run("backup", "copy.db").code == 0
    stand = new_stand(Database(f"sqlite:///{database.folder}/copy.db", database.folder))
    said = "\n".join(stand.program.err)
    assert '"copy_serves"' in said
    assert "--restored" in said


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_database_that_does_not_say_when_it_was_copied_asks_for_the_time(
    new_database: NewDatabase, engine: EngineName
) -> None:
    database = new_database(engine)
    assert "--restored-from" in refusal(database.run("serve", "--port=0", "--restored"), 1)
    for wrong in ("yesterday", "2026-11-25", "2026-11-25T03:00:00"):
        said = refusal(database.run("serve", "--port=0", f"--restored-from={wrong}"), 2)
        assert "a time with its zone is wanted" in said
    said = refusal(database.run("serve", "--port=0", "--restored-from=2999-01-01T00:00:00Z"), 1)
    assert "cannot be from 2999-01-01" in said


def older(database: Database) -> str:
    """The database has not seen one of the migrations, the one with this number."""
    with closing(sqlite3.connect(file_of(database), isolation_level=None)) as connection:
        connection.execute("drop table copies")
        connection.execute("delete from schema where version = 4")
    return "4"


def test_a_service_says_where_it_has_put_the_copy_before_a_migration(
    new_database: NewDatabase, new_stand: Callable[[Database], Stand]
) -> None:
    database = new_database("sqlite")
    assert database.run("migrate").code == 0
    version = older(database)
    stand = new_stand(database)
    copy = f"{file_of(database)}.before-{version}"
    assert any('"copied"' in line and copy in line for line in stand.program.err)
    assert Path(copy).exists()


def test_migrate_says_where_it_has_put_the_copy(new_database: NewDatabase) -> None:
    database = new_database("sqlite")
    assert database.run("migrate").code == 0
    version = older(database)
    copy = f"{file_of(database)}.before-{version}"
    assert database.run("migrate").out == f"copied first: {copy}\napplied: {version}\n"


def test_without_room_for_the_copy_nothing_is_migrated(new_database: NewDatabase) -> None:
    database = new_database("sqlite")
    assert database.run("migrate").code == 0
    version = older(database)
    # As on a full disk, no file grows beyond a hundred kilobytes.
    ended = subprocess.run(
        ["bash", "-c", 'ulimit -f 100; exec "$0" -m calbell migrate', sys.executable],
        cwd=database.folder,
        env=environment(CALBELL_DATABASE_URL=database.url),
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = refusal(Ended(ended.returncode, ended.stdout, ended.stderr), 1)
    assert f"cannot copy {file_of(database)}" in said
    assert list(database.folder.glob("*before*")) == []
    assert database.run("migrate").out.endswith(f"applied: {version}\n")
