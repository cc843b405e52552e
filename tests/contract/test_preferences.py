"""What users chose, as it is kept, on both engines."""

from calbell.domain.plan import Rules
from calbell.domain.preferences import Choices, ChosenHours, Mistake, Preferences
from calbell.domain.push_events import PushEvent
from calbell.flows.choose import NoUser, choose, chosen
from calbell.store import preferences, users
from calbell.store.connection import Connection
from calbell.store.statements import Statement
from tests.contract.world import LATER, NOW, World, profile


def test_what_was_chosen_is_merged_and_kept(connection: Connection) -> None:
    world = World(connection)
    world.user(7)
    world.run(choose, 7, {"events": {"BOOKING_CONFIRMED": False}}, Rules(), NOW)
    world.run(choose, 7, {"quietHours": {"from": "22:00", "to": "07:00"}}, Rules(), NOW)
    found = world.run(preferences.find, 7)
    assert found is not None
    assert found.choices == Choices(
        events={"BOOKING_CONFIRMED": False},
        quiet_hours=ChosenHours(start="22:00", end="07:00"),
    )
    assert found.time_zone == "Europe/London"
    world.run(users.save, profile(7, "new@example.com"), LATER)
    assert world.run(preferences.find, 7) == found


def test_what_is_wrong_changes_nothing(connection: Connection) -> None:
    world = World(connection)
    world.user(7)
    assert isinstance(
        world.run(choose, 7, {"quietHours": {"from": "22:00"}}, Rules(), NOW), Mistake
    )
    assert world.run(chosen, 7, Rules()) == Preferences()


def test_nobody_chooses_for_who_is_not_there(connection: Connection) -> None:
    world = World(connection)
    assert world.run(chosen, 7, Rules()) == NoUser()
    assert world.run(choose, 7, {"enabled": False}, Rules(), NOW) == NoUser()


def test_what_nobody_can_read_was_not_chosen_and_can_be_chosen_anew(
    connection: Connection,
) -> None:
    world = World(connection)
    world.user(7)
    sql = 'update users set preferences = \'{"enabled":"no","x":1}\''
    broken = Statement("broken", "", (), (), (), sql, sql, returns_rows=False)
    world.run(lambda c: c.count(broken))
    assert world.run(chosen, 7, Rules()) == Preferences()
    after = world.run(choose, 7, {"events": {"BOOKING_REMINDER": False}}, Rules(), NOW)
    assert after == Preferences(off=frozenset({PushEvent.BOOKING_REMINDER}))
