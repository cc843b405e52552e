"""The commands: what they print, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from calbell.cli.commands import run
from calbell.store.migrate import bring_up_to_date
from calbell.store.sqlite import SqliteEngine
from tests import payloads
from tests.acceptance.conftest import EngineName, NewDatabase
from tests.acceptance.programs import Ended, command
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Meeting, Stand, states
from tests.api.desk import NOON

COMMANDS = (
    "serve", "worker", "demo", "expo-simulator", "push", "backup", "migrate", "status",
    "export", "import",
    "users", "users add", "users list", "users show", "users remove",
    "keys", "keys create", "keys list", "keys revoke",
    "events", "events list", "events replay", "events refusals", "replay",
)  # fmt: skip


@pytest.fixture
def database(new_database: NewDatabase) -> Database:
    return new_database("sqlite")


def line_of(ended: Ended, code: int) -> str:
    """The one line that a command says why it ended with this code."""
    assert (ended.code, ended.out) == (code, ""), ended
    (line,) = ended.err.splitlines()
    assert line.startswith("calbell: ")
    assert "Traceback" not in line
    assert "unexpected" not in line
    return line


@pytest.fixture
def called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Ended]:
    """Runs a command within this process: a start of its own for each would take minutes."""
    monkeypatch.chdir(tmp_path)

    def call(words: str) -> Ended:
        code = run(words.split())
        return Ended(code, *capsys.readouterr())

    return call


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_command_explains_itself(
    called: Callable[[str], Ended], tmp_path: Path, name: str
) -> None:
    ended = called(f"{name} --help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(" ".join(["Usage: calbell", *name.split()]))
    assert list(tmp_path.iterdir()) == []


def test_the_help_lists_every_command(tmp_path: Path) -> None:
    out = command(["--help"], tmp_path).out
    assert all(f" {name} " in out for name in COMMANDS if " " not in name)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nonsense", "nonsense"),
        ("users nonsense", "nonsense"),
        ("serve --nonsense", "--nonsense"),
        ("serve --port x", "--port"),
        ("serve --port 65536", "--port"),
        ("expo-simulator --port -1", "--port"),
        ("expo-simulator --receipt-delay x", "--receipt-delay"),
        ("expo-simulator --receipt-delay -1", "--receipt-delay"),
        ("expo-simulator --receipt-delay nan", "--receipt-delay"),
        ("push", "--user"),
        ("push --user 1 --event NOTHING", "BOOKING_CONFIRMED"),
        ("users add --id 1", "--email"),
        ("users add --id x --email a@example.net", "--id"),
        ("users add --id 0 --email a@example.net", "--id"),
        ("users add --id 9223372036854775808 --email a@example.net", "--id"),
        ("users add --id 1 --email nobody", "--email"),
        ("users add --id 1 --email a@example.net --time-zone Mars/Base", "--time-zone"),
        ("users add --id 1 --email a@example.net --time-format 13", "--time-format"),
        ("users add --id 1 --email a@example.net --locale xx_!!", "--locale"),
        ("users show", "--id"),
        ("users show x", "ID"),
        ("keys create", "--user or --role"),
        ("keys create --user 1 --role admin", "--user or --role"),
        ("keys create --role boss", "--role"),
        ("keys create --role admin --expires 2020-01-01", "--expires"),
        ("keys create --role admin --expires soon", "--expires"),
        ("keys revoke x", "ID"),
        ("export", "FILE"),
        ("export --nonsense", "--nonsense"),
        ("export x --user y", "--user"),
        ("import", "FILE"),
        ("replay", "calbell events replay"),
        ("replay --diff --since x", "--since"),
        ("replay --diff --limit -1", "--limit"),
        ("import -x", "-x"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    called: Callable[[str], Ended], words: str, said: str
) -> None:
    assert said in line_of(called(words), 2)


def test_a_program_that_is_used_wrongly_ends_with_that_code(tmp_path: Path) -> None:
    assert "nonsense" in line_of(command(["nonsense"], tmp_path), 2)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CALBELL_PORT": "x"}, "CALBELL_PORT='x'"),
        ({"CALBELL_DATABASE_URL": "mysql://user:hunter2@host/x"}, "CALBELL_DATABASE_URL"),
        ({"CALBELL_DATABASE_ULR": "x"}, "did you mean CALBELL_DATABASE_URL?"),
        ({"CALBELL_LEASE_SECONDS": "1"}, "CALBELL_LEASE_SECONDS=1"),
        ({"CALBELL_ADMIN_TOKEN": "hunter2"}, "CALBELL_ADMIN_TOKEN=***"),
        ({"CALBELL_ADMIN_TOKEN_FILE": "nothing.txt"}, "CALBELL_ADMIN_TOKEN_FILE"),
        ({"CALBELL_LOG_LEVEL": "loud"}, "CALBELL_LOG_LEVEL='loud'"),
    ],
)
@pytest.mark.parametrize("words", ["serve", "status"])
def test_wrong_configuration_is_one_line_that_names_the_variable(
    tmp_path: Path, variables: dict[str, str], said: str, words: str
) -> None:
    line = line_of(command(words.split(), tmp_path, variables), 2)
    assert said in line
    assert "hunter2" not in line
    assert list(tmp_path.iterdir()) == []


def test_the_env_file_and_files_of_secrets_are_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CALBELL_DATABASE_URL=sqlite:///named.db\n")
    (tmp_path / "level.txt").write_text("error\n")
    ended = command(["migrate"], tmp_path, {"CALBELL_LOG_LEVEL_FILE": "level.txt"})
    assert ended.code == 0
    assert (tmp_path / "named.db").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("users show 77", "there is no user 77"),
        ("users remove 77", "there is no user 77"),
        ("keys create --user 77", "there is no user 77"),
        ("keys revoke 77", "there is no key 77"),
        ("push --user 77", "there is no user 77"),
    ],
)
def test_what_is_not_there_is_said_with_exit_code_1(tmp_path: Path, words: str, said: str) -> None:
    bring_up_to_date(SqliteEngine(str(tmp_path / "calbell.db")), NOON)
    assert said in line_of(command(words.split(), tmp_path), 1)


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "users list",
        "keys create --user 77",
        "events replay",
        "explain --user 7",
        "export all",
    ],
)
def test_in_a_wrong_folder_nothing_is_made_and_nothing_looks_empty(
    tmp_path: Path, words: str
) -> None:
    line = line_of(command(words.split(), tmp_path), 1)
    assert f"there is no database {tmp_path}/calbell.db" in line
    assert list(tmp_path.iterdir()) == []


def test_whose_an_address_was_is_said(tmp_path: Path) -> None:
    words = ["users", "add", "--email", "Ada@example.net", "--id"]
    assert command([*words, "7"], tmp_path).out == "user 7 is kept\n"
    assert command([*words, "7"], tmp_path).out == "user 7 is kept\n"
    ended = command([*words, "8"], tmp_path)
    assert ended.code == 0
    assert "ada@example.net was user 7's" in ended.out


def test_a_span_that_is_not_given_is_said_as_it_would_be_given(tmp_path: Path) -> None:
    assert "[default: 1d]" in command(["explain", "--help"], tmp_path).out


def test_a_database_that_is_not_there_is_said_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://calbell:hunter2@127.0.0.1:1/calbell"
    for words in ("serve", "migrate", "status"):
        line = line_of(command([words], tmp_path, {"CALBELL_DATABASE_URL": url}), 1)
        assert "cannot connect to PostgreSQL" in line
        assert "hunter2" not in line
    for wrong in (
        "hunter2@[::1/x",
        "hun/ter2@127.0.0.1:1/x",
        "hun@ter2@127.0.0.1:1/x",
        "hunter2@h:x/x",
    ):
        url = f"postgresql://calbell:{wrong}"
        line = line_of(command(["status"], tmp_path, {"CALBELL_DATABASE_URL": url}), 1)
        assert "not a connection URL" in line
        assert "hun" not in line
        assert "ter2" not in line
    url = "sqlite:///no/x.db"
    line = line_of(
        command(["keys", "create", "--role=admin"], tmp_path, {"CALBELL_DATABASE_URL": url}), 1
    )
    assert line.endswith(f"there is no folder {tmp_path}/no")


def test_a_port_that_is_taken_is_said(sqlite_stand: Stand, tmp_path: Path) -> None:
    port = sqlite_stand.url.rpartition(":")[2]
    for words in (["serve"], ["expo-simulator"]):
        ended = command([*words, f"--port={port}"], tmp_path)
        assert ended.code == 1
        assert f"cannot listen on 127.0.0.1 port {port}" in ended.err
        assert "Traceback" not in ended.err


def test_users_are_added_changed_shown_listed_and_removed(
    engine: EngineName, new_database: NewDatabase
) -> None:
    database = new_database(engine)
    add = ("users", "add", "--id=7", "--email=Ada@Example.com", "--email=ada@example.net")
    assert database.run(*add, "--name=Zoë [Ada]", "--username=ada").code == 0
    shown = database.run("users", "show", "7").out
    names = ("Zoë [Ada]", "ada@example.com, ada@example.net", "Europe/London", "12 h")
    for said in (*names, "quiet hours"):
        assert said in shown
    assert database.run(*add, "--time-zone=Europe/Berlin", "--time-format=24").code == 0
    shown = database.run("users", "show", "7").out
    assert "Europe/Berlin" in shown
    assert "24 h" in shown
    assert "ada@example.com, ada@example.net" in database.run("users", "list").out
    assert database.run("users", "remove", "7").code == 0
    assert "ada@example.com" not in database.run("users", "list").out
    assert database.run("users", "remove", "7").code == 1


def test_a_key_is_shown_once_and_then_only_by_its_end(
    engine: EngineName, new_database: NewDatabase
) -> None:
    database = new_database(engine)
    database.run("users", "add", "--id=7", "--email=a@example.net")
    made = database.run("keys", "create", "--user=7", "--name=phone", "--expires=2999-12-31")
    assert (made.code, made.err) == (0, "")
    (key,) = made.out.splitlines()
    operators = database.run("keys", "create", "--role=support").out.strip()
    listed = database.run("keys", "list").out
    for said in ("user 7", "phone", "2999-12-31", "role support", f"cal_…{key[-4:]}", "good"):
        assert said in listed
    assert key not in listed
    assert operators not in listed
    assert database.run("keys", "revoke", "1").code == 0
    assert "revoked" in database.run("keys", "list").out
    assert database.run("keys", "revoke", "1").code == 1


def test_migrating_twice_changes_nothing(engine: EngineName, new_database: NewDatabase) -> None:
    database = new_database(engine)
    assert database.run("users", "add", "--id=7", "--email=a@example.net").code == 0
    again = database.run("migrate")
    assert (again.code, again.out, again.err) == (0, "up to date\n", "")
    assert database.run("users", "show", "7").code == 0


def test_a_first_migration_says_what_it_did(tmp_path: Path) -> None:
    ended = command(["migrate"], tmp_path)
    assert ended.code == 0
    assert ended.out.startswith("applied: 1")


def test_status_tells_what_there_is(own_stand: Callable[..., Stand]) -> None:
    stand = own_stand()
    host = stand.database.user()
    stand.phone(host)
    gone = stand.phone(host, "ANDROID")
    stand.expo.unregister(gone)
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    stand.settled(meeting.uid)
    stand.webhook(b"nonsense")
    told = json.loads(stand.database.run("status", "--json").out)
    assert told["depth"]["due"] == 0
    assert told["deliveries"] == {"delivered": 1, "unregistered": 1}
    assert told["notifications"] == {"released": 1}
    assert (told["users"], told["phones"], told["phones_gone"]) == (1, 1, 1)
    assert told["unreadable_events"] == 1
    assert told["last_event_at"]
    assert [one["code"] for one in told["last_failures"]] == ["DeviceNotRegistered"]
    shown = stand.database.run("status")
    assert shown.code == 0
    for said in ("1 to ring, 1 gone", "1 delivered, 1 unregistered", "DeviceNotRegistered"):
        assert said in shown.out


def test_push_without_a_service_sends_by_itself(
    engine: EngineName, new_database: NewDatabase, expo: Expo
) -> None:
    database = new_database(engine)
    assert database.run("migrate").code == 0
    host = database.user()
    variables = {
        "CALBELL_EXPO_BASE_URL": expo.url,
        "CALBELL_RECEIPT_DELAY_SECONDS": "0.1",
    }
    nobody = database.run("push", f"--user={host.id}", **variables)
    assert "no device" in line_of(nobody, 1)

    stand = Stand(database, expo, {})
    iphone, android = stand.phone(host), stand.phone(host, "ANDROID")
    stand.stop()
    ended = database.run("push", f"--user={host.id}", **variables)
    assert ended.code == 0, ended
    said = [line.split()[-1] for line in ended.out.splitlines()]
    assert len(said) == 2
    assert set(said) <= {"accepted", "delivered"}
    ended = database.run("push", f"--user={host.id}", "--wait-receipt", **variables)
    assert sorted(line.split()[-1] for line in ended.out.splitlines()) == ["delivered"] * 2
    assert [len(expo.screen(token)) for token in (iphone, android)] == [2, 2]

    expo.unregister(android)
    ended = database.run("push", f"--user={host.id}", **variables)
    assert ended.code == 1
    assert "unregistered: the app is gone from the phone" in ended.out
    assert "(DeviceNotRegistered)" in ended.out


def test_push_beside_a_service_is_sent_by_that_one(stand: Stand) -> None:
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    assert states(stand.settled(meeting.uid)) == ["delivered"]
    ended = stand.database.run(
        "push", f"--user={host.id}", "--event=BOOKING_REQUESTED", f"--uid={meeting.uid}",
        CALBELL_EXPO_BASE_URL=stand.expo.url,
    )  # fmt: skip
    assert ended.code == 0, ended
    _, shown = stand.expo.screen(token)
    assert shown["data"]["notificationEvent"] == "BOOKING_REQUESTED"
    assert shown["data"]["bookingUid"] == meeting.uid
    assert shown["categoryId"] == "calcom_booking_request_actions"
    unheard = stand.database.run("push", f"--user={host.id}", "--uid=nothing")
    assert "nothing was ever heard of booking nothing" in line_of(unheard, 1)


def test_a_preview_shows_the_messages_and_sends_nothing(stand: Stand) -> None:
    host = stand.database.user()
    tokens = stand.phone(host), stand.phone(host, "ANDROID")
    ended = stand.database.run("push", f"--user={host.id}", "--preview")
    assert (ended.code, ended.err) == (0, "")
    messages = [json.loads(line) for line in ended.out.splitlines() if line.startswith("{")]
    assert [message["to"] for message in messages] == ["ExponentPushToken[…]"] * 2
    assert messages[0]["data"]["notificationEvent"] == "BOOKING_CONFIRMED"
    assert ended.out.count(" of 4096 bytes") == 2
    assert [stand.expo.sent(token) for token in tokens] == [[], []]


def test_the_status_says_how_large_the_database_is(database: Database) -> None:
    assert database.run("migrate").code == 0
    told = json.loads(database.run("status", "--json").out)["storage"]
    assert told["size"] == Path(database.url.removeprefix("sqlite:///")).stat().st_size
    assert told["free"] == 0
    lines = database.run("status").out.splitlines()
    assert ["database", f"{told['size'] / 1e6:.1f}", "MB"] in [line.split() for line in lines]
