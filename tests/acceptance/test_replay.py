"""`calbell replay --diff`, beside a running service and on databases of other versions."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from calbell.store import history
from calbell.store.connection import Connection
from calbell.store.statements import Statement
from tests import payloads
from tests.acceptance.conftest import EngineName, NewDatabase
from tests.acceptance.stand import Database, Json, Meeting, Stand, with_unit

COMMAND = ("replay", "--diff", "--since", "1h")


def count(sql: str) -> Callable[[Connection], int]:
    statement = Statement("change", "", (), (), (), sql, sql, returns_rows=False)
    return lambda connection: connection.count(statement)


def lines(out: str) -> list[Json]:
    return [json.loads(line) for line in out.splitlines()]


def told(stand: Stand) -> Meeting:
    """A meeting of two users with a phone each, booked, paid and cancelled, each of it heard."""
    host, guest = stand.database.user(), stand.database.user()
    stand.phone(host)
    stand.phone(guest, "ANDROID")
    meeting = Meeting(host, guest)
    for trigger in (payloads.created, payloads.paid, payloads.cancelled):
        stand.tell(meeting.webhook(trigger))
        stand.settled(meeting.uid)
    return meeting


def test_beside_a_running_service_it_shows_what_other_settings_would_change(
    own_stand: Callable[..., Stand],
) -> None:
    stand = own_stand(CALBELL_DEFAULT_REMINDER_MINUTES="10")
    meeting = told(stand)
    as_it_is = {"CALBELL_DEFAULT_REMINDER_MINUTES": "10"}
    same = stand.database.run(*COMMAND, **as_it_is)
    assert (same.code, same.err) == (0, "")
    assert ["events", "read", "3"] in [line.split() for line in same.out.splitlines()]
    assert ["notifications", "the", "same", "8"] in [line.split() for line in same.out.splitlines()]

    other = {**as_it_is, "CALBELL_PRIVACY": "no_names"}
    changed = stand.database.run(*COMMAND, "--limit=2", **other)
    assert changed.code == 1
    assert "would say something else: 6" in changed.out
    assert "    and 4 more" in changed.out
    assert f"BOOKING_CREATED, booking {meeting.uid}, user {meeting.host['id']}: " in changed.out
    assert "BOOKING_CONFIRMED -> BOOKING_CONFIRMED (texts or rules)" in changed.out
    assert "Chat about" not in changed.out
    assert meeting.host["name"] not in changed.out
    assert "Chat about" in stand.database.run(*COMMAND, "--texts", **other).out

    fewer = stand.database.run(*COMMAND, "--json")
    *differences, last = lines(fewer.out)
    assert fewer.code == 1
    assert last["summary"]["differences"]["gone"] == len(differences) == 2
    for one in differences:
        assert (one["difference"], one["trigger"]) == ("gone", "BOOKING_CREATED")
        assert one["was"]["kind"] == "BOOKING_REMINDER"
        assert "dueAt" in one["was"]
        assert not {"would", "words"} & one.keys()


def test_the_file_is_left_as_it_is(new_database: NewDatabase) -> None:
    database = new_database("sqlite")
    assert database.run("users", "add", "--id=7", "--email=person7@example.com").code == 0
    file = Path(database.url.removeprefix("sqlite:///"))
    before = sha256(file.read_bytes()).digest()
    assert database.run(*COMMAND).code == 0
    assert sha256(file.read_bytes()).digest() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/none.db", tmp_path)
    ended = database.run(*COMMAND)
    assert (ended.code, ended.out) == (1, "")
    assert f"there is no database {tmp_path}/none.db" in ended.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (f"delete from schema where version >= {history.READ_SINCE}", "run calbell migrate first"),
        ("insert into schema values (9999, 0, 'x', null)", "run the newer program"),
    ],
)
def test_a_database_of_another_version_is_refused_in_one_line(
    engine: EngineName, new_database: NewDatabase, change: str, said: str
) -> None:
    database = new_database(engine)
    assert database.run("migrate").code == 0
    with_unit(database.url, count(change))
    ended = database.run(*COMMAND)
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert said in line
