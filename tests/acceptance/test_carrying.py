"""`calbell export` and `calbell import`: from one running place to another."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from calbell.domain.carried import CarriedUser
from calbell.domain.carried_file import Writing
from calbell.flows.clocks import system_clock
from calbell.store import upkeep
from calbell.store.upkeep import Counts
from tests import payloads
from tests.acceptance.conftest import EngineName, NewDatabase
from tests.acceptance.programs import command, environment, until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import APP_PUSH, Database, Meeting, Stand, states, with_unit
from tests.acceptance.test_commands import line_of

REMINDERS = {"CALBELL_DEFAULT_REMINDER_MINUTES": "60"}


def records(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()[1:-1]


@pytest.fixture
def exported(tmp_path: Path, new_database: NewDatabase) -> Path:
    """The export of a database with a user and a key."""
    database = new_database("sqlite")
    database.run("users", "add", "--id=7", "--email=ada@example.com")
    database.run("keys", "create", "--user=7")
    file = tmp_path / "calbell.ndjson"
    ended = database.run("export", str(file))
    assert ended.code == 0, ended
    assert ended.err == ""
    return file


def test_after_a_move_phones_register_and_ring_as_before(
    new_database: NewDatabase, expo: Expo, tmp_path: Path
) -> None:
    old = Stand(new_database("sqlite"), expo, {})
    host, guest = old.database.user(), old.database.user()
    token = old.phone(host)
    before = old.register(host, token)
    meeting = Meeting(host, guest)
    old.tell(meeting.webhook(payloads.created))
    old.settled(meeting.uid)
    old.stop()
    file = tmp_path / "move.ndjson"
    assert old.database.run("export", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600

    database = new_database("postgresql")
    database.private |= old.database.private
    ended = database.run("import", str(file), **REMINDERS)
    assert (ended.code, ended.err) == (0, "")
    assert "2 reminders were planned" in ended.out
    new = Stand(database, expo, REMINDERS)
    after = new.register(host, token)
    assert (after["id"], after["createdAt"]) == (before["id"], before["createdAt"])
    new.tell(meeting.webhook(payloads.cancelled))
    assert states(new.settled(meeting.uid)) == ["delivered"]
    assert [shown["title"] for shown in expo.screen(token)][-1] == "Booking Cancelled"
    assert new.ask("DELETE", APP_PUSH, {"token": token}, key=host.key).status == 200
    new.stop()


def test_from_one_engine_to_the_other_and_back_the_file_is_the_same(
    exported: Path, new_database: NewDatabase, tmp_path: Path
) -> None:
    back = tmp_path / "back.ndjson"
    for engine in ("postgresql", "sqlite"):
        database = new_database(engine)
        assert database.run("import", str(exported)).code == 0
        assert database.run("export", str(back)).code == 0
        assert records(back) == records(exported)


def test_a_dash_is_stdout_and_stdin(exported: Path, new_database: NewDatabase) -> None:
    database = new_database("sqlite")
    variables = environment(CALBELL_DATABASE_URL=database.url)
    calbell = [sys.executable, "-m", "calbell"]
    with exported.open("rb") as file:
        took = subprocess.run(
            [*calbell, "import", "-", "--json"],
            env=variables, stdin=file, capture_output=True, check=True, cwd=database.folder,
        )  # fmt: skip
    assert json.loads(took.stdout)["records"]["key"]["added"] == 1
    gave = subprocess.run(
        [*calbell, "export", "-"],
        env=variables, capture_output=True, check=True, cwd=database.folder,
    )  # fmt: skip
    assert gave.stdout.splitlines()[1:-1] == records(exported)
    assert b"user" in gave.stderr


def test_counts_are_told_to_people_and_to_programs(
    exported: Path, new_database: NewDatabase
) -> None:
    database = new_database("sqlite")
    tried = json.loads(database.run("import", str(exported), "--dry-run", "--json").out)
    assert tried["dry_run"] is True
    assert "ada@example.com" not in database.run("users", "list").out
    shown = database.run("import", str(exported)).out
    assert "newer here" in shown
    told = json.loads(database.run("import", str(exported), "--json").out)
    assert told == {
        "dry_run": False,
        "records": {
            type_: {"added": 0, "changed": 0, "unchanged": 1, "newer": 0, "refused": 0}
            for type_ in ("user", "key")
        },
        "reminders": 0,
        "refused": 0,
        "refusals": [],
    }
    told = json.loads(database.run("export", "again.ndjson", "--json").out)
    assert told == {"user": 1, "key": 1, "device": 0, "source": 0, "booking": 0}


def test_a_file_that_was_cut_or_changed_is_refused_and_nothing_is_imported(
    exported: Path, new_database: NewDatabase
) -> None:
    database = new_database("sqlite")
    whole = exported.read_bytes()
    for said, why in (
        (whole[:-30], "line 4: it is cut off in the middle"),
        (b"".join(whole.splitlines(keepends=True)[:3]), "line 4: the file ends without its footer"),
        (whole.replace(b"Europe", b"Aurope"), "line 4: the SHA-256 is not that of the lines"),
        (whole.replace(b'{"type":"key"', b'{"type":"kee"'), "line 3: Invalid value 'kee'"),
        (b"{}\n", "line 1: it is not the header of a Calbell export"),
        (b"", "line 1: there is nothing in it"),
    ):
        exported.write_bytes(said)
        line = line_of(database.run("import", str(exported)), 1)
        assert f"{exported}, {why}" in line
        assert line.endswith("nothing was imported")
    assert "ada@example.com" not in database.run("users", "list").out


def test_what_cannot_be_taken_is_listed_and_the_rest_is_taken(
    engine: EngineName, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(engine)
    database.run("users", "add", "--id=7", "--email=ada@example.com")
    table = tmp_path / "tokens.csv"
    table.write_text(
        "user_id,token,platform,device_id\n"
        "7,ExponentPushToken[a],IOS,phone\n"
        "8,ExponentPushToken[b],IOS,phone\n"
        "7,fcm,IOS,phone\n"
    )
    ended = database.run("import", str(table))
    assert ended.code == 1
    assert ended.err.splitlines() == [
        "line 4: token is not an Expo push token",
        "line 3: there is no user 8",
    ]
    told = json.loads(database.run("import", str(table), "--json").out)
    assert told["records"]["device"] == {
        "added": 0, "changed": 0, "unchanged": 1, "newer": 0, "refused": 2,
    }  # fmt: skip
    assert {refusal["line"] for refusal in told["refusals"]} == {3, 4}
    assert "1 to ring" in database.run("users", "show", "7").out


def test_one_person_gets_what_is_his(exported: Path, new_database: NewDatabase) -> None:
    database = new_database("sqlite")
    database.run("import", str(exported))
    file = database.folder / "own.ndjson"
    assert database.run("export", str(file), "--user=7").code == 0
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert [line.get("type") for line in lines] == [None, "user", "key", "footer"]
    assert "hash" not in lines[2]
    assert "cannot be imported" in line_of(database.run("import", str(file)), 1)
    assert "there is no user 8" in line_of(database.run("export", str(file), "--user=8"), 1)
    assert json.loads(file.read_bytes().splitlines()[0])["user"] == 7
    assert not list(database.folder.glob("*.part"))


def test_files_that_are_not_there_are_said(tmp_path: Path) -> None:
    assert "cannot read nothing.ndjson: No such file" in line_of(
        command(["import", "nothing.ndjson"], tmp_path), 1
    )
    assert command(["migrate"], tmp_path).code == 0
    assert "cannot write no/x: No such file" in line_of(command(["export", "no/x"], tmp_path), 1)


def test_killed_in_the_middle_and_run_again_it_is_whole(
    engine: EngineName, new_database: NewDatabase, tmp_path: Path
) -> None:
    database, file, number = new_database(engine), tmp_path / "large.ndjson", 40_000
    file.write_bytes(large(number))
    database.run("migrate")
    importing = subprocess.Popen(
        [sys.executable, "-m", "calbell", "import", str(file)],
        env=environment(CALBELL_DATABASE_URL=database.url),
        cwd=database.folder,
        stdout=subprocess.DEVNULL,
    )
    until(lambda: users_of(database) or None, "the first users to be imported")
    importing.send_signal(signal.SIGKILL)
    assert importing.wait() == -signal.SIGKILL
    assert 0 < users_of(database) < number
    assert database.run("import", str(file)).code == 0
    back = tmp_path / "back.ndjson"
    assert database.run("export", str(back)).code == 0
    assert records(back) == records(file)


def users_of(database: Database) -> int:
    counts: Counts = with_unit(database.url, upkeep.counts, system_clock())
    return counts.users


def large(number: int) -> bytes:
    """The export of a database with so many users."""
    writing, now = Writing(), system_clock().replace(microsecond=0)
    people = (
        CarriedUser(
            id=nth,
            name="Sample",
            time_zone="UTC",
            locale="en",
            time_format=12,
            source="operator",
            addresses=(f"person{nth}@example.com",),
            created_at=now,
            refreshed_at=now,
        )
        for nth in range(1, number + 1)
    )
    return writing.header(now) + writing.lines("user", people) + writing.footer()
