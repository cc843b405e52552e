"""From one database to another, on both engines and between them."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from calbell.domain.newer import Outcome
from calbell.domain.plan import Rules
from calbell.domain.push_tokens import token_hash
from calbell.domain.sightings import Sighting
from calbell.flows import carry_in
from calbell.flows.carry_in import CarryIn, Numbered, Refusal
from calbell.flows.carry_out import carry_out
from calbell.flows.erase import remove_user
from calbell.flows.grant import grant, key_hash
from calbell.flows.own_copy import own_copy
from calbell.store import keys, migrate, projects, removals, sources, subscriptions, users
from calbell.store.connection import Connection
from calbell.store.postgresql import PostgresEngine
from calbell.store.sqlite import SqliteEngine
from calbell.store.statements import Dialect
from calbell.store.subscriptions import Seen
from tests import payloads
from tests.contract.test_take_in import END, START, Intake, created, said
from tests.contract.world import LATER, NOW, World, profile, token

RULES = Rules(reminders=(timedelta(minutes=10),))


class Filled(Intake):
    """A database with something of everything."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.user(7, "host@example.com", "ada@work.example")
        self.user(8, "guest@example.com")
        self.user(9)
        connection.script("update users set preferences = '{\"quiet\": true}' where id = 7;")
        self.register(7, "a")
        self.register(9, "gone")
        self.register(8, "a", LATER)
        self.register(7, "b", LATER)
        self.register(9, "b")
        self.register(7, "b", LATER)
        dead = self.phones(9)[0].phone_id
        gone = Seen(token_hash(token("gone")), dead, Sighting.GONE, "DeviceNotRegistered", NOW)
        self.run(subscriptions.note_sightings, [gone], LATER)
        ids = self.run(projects.know, ["@owner/app"])
        self.run(subscriptions.learn_projects, {token("b"): ids["@owner/app"]}, NOW)
        self.run(subscriptions.note_receipts, {"x": (dead, "ok")}, LATER)
        self.key = self.run(grant, 7, None, "phone", NOW.date(), NOW, self.chance).key
        self.run(grant, None, "admin", "ops", None, NOW, self.chance)
        self.run(keys.revoke, 1, LATER)
        one = self.run(sources.create, path="p1", secret="s1", scope="user", user_id=7)
        self.run(sources.create, path="p2", secret="s2", scope="instance", remote_id="r2")
        self.run(sources.rotate, one, "s3", LATER)
        self.take(created())
        self.take(created(uid="b2", title='Zoë 💜 "%"'))
        self.take(payloads.cancelled(**said(uid="b2", sent_at=LATER)))  # type: ignore[arg-type]
        self.take(created(uid="over", start=NOW - timedelta(hours=2), end=NOW - timedelta(hours=1)))


def exported(connection: Connection, now: datetime = NOW) -> bytes:
    parts = list[bytes]()
    carry_out(connection, parts.append, now, lambda done, total: None)
    return b"".join(parts)


def records(file: bytes) -> list[bytes]:
    """All lines but the header and the footer, which are of the moment."""
    return file.splitlines()[1:-1]


class Import:
    """What became of an import."""

    def __init__(
        self,
        connection: Connection,
        file: bytes,
        rules: Rules = RULES,
        now: datetime = NOW,
        *,
        trial: bool = False,
        through: Callable[[Iterator[Numbered]], Iterator[Numbered]] = iter,
    ) -> None:
        self.refusals = list[Refusal]()
        opened = BytesIO(file)
        self.carry = CarryIn(connection, rules, lambda: now, self.refusals.append, trial=trial)
        self.carry.make_room(carry_in.check(opened, lambda _: None).highest)
        self.carry.take(through(carry_in.records_of(opened, lambda _: None)))
        self.carry.finish()

    def count(self, outcome: Outcome) -> dict[str, int]:
        return {t: n[outcome] for t, n in self.carry.counts.items() if n[outcome]}


@pytest.fixture
def file(tmp_path: Path) -> bytes:
    """What a filled database exports."""
    engine = SqliteEngine(str(tmp_path / "from.db"))
    migrate.bring_up_to_date(engine, NOW)
    connection = engine.connect()
    try:
        return exported(Filled(connection).connection)
    finally:
        connection.close()


