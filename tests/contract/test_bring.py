"""Another system's token table is taken in, on both engines."""

from datetime import timedelta
from io import BytesIO
from random import Random

import pytest

from calbell.domain.carried_file import BrokenFile
from calbell.domain.newer import Outcome
from calbell.flows import bring, carry_in
from calbell.flows.carry_in import CarryIn, Refusal
from calbell.store import subscriptions, users
from calbell.store.connection import Connection
from tests.contract.test_carry import RULES, exported, lines
from tests.contract.test_take_in import Intake, created
from tests.contract.world import LATER, NOW, token

HEADER = "user_id,token,platform,device_id"
FULL = f"{HEADER},email,name,time_zone,created_at"
LONG_AGO = NOW - timedelta(days=9)


class Table:
    """What became of the rows of a table."""

    def __init__(self, world: Intake, *rows: str, header: str = FULL, trial: bool = False) -> None:
        self.refusals = list[Refusal]()
        file = BytesIO("\r\n".join((header, *rows, "")).encode())
        self.carry = CarryIn(
            world.connection, RULES, lambda: LATER, self.refusals.append, trial=trial
        )
        bring.check(file, lambda _: None)
        bring.bring(file, self.carry, NOW, LATER, lambda _: None)
        self.carry.finish()

    def device(self, outcome: Outcome) -> int:
        return self.carry.counts["device"][outcome]


@pytest.fixture
def world(connection: Connection) -> Intake:
    world = Intake(connection)
    world.chance = Random(2)
    world.user(7, "host@example.com")
    return world


def row(user_id: int, name: str, *more: str) -> str:
    return ",".join((str(user_id), token(name), "IOS", "d", *more))


def owners(world: Intake, user_id: int) -> list[int | None]:
    return [phone.owner_user_id for phone in world.phones(user_id)]


def test_devices_of_known_users_are_added_and_ring(world: Intake) -> None:
    table = Table(world, row(7, "a"), row(7, "b"), header=HEADER)
    assert (table.device(Outcome.ADDED), table.refusals) == (2, [])
    assert owners(world, 7) == [7, 7]
    kept = world.register(7, "a", LATER)
    assert kept.created_at == NOW


def test_users_come_with_their_addresses_and_nobody_who_is_known_is_changed(world: Intake) -> None:
    Table(
        world,
        row(8, "a", "Bob@Example.com", "Bob", "Europe/Berlin", "2026-01-02T03:04:05Z"),
        row(8, "b", "bob@example.com", "Bob"),
        row(7, "c", "other@example.com", "Other"),
    )
    bob, ada = world.run(users.find, 8), world.run(users.find, 7)
    assert bob is not None
    assert ada is not None
    assert (bob.name, bob.time_zone, bob.addresses) == (
        "Bob", "Europe/Berlin", ("bob@example.com",),
    )  # fmt: skip
    assert (ada.name, ada.addresses) == ("User 7", ("host@example.com",))
    assert len(world.phones(8)) == 2


def test_a_table_can_be_taken_twice(world: Intake) -> None:
    rows = (row(8, "a", "b@example.com"), row(7, "a"), row(7, "b", "", "", "", "2026-01-02"))
    Table(world, *rows)
    before = exported(world.connection)
    again = Table(world, *rows)
    assert again.device(Outcome.UNCHANGED) == 3
    assert exported(world.connection) == before


def test_rows_that_cannot_be_taken_are_refused_alone(world: Intake) -> None:
    table = Table(world, row(7, "a"), "7,fcm,IOS,d", row(9, "b"), row(7, "c"))
    assert table.refusals == [
        Refusal(3, "token is not an Expo push token"),
        Refusal(4, "there is no user 9"),
    ]
    assert (table.device(Outcome.ADDED), table.device(Outcome.REFUSED)) == (2, 2)


def test_without_a_time_no_phone_is_taken_from_whoever_has_it_here(world: Intake) -> None:
    world.user(8)
    world.register(8, "a", LONG_AGO)
    Table(world, row(7, "a"), header=HEADER)
    assert owners(world, 7) == [8]


def test_with_a_time_the_newest_registration_has_the_phone(world: Intake) -> None:
    world.user(8)
    world.register(8, "a", LONG_AGO)
    Table(world, row(7, "a", "", "", "", NOW.isoformat()))
    assert owners(world, 7) == [7]


def test_of_two_rows_of_one_token_the_later_one_has_the_phone(
    world: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.user(8)
    rows = (row(7, "a"), row(8, "b"), row(8, "a"), row(7, "b"))
    for size, name in ((5000, ""), (1, "other-")):
        monkeypatch.setattr(bring, "AT_ONCE", size)
        monkeypatch.setattr(carry_in, "AT_ONCE", size)
        Table(world, *(r.replace("[", f"[{name}") for r in rows), header=HEADER)
    assert owners(world, 7) == [8, 7, 8, 7]


def test_what_was_removed_here_since_is_not_brought_again(world: Intake) -> None:
    Table(world, row(7, "a"), header=HEADER)
    world.run(subscriptions.remove, 7, token("a"))
    table = Table(world, row(7, "a"), header=HEADER)
    assert (table.device(Outcome.NEWER), world.phones(7)) == (1, [])


def test_who_is_brought_is_reminded_of_what_he_has_booked(world: Intake) -> None:
    world.take(created())
    table = Table(world, row(8, "a", "guest@example.com"))
    assert table.carry.reminders == 1


def test_a_trial_says_the_same_and_changes_nothing(world: Intake) -> None:
    rows = (row(8, "a", "b@example.com"), row(8, "b", "b@example.com"), row(9, "c"))
    before = exported(world.connection)
    tried = Table(world, *rows, trial=True)
    assert exported(world.connection) == before
    done = Table(world, *rows)
    assert (tried.carry.counts, tried.refusals) == (done.carry.counts, done.refusals)
    assert len(lines(exported(world.connection), "user")) == 2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "line 1: there is nothing in it"),
        (b"user,token\n", "line 1: the header has no column"),
        (HEADER.encode() + b"\n7,\xff,IOS,d\n", "it is not UTF-8"),
        (HEADER.encode() + b'\n7,"x,IOS,d\n', "line 2: unexpected end of data"),
    ],
)
def test_a_file_that_is_no_table_is_refused_whole(said: bytes, why: str) -> None:
    with pytest.raises(BrokenFile, match=why):
        bring.check(BytesIO(said), lambda _: None)
