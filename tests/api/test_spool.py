"""Webhooks while the database cannot take them: kept in files where there is a folder for it."""

import asyncio
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calbell.config import Secret, Settings
from calbell.flows import story
from calbell.flows.spool import Damaged, Spool, Spooled
from calbell.store import sources
from tests import payloads
from tests.api.desk import NOON, Desk, Said
from tests.api.outage import Down
from tests.api.test_sources import GENERAL, PATH, make, post, rows


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> Down:
    return Down(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "spool"
    made.mkdir()
    return made


def desk_of(folder: Path | None, *, of: Desk | None = None) -> Desk:
    chosen = Settings(webhook_secrets=(Secret(GENERAL),), rate_limit_api_key=0, spool_dir=folder)
    return Desk(chosen, connection=of.connection if of else None)


@pytest.fixture
def desk(folder: Path) -> Desk:
    return desk_of(folder)


def booked(uid: str = "b1", **more: Any) -> bytes:
    return payloads.body(
        payloads.created(
            uid=uid,
            organizer=payloads.organizer(id=7, email="user7@example.com"),
            start=NOON + timedelta(days=2),
            end=NOON + timedelta(days=2, hours=1),
            sent_at=NOON,
            **more,
        )
    )


def tell(desk: Desk, body: bytes) -> Said:
    return post(desk, GENERAL, None, body)


def unspool(desk: Desk) -> None:
    """The loop takes a turn."""
    ((_, turn),) = desk.parts.serving_loops
    asyncio.run(_turn(turn))


async def _turn(turn: Any) -> None:
    await turn()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_signed_waits_in_a_file_and_is_taken_in_as_of_then(
    desk: Desk, down: Down, folder: Path
) -> None:
    desk.user(7)
    down.is_down = True
    said = tell(desk, booked())
    assert said.status == 200
    event_id = said.json()["data"]["eventId"]
    assert (
        said.body
        == (
            f'{{"status":"success","data":{{"eventId":"{event_id}","duplicate":false,"recipients":0}}}}'
        ).encode()
    )
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == booked()
    desk.later(minutes=10)
    unspool(desk)
    assert files(folder) == [path.name]
    down.is_down = False
    unspool(desk)
    assert files(folder) == []
    told = desk.run(story.timeline, "b1")
    assert told is not None
    (event,) = told.events
    assert (event.event_id, event.received_at, event.sent_at) == (event_id, NOON, NOON)
    assert [n.kind for n in event.notifications] == ["BOOKING_CONFIRMED"]


def test_without_a_folder_it_is_503(down: Down) -> None:
    desk = desk_of(None)
    down.is_down = True
    assert tell(desk, booked()).status == 503
    assert desk.parts.serving_loops == ()


def test_only_what_is_signed_is_kept(desk: Desk, down: Down, folder: Path) -> None:
    make(desk)
    down.is_down = True
    assert post(desk, "wrong", None, booked()).status == 401
    assert post(desk, None, None, booked()).status == 401
    assert post(desk, "s-one", PATH, booked()).status == 503
    assert files(folder) == []


def test_what_a_remembered_source_signs_is_kept_with_its_source(
    desk: Desk, down: Down, folder: Path
) -> None:
    id_ = make(desk)
    assert post(desk, "s-one").status == 200
    down.is_down = True
    desk.later(hours=3)
    assert post(desk, "wrong", PATH, booked()).status == 401
    assert post(desk, "s-one", "nobody", booked()).status == 503
    assert files(folder) == []
    assert post(desk, "s-one", PATH, booked()).status == 200
    down.is_down = False
    unspool(desk)
    assert rows(desk, "select source_id from events order by id") == [(id_,), (id_,)]
    source = desk.run(sources.find, PATH)
    assert source is not None
    assert source.last_event_at == NOON + timedelta(hours=3)


def test_an_old_secret_is_not_good_for_longer_because_the_database_is_down(
    desk: Desk, down: Down, folder: Path
) -> None:
    id_ = make(desk)
    desk.run(sources.rotate, id_, "s-new", NOON + timedelta(hours=1))
    assert post(desk, "s-new").status == 200
    down.is_down = True
    assert post(desk, "s-one", PATH, b"1").status == 200
    desk.later(hours=1)
    assert post(desk, "s-one", PATH, b"2").status == 401
    assert post(desk, "s-new", PATH, b"2").status == 200


def test_what_waits_is_taken_in_by_the_next_process_and_once(
    desk: Desk, down: Down, folder: Path
) -> None:
    desk.user(7)
    down.is_down = True
    first = tell(desk, booked())
    desk.later(seconds=1)
    assert tell(desk, booked()).json() == first.json()
    assert len(files(folder)) == 2
    down.is_down = False
    after = desk_of(folder, of=desk)
    unspool(after)
    assert files(folder) == []
    assert rows(after, "select count(*) from events") == [(1,)]
    assert rows(after, "select count(*) from notifications") == [(1,)]
    again = tell(after, booked()).json()["data"]
    assert again == {**first.json()["data"], "duplicate": True, "recipients": 1}


def test_a_file_whose_event_was_committed_before_the_crash_doubles_nothing(
    desk: Desk, folder: Path
) -> None:
    desk.user(7)
    assert tell(desk, booked()).status == 200
    asyncio.run(Spool(folder).keep(booked(), NOON, None))
    unspool(desk)
    assert files(folder) == []
    assert rows(desk, "select count(*) from notifications") == [(1,)]


def test_what_came_first_is_taken_in_first(desk: Desk, down: Down, folder: Path) -> None:
    down.is_down = True
    uids = [f"b{n}" for n in range(200)]
    for uid in uids:
        assert tell(desk, booked(uid)).status == 200
        desk.later(milliseconds=1)
    down.is_down = False
    unspool(desk)
    assert files(folder) == []
    kept = "select b.uid from events e join bookings b on b.id = e.booking_id order by {}"
    found = [uid for (uid,) in rows(desk, kept.format("e.received_at"))]
    assert found == uids
    in_lists = [uid for (uid,) in rows(desk, kept.format("e.id"))]
    lists = [in_lists[n : n + 64] for n in range(0, 200, 64)]
    assert [sorted(one) for one in lists] == [sorted(uids[n : n + 64]) for n in range(0, 200, 64)]


def test_a_body_that_nobody_understands_waits_as_well(desk: Desk, down: Down, folder: Path) -> None:
    down.is_down = True
    for body in (b"", b"\xff", b"{}"):
        assert tell(desk, body).status == 200
    down.is_down = False
    unspool(desk)
    assert rows(desk, "select state, count(*) from events group by state") == [("unreadable", 3)]


@contextmanager
def no_room() -> Iterator[None]:
    """No file can grow large, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_where_there_is_no_room_it_is_503_and_nothing_is_left(
    desk: Desk, down: Down, folder: Path
) -> None:
    down.is_down = True
    with no_room():
        said = tell(desk, booked(additionalNotes="x" * 1_000_000))
    assert said.status == 503
    assert files(folder) == []


def test_where_the_folder_is_gone_it_is_503(desk: Desk, down: Down, folder: Path) -> None:
    down.is_down = True
    folder.rmdir()
    assert tell(desk, booked()).status == 503


def test_a_damaged_file_is_laid_aside_and_keeps_nobody_waiting(
    desk: Desk, down: Down, folder: Path
) -> None:
    down.is_down = True
    tell(desk, booked("b1"))
    (damaged,) = folder.iterdir()
    desk.later(seconds=1)
    tell(desk, booked("b2"))
    damaged.write_bytes(b"torn")
    down.is_down = False
    unspool(desk)
    assert files(folder) == [damaged.with_suffix(".damaged").name]
    assert rows(desk, "select uid from bookings") == [("b2",)]


def test_one_that_cannot_be_taken_in_keeps_nobody_waiting_and_is_not_lost(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, uid in enumerate(("b1", "b2")):
        asyncio.run(Spool(folder).keep(booked(uid), NOON + timedelta(seconds=n), None))
    receive = desk.parts.receive.take_in

    async def fragile(incoming: Any) -> Any:
        if incoming.event.uid == "b1":
            raise ValueError("a booking that breaks something")
        return await receive(incoming)

    monkeypatch.setattr(desk.parts.receive, "take_in", fragile)
    unspool(desk)
    (left,) = folder.iterdir()
    assert left.read_bytes() == booked("b1")
    assert rows(desk, "select uid from bookings") == [("b2",)]


def test_what_a_crash_left_is_cleared_away_but_not_what_is_being_written(folder: Path) -> None:
    old, young, other = folder / ".a.tmp", folder / ".b.tmp", folder / "notes.txt"
    for path, minutes in ((old, 61), (young, 59), (other, 999)):
        path.touch()
        at = (NOON - timedelta(minutes=minutes)).timestamp()
        os.utime(path, (at, at))
    Spool(folder).prepare(NOON)
    assert files(folder) == [".b.tmp", "notes.txt"]
    assert asyncio.run(Spool(folder).waiting()) == []


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(max_size=200),
    source=st.none() | st.integers(1, 2**63 - 1),
    after=st.timedeltas(timedelta(days=-9999), timedelta(days=99999)),
)
def test_a_webhook_is_found_as_it_was_kept(
    folder: Path, body: bytes, source: int | None, after: timedelta
) -> None:
    async def there_and_back() -> tuple[Spooled, bytes | None, list[Spooled], bytes | None]:
        spool = Spool(folder)
        await spool.keep(body, NOON + after, source)
        (spooled,) = await spool.waiting()
        found = await spool.read(spooled)
        await spool.remove([spooled])
        return spooled, found, await spool.waiting(), await spool.read(spooled)

    spooled, found, left, gone = asyncio.run(there_and_back())
    assert (spooled.received_at, spooled.source_id) == (NOON + after, source)
    assert spooled.body_hash == sha256(body).hexdigest()
    assert (found, left, gone) == (body, [], None)


def test_what_was_changed_is_not_taken_for_what_was_sent(folder: Path) -> None:
    spool = Spool(folder)
    asyncio.run(spool.keep(b"sent", NOON, None))
    (spooled,) = asyncio.run(spool.waiting())
    (folder / spooled.name).write_bytes(b"changed")
    with pytest.raises(Damaged):
        asyncio.run(spool.read(spooled))
