"""The heartbeat: heard while all is well, and silent when somebody should look."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from calbell.beat import BeatAddress
from calbell.flows.heartbeat import EVERY, Heartbeat
from calbell.store import migrate
from calbell.store.connection import StoreUnavailable
from calbell.store.database import InlineDatabase, Unit
from calbell.store.sqlite import SqliteConnection, SqliteEngine
from tests.contract.world import NOW, World

T = TypeVar("T")


class Listener:
    """Hears the beat, and may answer badly."""

    def __init__(self) -> None:
        self.heard = 0
        self.answers: str | None = None

    async def __call__(self) -> str | None:
        self.heard += 1
        return self.answers


@pytest.fixture
def connection() -> Iterator[SqliteConnection]:
    connection = SqliteEngine(":memory:").connect()
    migrate.migrate(connection, NOW)
    yield connection
    connection.close()


def lines(logged: Sequence[Mapping[str, Any]]) -> list[tuple[str, str | None]]:
    """What was logged, with its reason."""
    return [(line["event"], line.get("reason")) for line in logged]


def test_it_beats_while_all_is_well_and_is_silent_else(
    connection: SqliteConnection,
) -> None:
    world, listener = World(connection), Listener()
    now = NOW
    heartbeat = Heartbeat(InlineDatabase(connection), lambda: now, listener, hears_all=True)
    with capture_logs() as logged:
        assert asyncio.run(heartbeat.turn()) == NOW + EVERY
        assert listener.heard == 1
        world.user(7)
        world.register(7, "a")
        world.queue(7)
        now += timedelta(minutes=1)
        asyncio.run(heartbeat.turn())
        assert listener.heard == 2
        assert lines(logged) == []
        for _ in range(3):
            now += timedelta(minutes=2)
            asyncio.run(heartbeat.turn())
        assert listener.heard == 2
        world.finish(now)
        asyncio.run(heartbeat.turn())
        assert listener.heard == 3
    assert lines(logged) == [("heartbeat_missed", "trouble"), ("heartbeat_goes_on", None)]


def test_it_is_silent_while_the_database_cannot_be_asked(connection: SqliteConnection) -> None:
    class Down(InlineDatabase):
        @override
        async def read(self, unit: Unit[..., T], *args: object, **kwargs: object) -> T:
            raise StoreUnavailable("it is locked")

    listener = Listener()
    heartbeat = Heartbeat(Down(connection), lambda: NOW, listener, hears_all=True)
    with capture_logs() as logged:
        asyncio.run(heartbeat.turn())
    assert listener.heard == 0
    assert lines(logged) == [("heartbeat_missed", "database")]


def test_that_nobody_hears_it_is_said_once(connection: SqliteConnection) -> None:
    listener = Listener()
    listener.answers = "status 500"
    heartbeat = Heartbeat(
        InlineDatabase(connection), lambda: datetime.now(UTC), listener, hears_all=True
    )
    with capture_logs() as logged:
        for _ in range(2):
            asyncio.run(heartbeat.turn())
    assert lines(logged) == [("heartbeat_missed", "status 500")]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK", None),
        (b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", "status 503"),
        (b"nonsense", "no connection"),
        (None, "timeout"),
    ],
)
def test_the_address_is_asked_and_what_failed_is_a_word(
    answer: bytes | None, why: str | None
) -> None:
    asked, serving = list[bytes](), list[asyncio.Task[Any] | None]()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.partition(b"\r\n")[0])
        if answer is not None:
            writer.write(answer)
        else:
            await reader.read()
        writer.close()
        await writer.wait_closed()

    async def ask() -> str | None:
        server = await asyncio.start_server(served, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        address = BeatAddress(f"http://127.0.0.1:{port}/secret-path", timedelta(seconds=2))
        async with server:
            why = await address.ask()
            await asyncio.gather(*(task for task in serving if task is not None))
        return why

    assert asyncio.run(ask()) == why
    assert set(asked) == {b"GET /secret-path HTTP/1.1"}
