"""The spool of a running program: what was answered with 200 rings phones, whatever crashes."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import payloads
from tests.acceptance.conftest import NewDatabase
from tests.acceptance.programs import command, until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Meeting, Stand, states

NewSpooling = Callable[[], tuple[Stand, Path]]


@pytest.fixture
def spooling(new_database: NewDatabase, expo: Expo) -> Iterator[NewSpooling]:
    """`spooling()` is a Calbell of its own with a spool, and the spool's folder."""
    made: list[Stand] = []

    def make() -> tuple[Stand, Path]:
        database = new_database("sqlite")
        folder = database.folder / "spool"
        folder.mkdir()
        made.append(Stand(database, expo, {"CALBELL_SPOOL_DIR": str(folder)}))
        return made[-1], folder

    yield make
    for stand in made:
        if stand.program.is_running:
            stand.stop()


@contextmanager
def locked(stand: Stand) -> Iterator[None]:
    """Somebody else holds the database; nothing can be written."""
    other = sqlite3.connect(stand.database.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("begin immediate")
    try:
        yield
    finally:
        other.execute("rollback")
        other.close()


def is_empty(folder: Path) -> bool | None:
    return True if not list(folder.iterdir()) else None


def test_a_webhook_that_waits_in_a_file_outlives_kill_9(spooling: NewSpooling) -> None:
    stand, folder = spooling()
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    body = payloads.body(meeting.webhook(payloads.created))
    with locked(stand):
        before = datetime.now(UTC).replace(microsecond=0)  # times are kept in milliseconds
        reply = stand.webhook(body)
        assert reply.status == 200
        event_id = reply.json()["data"]["eventId"]
        assert reply.json()["data"] == {"eventId": event_id, "duplicate": False, "recipients": 0}
        (file,) = folder.iterdir()
        assert file.read_bytes() == body
        after = datetime.now(UTC)
        stand.program.kill()
        stand.assert_logs_are_clean(stand.program)
    assert [path.name for path in folder.iterdir()] == [file.name]
    stand.start()
    until(lambda: is_empty(folder), "the spool to be empty")
    story = stand.settled(meeting.uid)
    assert states(story) == ["delivered"]
    (event,) = story["events"]
    assert event["event_id"] == event_id
    assert before <= datetime.fromisoformat(event["received_at"]).astimezone(UTC) <= after
    assert len(stand.expo.sent(token)) == 1
    again = stand.webhook(body).json()["data"]
    assert again == {"eventId": event_id, "duplicate": True, "recipients": 1}


def test_what_waits_is_taken_in_as_soon_as_the_database_takes_it(spooling: NewSpooling) -> None:
    stand, folder = spooling()
    host = stand.database.user()
    token = stand.phone(host)
    meetings = [Meeting(host) for _ in range(3)]
    with locked(stand):
        for meeting in meetings[:2]:
            assert stand.tell(meeting.webhook(payloads.created))["recipients"] == 0
        assert len(list(folder.iterdir())) == 2
    stand.tell(meetings[2].webhook(payloads.created))
    until(lambda: is_empty(folder), "the spool to be empty")
    for meeting in meetings:
        assert states(stand.settled(meeting.uid)) == ["delivered"]
    assert len(stand.expo.sent(token)) == 3
    metrics = stand.ask("GET", "/metrics", key=stand.admin_token).body.decode()
    assert "calbell_spooled_total 2.0" in metrics


def test_a_folder_that_cannot_be_written_stops_the_start_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (tmp_path / "missing", file):
        ended = command(["serve", "--port=0"], tmp_path, {"CALBELL_SPOOL_DIR": str(folder)})
        assert (ended.code, ended.out) == (2, "")
        (line,) = ended.err.splitlines()
        assert line.startswith(
            f"calbell: CALBELL_SPOOL_DIR={folder}: must be a folder that can be written: "
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