@pytest.fixture
def world(connection: Connection) -> Intake:
    """The database that is imported into."""
    world = Intake(connection)
    world.chance = Random(2)
    return world


def lines(file: bytes, type_: str) -> list[dict[str, Any]]:
    found = map(msgspec.json.decode, records(file))
    return [record for record in found if record["type"] == type_]


def waiting(connection: Connection) -> list[tuple[Any, ...]]:
    """What waits: user, kind, time, state."""
    from calbell.store.statements import Statement

    sql = (
        "select n.user_id, n.kind, n.due_at, b.uid, b.version - n.booking_version "
        "from notifications n join bookings b on b.id = n.booking_id where n.state = 'waiting' "
        "order by n.user_id, n.due_at"
    )
    statement = Statement("x", "", (), (), (), sql, sql, returns_rows=True)
    return [tuple(row) for row in connection.run(statement)]


def test_the_file_has_everything_that_is_to_come_and_nothing_that_is_over(file: bytes) -> None:
    types = [msgspec.json.decode(line)["type"] for line in records(file)]
    assert types == sorted(types, key=["user", "key", "device", "source", "booking"].index)
    assert {t: types.count(t) for t in types} == {
        "user": 3, "key": 2, "device": 5, "source": 2, "booking": 2,
    }  # fmt: skip
    assert [one["booking"]["uid"] for one in lines(file, "booking")] == ["b1", "b2"]


def test_what_was_imported_is_exported_the_same(world: Intake, file: bytes) -> None:
    done = Import(world.connection, file)
    assert (done.refusals, done.count(Outcome.ADDED)) == (
        [], {"user": 3, "key": 2, "device": 5, "source": 2, "booking": 2},
    )  # fmt: skip
    assert records(exported(world.connection)) == records(file)


def test_from_sqlite_to_postgresql_and_back_nothing_changes(
    tmp_path: Path, postgres_url: str, file: bytes
) -> None:
    for engine in (PostgresEngine(postgres_url), SqliteEngine(str(tmp_path / "back.db"))):
        migrate.bring_up_to_date(engine, NOW)
        connection = engine.connect()
        Import(connection, file)
        again = exported(connection)
        connection.close()
        assert records(again) == records(file)
        file = again


def test_importing_twice_changes_nothing(world: Intake, file: bytes) -> None:
    Import(world.connection, file)
    before = exported(world.connection), waiting(world.connection)
    again = Import(world.connection, file, now=NOW + timedelta(minutes=1))
    assert again.refusals == []
    assert again.carry.reminders == 0
    assert set(again.carry.counts) == {"user", "key", "device", "source", "booking"}
    for counts in again.carry.counts.values():
        assert {o for o, n in counts.items() if n} == {Outcome.UNCHANGED}
    assert (records(exported(world.connection)), waiting(world.connection)) == (
        records(before[0]), before[1],
    )  # fmt: skip


def test_keys_open_what_they_opened(tmp_path: Path, world: Intake) -> None:
    engine = SqliteEngine(str(tmp_path / "from.db"))
    migrate.bring_up_to_date(engine, NOW)
    from_ = Filled(engine.connect())
    Import(world.connection, exported(from_.connection))
    found = world.run(keys.find, key_hash(from_.key))
    assert found is not None
    assert (found.user_id, found.is_revoked, found.expires_on) == (7, True, NOW.date())
    assert from_.key.removeprefix("cal_").encode() not in exported(from_.connection)
    from_.connection.close()


def test_phones_ring_for_the_same_users_as_before(world: Intake, file: bytes) -> None:
    Import(world.connection, file)
    assert [(p.owner_user_id, p.is_dead) for p in world.phones(7)] == [(8, False), (7, False)]
    assert [(p.owner_user_id, p.is_dead) for p in world.phones(8)] == [(8, False)]
    assert [p.is_dead for p in world.phones(9)] == [True, False]


def test_a_registration_at_the_new_place_keeps_its_id_and_creation(
    world: Intake, file: bytes
) -> None:
    Import(world.connection, file)
    theirs = [one for one in lines(file, "device") if one["token"] == token("b")]
    for one in theirs:
        kept = world.register(one["user_id"], "b", LATER + timedelta(days=1))
        assert kept.id == one["id"]
        assert kept.created_at == NOW if one["user_id"] == 9 else LATER


