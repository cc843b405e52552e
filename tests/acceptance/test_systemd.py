"""Under systemd, whose part the tests play: they hold the socket, and hear how the service is."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from calbell.calcom.signature import sign
from tests import payloads
from tests.acceptance.conftest import NewDatabase
from tests.acceptance.programs import PATIENCE_SECONDS, Program, ask, until
from tests.acceptance.stand import Database, Json, Meeting, started

SECRET = "webhook-secret-for-tests"
STARTER = str(Path(__file__).with_name("as_systemd.py"))
CALLERS = 6
RESTARTS = 3


@pytest.fixture
def database(new_database: NewDatabase) -> Database:
    return new_database("sqlite")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """What systemd would listen on."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=4096)) as made:
        yield made


class Hearing:
    """The other end of the channel on which a service tells how it is."""

    def __init__(self, address: str) -> None:
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind(address)
        self._channel.settimeout(PATIENCE_SECONDS)

    def next(self) -> str:
        """What it says next."""
        return self._channel.recv(4096).decode()

    def close(self) -> None:
        self._channel.close()


def serve(
    database: Database, passed: socket.socket, number: int = 1, *more: str, **variables: str
) -> Program:
    """`calbell serve` as systemd starts it."""
    arguments = [STARTER, str(passed.fileno()), str(number), "-m", "calbell", "serve", *more]
    said = {
        "CALBELL_DATABASE_URL": database.url,
        "CALBELL_WEBHOOK_SECRETS": SECRET,
        "CALBELL_EXPO_BASE_URL": "http://127.0.0.1:9",
        **variables,
    }
    return Program(arguments, database.folder, said, pass_fds=[passed.fileno()])


def url_of(passed: socket.socket) -> str:
    return f"http://127.0.0.1:{passed.getsockname()[1]}"


def test_it_serves_on_the_socket_that_it_is_given(
    database: Database, listening: socket.socket
) -> None:
    program = serve(database, listening, CALBELL_PORT="1")
    told: Json = program.first(program.err, started)
    assert told["url"] == url_of(listening)
    assert ask(url_of(listening), "GET", "/healthz").status == 200
    program.stop()


def test_restarts_leave_no_webhook_unanswered(database: Database, listening: socket.socket) -> None:
    database.run("migrate")
    host = database.user()
    over, answers, failures = threading.Event(), list[int](), list[str]()

    def call() -> None:
        while not over.is_set():
            body = payloads.body(Meeting(host).webhook(payloads.created))
            headers = {"X-Cal-Signature-256": sign(body, SECRET)}
            try:
                reply = ask(url_of(listening), "POST", "/webhooks/cal", body, headers)
                answers.append(reply.status)
            except Exception as error:
                failures.append(repr(error))

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    program = serve(database, listening)
    for caller in callers:
        caller.start()
    for _ in range(RESTARTS):
        already = len(answers)
        until(lambda n=already: len(answers) > n + 20 or None, "answers")  # type: ignore[misc]
        program.stop()
        assert not any('"http_server"' in line for line in program.err)
        program = serve(database, listening)
    until(lambda: failures or len(answers) > RESTARTS * 20 + 20 or None, "answers")
    over.set()
    for caller in callers:
        caller.join()
    program.stop()
    assert failures == []
    assert set(answers) == {200}


def test_who_connected_and_has_not_spoken_yet_is_answered_although_it_stops(
    database: Database,
) -> None:
    variables = {"CALBELL_DATABASE_URL": database.url}
    program = Program(["-m", "calbell", "serve", "--port=0"], database.folder, variables)
    url = program.first(program.err, started)["url"]
    address = urlsplit(url)
    place = (address.hostname, address.port)

    def is_closed() -> bool | None:
        try:
            socket.create_connection(place).close()
        except ConnectionRefusedError:
            return True
        return None

    with socket.create_connection(place) as slow:
        assert ask(url, "GET", "/healthz").status == 200
        program.ask_to_stop()
        until(is_closed, "the door to be closed")
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = slow.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    program.end_well()


