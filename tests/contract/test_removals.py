"""Removals: a user is gone for all that is told at once, and for all that is kept step by step."""

from datetime import timedelta
from typing import Any

import pytest

from calbell.domain.notification import NotificationState
from calbell.domain.people import alias_of
from calbell.flows.erase import remove_user
from calbell.flows.grant import grant
from calbell.flows.welcome import keep_user
from calbell.store import bookings, keys, removals, users
from calbell.store.connection import Connection, MissingReference
from calbell.store.statements import Statement
from calbell.store.times import to_ms
from tests import payloads
from tests.contract.test_take_in import POLICY, Intake, created, said
from tests.contract.world import LATER, NOW, profile

GUEST = "guest@example.com"
NAME = "Grace Guest"
MUCH_LATER = NOW + timedelta(hours=1)
COLUMNS = {
    "users": "name",
    "addresses": "address",
    "api_keys": "name",
    "bookings": "title || people || observed || coalesce(place, '')",
    "events": "coalesce(actor, '')",
    "notifications": "facts",
    "removals": "coalesce(details, '')",
}


class Removing(Intake):
    """A world that people leave."""

    def remove(self, user_id: int) -> None:
        assert self.run(remove_user, user_id, LATER)

    def erase(self, room: int = 20) -> int:
        """Everything is gone; how many steps it took."""
        steps = 0
        while self.run(removals.step, room):
            steps += 1
            assert steps < 1000
        return steps

    def everything(self) -> str:
        """All texts in which somebody can be named."""
        parts = [
            f"select {text} from {table} where {text} is not null"
            for table, text in COLUMNS.items()
        ]
        return "\n".join(str(row) for part in parts for row in self.ask(part)) + str(
            [bytes(raw) for (raw,) in self.ask("select raw from events")]
        )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        statement = Statement("ask", "", (), (), (), sql, sql, returns_rows=True)
        return [tuple(row) for row in self.run(lambda c: c.run(statement))]


@pytest.fixture
def world(connection: Connection) -> Removing:
    """A host and a guest, a phone each, and their booking, of which both were told."""
    world = Removing(connection)
    world.run(users.save, profile(7, "host@example.com"), NOW)
    world.run(users.save, named_guest(), NOW)
    world.register(7, "host-1")
    world.register(8, "guest-1")
    world.run(grant, 8, None, "phone of Grace Guest", None, NOW, world.chance)
    world.take(booked())
    return world


def named_guest() -> users.Profile:
    from msgspec.structs import replace

    return replace(profile(8, GUEST, "grace@work.example"), name=NAME)


def booked(**more: object) -> dict[str, object]:
    return created(
        title=f"Call between Host and {NAME}",
        attendees=[payloads.attendee(email=GUEST, name=NAME)],
        **more,
    )


def test_from_the_first_moment_on_the_user_is_told_nothing(world: Removing) -> None:
    world.remove(8)
    assert world.phones(8) == []
    assert world.run(users.find, 8) is None
    assert [one.id for one in world.run(users.listed)] == [7]
    assert all(not one.standing.subscribed for one in world.due() if one.standing.user_id == 8)
    (taken,) = world.take(
        payloads.cancelled(**said(attendees=[payloads.attendee(email=GUEST, name=NAME)]))  # type: ignore[arg-type]
    )
    assert taken.recipients == 1
    assert not world.run(remove_user, 8, LATER)


def test_nothing_can_be_made_for_a_user_who_is_being_removed(world: Removing) -> None:
    world.remove(8)
    with pytest.raises(MissingReference):
        world.register(8, "guest-2")
    with pytest.raises(MissingReference):
        world.run(grant, 8, None, "", None, NOW, world.chance)
    world.register(7, "host-2")