def test_new_ids_are_above_all_that_were_imported(world: Intake, file: bytes) -> None:
    Import(world.connection, file)
    device = max(one["id"] for one in lines(file, "device"))
    key = max(one["id"] for one in lines(file, "key"))
    assert world.register(9, "new").id > device
    assert world.run(grant, 9, None, "", None, NOW, world.chance).id > key


def test_what_registers_while_it_is_imported_takes_no_id_of_the_file(
    world: Intake, file: bytes
) -> None:
    def busy(numbered: Iterator[Numbered]) -> Iterator[Numbered]:
        for number, record in numbered:
            if number == 5:
                world.user(70)
                world.register(70, "busy")
                world.run(grant, 70, None, "", None, NOW, world.chance)
            yield number, record

    Import(world.connection, file, through=busy)
    again = exported(world.connection)
    assert [one for one in lines(again, "device") if one["user_id"] != 70] == lines(file, "device")
    assert [one for one in lines(again, "key") if one.get("user_id") != 70] == lines(file, "key")


def test_whose_id_is_taken_gets_another_one(world: Intake, file: bytes) -> None:
    world.user(70)
    mine = world.register(70, "other")
    assert mine.id in {one["id"] for one in lines(file, "device")}
    for _ in range(2):
        assert Import(world.connection, file).refusals == []
        ids = [p.subscription_id for u in (7, 8, 9, 70) for p in world.phones(u)]
        assert len(ids) == len(set(ids)) == 6
        assert world.phones(70)[0].subscription_id == mine.id


def test_what_is_newer_here_stays(world: Intake, file: bytes) -> None:
    later = LATER + timedelta(days=1)
    world.run(users.save, profile(7, "new@example.com"), later)
    mine = world.register(7, "a", later)
    world.now = later
    world.take(created(title="Renamed", sent_at=later))
    done = Import(world.connection, file, now=later)
    assert done.count(Outcome.NEWER) == {"device": 1, "booking": 1}
    kept = world.run(users.find, 7)
    assert kept is not None
    assert kept.addresses == ("new@example.com",)
    assert [p.owner_user_id for p in world.phones(7)] == [7, 7]
    assert world.register(7, "a", later).id == mine.id
    (b1, *_) = lines(exported(world.connection), "booking")
    assert b1["booking"]["title"] == "Renamed"


def test_preferences_come_also_to_a_user_who_changed_here_since(world: Intake, file: bytes) -> None:
    world.run(users.save, profile(7), LATER + timedelta(days=1))
    Import(world.connection, file)
    (seven, *_) = lines(exported(world.connection), "user")
    assert seven["preferences"] == '{"quiet": true}'


def test_who_was_removed_here_does_not_come_back_with_an_older_file(
    world: Intake, file: bytes
) -> None:
    Import(world.connection, file)
    assert world.run(remove_user, 8, LATER)
    done = Import(world.connection, file)
    assert done.refusals == []
    assert world.run(users.find, 8) is None
    assert world.phones(8) == []
    assert done.count(Outcome.NEWER)["user"] == 1
    while world.run(removals.step, 1000):
        continue
    Import(world.connection, file)
    assert b"guest@example.com" not in exported(world.connection)


def test_who_was_removed_here_comes_back_where_he_was_given_anew_since(
    world: Intake, file: bytes
) -> None:
    world.run(users.save, profile(8, "guest@example.com"), NOW - timedelta(days=2))
    assert world.run(remove_user, 8, NOW - timedelta(days=1))
    Import(world.connection, file)
    found = world.run(users.find, 8)
    assert found is not None
    assert "guest@example.com" in found.addresses


def test_what_is_older_here_is_brought_up_to_date(world: Intake, file: bytes) -> None:
    long_ago = NOW - timedelta(days=9)
    world.run(users.save, profile(7, "old@example.com"), long_ago)
    mine = world.register(7, "b", long_ago)
    world.now = long_ago
    world.take(created(title="Old", sent_at=long_ago))
    done = Import(world.connection, file)
    assert done.count(Outcome.CHANGED) == {"user": 1, "device": 1, "booking": 1}
    kept = world.run(users.find, 7)
    assert kept is not None
    assert kept.addresses == ("host@example.com", "ada@work.example")
    devices = {(d["user_id"], d["token"]): d for d in lines(exported(world.connection), "device")}
    known = devices[7, token("b")]
    assert known["id"] == mine.id
    assert known["phone"]["project"] == "@owner/app"
    assert world.phones(7)[0].owner_user_id == 7