@pytest.mark.parametrize("kind", ["a path", "an abstract name"])
def test_it_tells_when_it_is_ready_and_when_it_stops(
    database: Database, listening: socket.socket, tmp_path: Path, kind: str
) -> None:
    name = str(tmp_path / "notify") if kind == "a path" else f"@calbell-{os.getpid()}"
    with closing(Hearing(name.replace("@", "\0"))) as hearing:
        program = serve(database, listening, NOTIFY_SOCKET=name)
        assert hearing.next() == "READY=1"
        assert ask(url_of(listening), "GET", "/readyz").status == 200
        program.ask_to_stop()
        assert hearing.next() == "STOPPING=1"
        program.end_well()


def test_a_watchdog_hears_from_it_twice_in_its_time(
    database: Database, listening: socket.socket, tmp_path: Path
) -> None:
    with closing(Hearing(str(tmp_path / "notify"))) as hearing:
        program = serve(
            database, listening, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000"
        )
        assert hearing.next() == "READY=1"
        began = time.monotonic()
        assert [hearing.next() for _ in range(4)] == ["WATCHDOG=1"] * 4
        assert 1.4 < time.monotonic() - began < 3.0
        program.stop()


def test_a_watchdog_of_another_process_and_a_channel_that_is_gone_do_no_harm(
    database: Database, listening: socket.socket, tmp_path: Path
) -> None:
    program = serve(
        database,
        listening,
        NOTIFY_SOCKET=str(tmp_path / "gone"),
        WATCHDOG_USEC="1000",
        WATCHDOG_PID="1",
    )
    program.first(program.err, started)
    program.stop()
    assert sum('"not_notified"' in line for line in program.err) == 2


def wrong_sockets(stack: ExitStack) -> dict[str, socket.socket]:
    made = {
        "unix": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "datagram": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "accepted": socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    }
    for each in made.values():
        stack.enter_context(each)
    return made


@pytest.mark.parametrize("kind", ["unix", "datagram", "accepted"])
def test_another_kind_of_socket_is_refused_in_one_line(database: Database, kind: str) -> None:
    with ExitStack() as stack:
        program = serve(database, wrong_sockets(stack)[kind])
        assert refusal(program) == (
            "calbell: systemd passes a socket that is not a listening TCP one: in the socket's "
            "unit, write ListenStream= with a port, and Accept=no"
        )


@pytest.mark.parametrize(
    ("number", "more", "said"),
    [
        (2, (), "systemd passes 2 sockets (LISTEN_FDS), one is wanted"),
        (1, ("--port=0",), "leave out --host and --port"),
        (1, ("--host=127.0.0.1",), "leave out --host and --port"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_one_line(
    database: Database, listening: socket.socket, number: int, more: Sequence[str], said: str
) -> None:
    assert said in refusal(serve(database, listening, number, *more))


def test_a_descriptor_that_is_no_socket_is_refused_in_one_line(
    database: Database, tmp_path: Path
) -> None:
    with (tmp_path / "file").open("w") as file:
        arguments = [STARTER, str(file.fileno()), "1", "-m", "calbell", "serve"]
        program = Program(arguments, database.folder, pass_fds=[file.fileno()])
        assert "descriptor 3 is none" in refusal(program)


def test_a_socket_for_another_process_is_left_alone(
    database: Database, listening: socket.socket
) -> None:
    variables = {
        "CALBELL_DATABASE_URL": database.url,
        "LISTEN_FDS": "1",
        "LISTEN_PID": "1",
    }
    program = Program(["-m", "calbell", "serve", "--port=0"], database.folder, variables)
    assert program.first(program.err, started)["url"] != url_of(listening)
    program.stop()


def refusal(program: Program) -> str:
    """The one line with which it ends, for wrong use."""
    assert program.wait(30) == 2
    (line,) = program.err
    return line