def test_in_the_end_nothing_names_the_user(world: Removing) -> None:
    assert NAME in world.everything()
    world.remove(8)
    assert world.erase() > 4
    left = world.everything()
    for text in (NAME, "Grace", GUEST, "grace@work.example"):
        assert text not in left
    assert world.ask("select count(*) from notifications where user_id = 8") == [(0,)]
    assert world.ask("select count(*) from deliveries where user_id = 8") == [(0,)]
    assert world.ask("select count(*) from phones where owner_user_id is null") == [(0,)]


def test_others_bookings_say_the_rest_as_before(world: Removing) -> None:
    before = world.run(bookings.by_uid, "b1")
    assert before is not None
    world.remove(8)
    world.erase()
    after = world.run(bookings.by_uid, "b1")
    assert after is not None
    assert after.booking.title == "Call between Host and …"
    assert [one.email for one in after.booking.attendees] == [alias_of(8)]
    assert after.booking.organizer == before.booking.organizer
    assert after.booking.version == before.booking.version
    states = world.ask("select state from notifications where user_id = 7 order by id")
    assert states == [(NotificationState.RELEASED,), (NotificationState.WAITING,)]


def test_what_comes_in_later_does_not_name_the_user_either(world: Removing) -> None:
    world.remove(8)
    world.erase()
    world.now = MUCH_LATER
    world.take(booked(uid="b2"))
    assert NAME not in world.everything()
    assert GUEST not in world.everything()
    found = world.run(bookings.by_uid, "b2")
    assert found is not None
    assert [one.email for one in found.booking.attendees] == [alias_of(8)]


def test_a_removal_that_was_broken_off_goes_on_where_it_was(world: Removing) -> None:
    world.remove(8)
    world.run(removals.step, 20)
    assert world.run(removals.is_under_way)
    world.erase()
    assert not world.run(removals.is_under_way)
    assert world.ask("select details from removals") == [(None,)]


def test_a_step_is_no_larger_than_its_room(world: Removing) -> None:
    for number in range(30):
        world.take(booked(uid=f"c{number}"))
    world.remove(8)
    ((had,),) = world.ask("select count(*) from notifications")
    world.run(removals.step, 40)
    ((left,),) = world.ask("select count(*) from notifications")
    assert had - 5 <= left < had
    world.erase(40)
    assert NAME not in world.everything()


def test_who_comes_back_is_new_and_what_was_told_before_is_gone(world: Removing) -> None:
    world.remove(8)
    world.run(users.save, named_guest(), MUCH_LATER)
    world.register(8, "guest-3", MUCH_LATER)
    world.now = MUCH_LATER
    (taken,) = world.take(booked(uid="b2"))
    assert taken.recipients == 2
    world.erase()
    assert len(world.phones(8)) == 1
    told = {n.user_id for e in world.story("b2").events for n in e.notifications}
    assert told == {7, 8}
    assert {n.user_id for e in world.story("b1").events for n in e.notifications} == {7}


def test_who_comes_back_at_once_is_reminded_of_what_he_has_booked(world: Removing) -> None:
    world.remove(8)
    world.run(keep_user, named_guest(), POLICY.rules, MUCH_LATER)
    waiting = "select created_at from notifications where user_id = 8 and state = 'waiting'"
    ((planned_at,),) = world.ask(waiting)
    assert planned_at == to_ms(MUCH_LATER)
    world.erase()
    assert world.ask(waiting) == [(planned_at,)]


def test_an_address_that_somebody_else_has_by_now_names_him(world: Removing) -> None:
    world.remove(8)
    world.run(users.save, profile(9, GUEST), MUCH_LATER)
    world.register(9, "other")
    world.now = MUCH_LATER
    (taken,) = world.take(booked(uid="b2"))
    assert taken.recipients == 2
    world.erase()
    assert GUEST in world.everything()


def test_a_key_of_the_user_opens_nothing(world: Removing) -> None:
    granted = world.run(grant, 8, None, "", None, NOW, world.chance)
    from calbell.flows.grant import key_hash

    world.remove(8)
    assert world.run(keys.find, key_hash(granted.key)) is None