def test_an_address_that_is_somebody_elses_here_stays_his(world: Intake, file: bytes) -> None:
    world.run(users.save, profile(70, "host@example.com"), LATER)
    done = Import(world.connection, file)
    assert done.refusals == [Refusal(2, "an address of the user is user 70's here and stays his")]
    found = world.run(users.find, 7)
    assert found is not None
    assert found.addresses == ("ada@work.example",)


def test_an_address_that_changed_hands_before_the_export_changes_them_here_too(
    world: Intake, tmp_path: Path
) -> None:
    engine = SqliteEngine(str(tmp_path / "from.db"))
    migrate.bring_up_to_date(engine, NOW)
    from_ = World(engine.connect())
    from_.run(users.save, profile(8, "shared@example.com"), NOW)
    Import(world.connection, exported(from_.connection))
    from_.run(users.save, profile(7, "shared@example.com"), LATER)
    file = exported(from_.connection)
    from_.connection.close()
    assert Import(world.connection, file).refusals == []
    assert records(exported(world.connection)) != []
    assert world.run(users.directory, [], ["shared@example.com"]).by_id.keys() == {7}


def test_the_reminders_of_bookings_are_planned_as_this_place_says(
    world: Intake, file: bytes
) -> None:
    done = Import(world.connection, file)
    assert done.carry.reminders == 2
    due = int((START - timedelta(minutes=10)).timestamp() * 1000)
    assert waiting(world.connection) == [
        (7, "BOOKING_REMINDER", due, "b1", 0), (8, "BOOKING_REMINDER", due, "b1", 0),
    ]  # fmt: skip
    assert world.release(START - timedelta(minutes=10)) == 2


def test_without_reminders_none_are_planned(world: Intake, file: bytes) -> None:
    assert Import(world.connection, file, Rules()).carry.reminders == 0
    assert waiting(world.connection) == []


def test_reminders_follow_a_booking_that_the_file_knows_better(world: Intake, file: bytes) -> None:
    long_ago = NOW - timedelta(days=9)
    for id_ in (7, 8):
        world.user(id_, {7: "host@example.com", 8: "guest@example.com"}[id_])
    world.now = long_ago
    world.take(created(start=START + timedelta(hours=5), end=END + timedelta(hours=5),
                       sent_at=long_ago))  # fmt: skip
    assert len(waiting(world.connection)) == 2
    Import(world.connection, file)
    due = int((START - timedelta(minutes=10)).timestamp() * 1000)
    assert [(row[2], row[4]) for row in waiting(world.connection)] == [(due, 0)] * 2


def test_whoever_is_new_is_reminded_of_what_was_known_of_him_here(
    world: Intake, file: bytes
) -> None:
    world.take(created(uid="here"))
    assert waiting(world.connection) == []
    Import(world.connection, file)
    assert {(row[0], row[3]) for row in waiting(world.connection)} == {
        (7, "b1"), (8, "b1"), (7, "here"), (8, "here"),
    }  # fmt: skip


class Broken(Exception):
    pass


