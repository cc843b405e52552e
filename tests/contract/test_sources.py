"""Sources: webhooks with a path and secrets of their own, on both engines."""

from datetime import timedelta

import pytest
from msgspec import structs

from calbell.flows.erase import remove_user
from calbell.flows.take_in import Incoming, take_in_many
from calbell.store import sources
from calbell.store.connection import Connection
from calbell.store.sources import Source
from tests.contract.test_take_in import POLICY, Intake, created
from tests.contract.world import LATER, NOW


@pytest.fixture
def world(connection: Connection) -> Intake:
    world = Intake(connection)
    world.user(7, "host@example.com")
    return world


def made(world: Intake, path: str = "p1", secret: str = "s1", user_id: int | None = None) -> int:
    return world.run(
        sources.create, path=path, secret=secret, scope="user", user_id=user_id, remote_id="r1"
    )


def found(world: Intake, path: str = "p1") -> Source:
    source = world.run(sources.find, path)
    assert source is not None
    return source


def test_a_source_is_kept_as_it_was_made(world: Intake) -> None:
    id_ = made(world, user_id=7)
    assert found(world) == Source(
        id=id_,
        path="p1",
        secret="s1",
        old_secret=None,
        old_until=None,
        scope="user",
        user_id=7,
        remote_id="r1",
        last_event_at=None,
    )
    other = made(world, "p2", "s2")
    assert [source.id for source in world.run(sources.listed)] == [id_, other]
    assert world.run(sources.find, "p3") is None


def test_no_two_sources_have_one_path(world: Intake) -> None:
    made(world)
    with pytest.raises(Exception, match=r"(?i)unique"):
        made(world)


def test_while_a_secret_is_rotated_the_one_before_is_good_too(world: Intake) -> None:
    id_ = made(world)
    assert world.run(sources.rotate, id_, "s2", LATER)
    source = found(world)
    assert source.secrets(NOW) == ("s2", "s1")
    assert source.secrets(LATER - timedelta(milliseconds=1)) == ("s2", "s1")
    assert source.secrets(LATER) == ("s2",)
    assert world.run(sources.rotate, id_, "s3", LATER)
    assert found(world).secrets(NOW) == ("s3", "s2")
    assert not world.run(sources.rotate, id_ + 1, "s4", LATER)


def test_its_secrets_are_not_shown(world: Intake) -> None:
    id_ = made(world, "a-path", "a-secret")
    world.run(sources.rotate, id_, "another-secret", LATER)
    shown = repr(found(world, "a-path"))
    assert "secret" not in shown
    assert "a-path" not in shown


def sent(world: Intake, source_id: int | None, uid: str) -> Incoming:
    return structs.replace(world.read(created(uid=uid)), source_id=source_id)


def test_it_is_known_when_a_source_was_last_heard(world: Intake) -> None:
    first, second = made(world, "p1"), made(world, "p2")
    heard = [sent(world, first, "b1"), sent(world, None, "b2"), sent(world, first, "b3")]
    world.run(take_in_many, heard, POLICY, NOW, world.chance)
    assert found(world, "p1").last_event_at == NOW
    assert found(world, "p2").last_event_at is None
    world.now = LATER
    again = [sent(world, second, "b4"), sent(world, first, "b5")]
    world.run(take_in_many, again, POLICY, LATER, world.chance)
    assert found(world, "p1").last_event_at == found(world, "p2").last_event_at == LATER


def test_what_comes_late_does_not_turn_the_time_back(world: Intake) -> None:
    id_ = made(world)
    for at in (LATER, NOW):
        world.run(sources.heard, [(id_, at)])
    assert found(world).last_event_at == LATER


def test_the_row_of_a_busy_source_is_left_alone(world: Intake) -> None:
    id_ = made(world)
    for seconds in (0, 5, 9):
        world.run(sources.heard, [(id_, NOW + timedelta(seconds=seconds))])
    assert found(world).last_event_at == NOW
    world.run(sources.heard, [(id_, NOW + timedelta(seconds=10))])
    assert found(world).last_event_at == NOW + timedelta(seconds=10)


def test_a_source_goes_with_its_user(world: Intake) -> None:

    made(world, user_id=7)
    world.run(remove_user, 7, NOW)
    assert world.run(sources.find, "p1") is None