@pytest.mark.parametrize("after", range(1, 14, 2))
def test_broken_off_anywhere_and_run_again_it_is_whole(
    world: Intake, file: bytes, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(carry_in, "AT_ONCE", 2)
    monkeypatch.setattr(carry_in, "BOOKINGS_AT_ONCE", 1)

    def breaking(numbered: Iterator[Numbered]) -> Iterator[Numbered]:
        for nth, one in enumerate(numbered):
            if nth == after:
                raise Broken
            yield one

    with pytest.raises(Broken):
        Import(world.connection, file, through=breaking)
    assert Import(world.connection, file).refusals == []
    assert records(exported(world.connection)) == records(file)
    assert len(waiting(world.connection)) == 2


def test_a_dry_run_says_the_same_and_changes_nothing(world: Intake, file: bytes) -> None:
    world.user(70, "host@example.com")
    world.register(70, "b", LATER + timedelta(days=1))
    before = exported(world.connection)
    tried = Import(world.connection, file, trial=True)
    assert records(exported(world.connection)) == records(before)
    done = Import(world.connection, file)
    assert (tried.carry.counts, tried.refusals) == (done.carry.counts, done.refusals)
    assert done.refusals


def test_what_refers_to_nobody_is_refused_with_its_line(world: Intake) -> None:
    from msgspec.structs import replace

    from calbell.domain.carried_file import Writing
    from tests.unit.domain.test_newer import DEVICE, KEY, SOURCE

    writing = Writing()
    file = b"".join(
        (
            writing.header(NOW),
            writing.lines("key", [KEY]),
            writing.lines("device", [DEVICE, replace(DEVICE, token="x")]),
            writing.lines("source", [replace(SOURCE, user_id=7)]),
            writing.footer(),
        )
    )
    done = Import(world.connection, file)
    assert done.refusals == [
        Refusal(2, "there is no user 7"),
        Refusal(3, "there is no user 7"),
        Refusal(4, "the token is no Expo push token"),
        Refusal(5, "there is no user 7"),
    ]
    assert done.carry.refused == 4
    assert records(exported(world.connection)) == []


def test_what_waits_for_a_phone_moves_to_the_project_that_the_file_knows(
    world: Intake, file: bytes
) -> None:
    world.user(7, "host@example.com")
    world.register(7, "b", LATER)
    world.queue(7)
    Import(world.connection, file)
    assert [one.token for one in world.due(NOW)] == [token("b")]
    assert {p.project_id for p in world.phones(7)} == {1, world.phones(7)[0].project_id}
    assert world.phones(7)[0].project_id != 1


def test_an_export_is_of_one_moment(
    world: Intake, connect: Callable[[], Connection], file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Import(world.connection, file)
    other = World(connect())
    parts = list[bytes]()

    def write(part: bytes) -> None:
        parts.append(part)
        if len(parts) == 2:
            # Users are written: one who comes now comes too late, with all that is his.
            other.user(70)
            other.register(70, "late", LATER)
            other.register(7, "late", LATER)

    carry_out(world.connection, write, NOW, lambda done, total: None)
    assert records(b"".join(parts)) == records(file)
    assert len(lines(exported(world.connection), "device")) == 7


def test_nothing_is_written_by_an_export(world: Intake) -> None:
    if world.connection.dialect is Dialect.SQLITE:
        pytest.skip("SQLite has no transactions that cannot write")
    import psycopg

    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), world.connection.snapshot():
        users.save(world.connection, profile(7), NOW)


def test_one_persons_copy_has_what_is_his_and_no_secret(tmp_path: Path, world: Intake) -> None:
    filled = Filled(world.connection)
    parts = list[bytes]()
    counts = own_copy(world.connection, 7, parts.append, NOW)
    said_ = b"".join(parts)
    told = lines(said_, "notification")
    assert counts == {"user": 1, "key": 1, "device": 2, "booking": 3, "notification": len(told)}
    assert {n["uid"] for n in told} >= {"b1", "b2"}
    first = told[0]
    assert (first["kind"], first["state"]) == ("BOOKING_CONFIRMED", "released")
    assert [d["state"] for d in first["deliveries"]] == ["queued"]
    assert [b["uid"] for b in lines(said_, "booking")] == ["b1", "b2", "over"]
    assert {b["part"] for b in lines(said_, "booking")} == {"organizer"}
    shown = {d["token"]: d["is_yours"] for d in lines(said_, "device")}
    assert shown == {"ExponentPushToken[a…]": False, token("b"): True}
    for secret in (key_hash(filled.key), "s1", "s3", "p1", "user9@example.com"):
        assert secret.encode() not in said_
    parts.clear()
    assert own_copy(world.connection, 6, parts.append, NOW) is None
    assert parts == []


def test_reminders_that_users_chose_for_themselves_wait_here_too(
    world: Intake, tmp_path: Path
) -> None:
    engine = SqliteEngine(str(tmp_path / "from.db"))
    migrate.bring_up_to_date(engine, NOW)
    there = Filled(engine.connect()).connection
    there.script("update users set preferences = '{\"reminders\":[30]}' where id = 7;")
    assert Import(world.connection, exported(there), Rules()).carry.reminders == 1
    there.close()
    due = int((START - timedelta(minutes=30)).timestamp() * 1000)
    assert [row[:3] for row in waiting(world.connection)] == [(7, "BOOKING_REMINDER", due)]
