"""Phones and subscriptions."""

from datetime import timedelta

import pytest

from calbell.domain.sightings import Sighting
from calbell.domain.subscription import Platform, Registration, SubscribedPhone
from calbell.flows.erase import remove_user
from calbell.store import subscriptions
from calbell.store.connection import Connection, MissingReference
from calbell.store.subscriptions import Seen
from tests.contract.world import LATER, NOW, World, token


@pytest.fixture
def world(connection: Connection) -> World:
    world = World(connection)
    world.user(7)
    world.user(8)
    return world


def test_registering_again_keeps_id_and_creation_and_takes_the_rest(world: World) -> None:
    first = world.register(7, "a")
    again = world.register(7, "a", LATER, Platform.ANDROID)
    assert (again.id, again.created_at) == (first.id, NOW)
    assert (again.updated_at, again.platform) == (LATER, Platform.ANDROID)
    assert len(world.phones(7)) == 1


def test_a_list_is_answered_in_its_order_whatever_is_new_in_it(world: World) -> None:
    known = world.register(8, "b")
    listed = [
        Registration(7, token("c"), Platform.IOS, "1"),
        Registration(8, token("b"), Platform.IOS, "2"),
        Registration(7, token("a"), Platform.ANDROID, "3"),
    ]
    kept = world.run(subscriptions.register_many, listed, LATER)
    assert [(s.user_id, s.device_id, s.platform) for s in kept] == [
        (r.user_id, r.device_id, r.platform) for r in listed
    ]
    assert kept[1].id == known.id


def test_a_phone_belongs_to_who_registered_it_last_and_both_keep_a_row(world: World) -> None:
    one, other = world.register(7, "a"), world.register(8, "a", LATER)
    assert one.id != other.id
    assert world.phones(7)[0].owner_user_id == 8
    assert world.phones(8)[0].owner_user_id == 8


def test_removing_touches_only_the_callers_row(world: World) -> None:
    world.register(7, "a")
    world.register(8, "a")
    assert world.run(subscriptions.remove, 7, token("a"))
    assert not world.run(subscriptions.remove, 7, token("a"))
    assert world.phones(7) == []
    assert world.phones(8)[0].owner_user_id == 8


def test_the_owner_who_removes_leaves_the_phone_to_nobody(world: World) -> None:
    world.register(7, "a")
    world.register(8, "a")
    world.run(subscriptions.remove, 8, token("a"))
    assert world.phones(7)[0].owner_user_id is None


def seen(phone: SubscribedPhone, sighting: Sighting) -> Seen:
    return Seen("hash", phone.phone_id, sighting, "DeviceNotRegistered", NOW)


def test_a_phone_that_is_doubted_lives(world: World) -> None:
    world.register(7, "a")
    phone = world.phones(7)[0]
    world.run(subscriptions.note_sightings, [seen(phone, Sighting.DOUBTED)], LATER)
    assert not world.phones(7)[0].is_dead


def test_a_token_that_apple_calls_bad_again_and_again_is_dead(world: World) -> None:
    world.register(7, "a")
    phone_id = world.phones(7)[0].phone_id

    def told(code: str) -> bool:
        world.run(subscriptions.note_receipts, {"hash": (phone_id, code)}, LATER)
        return world.phones(7)[0].is_dead

    bad = "DeveloperError:BadDeviceToken"
    assert not any(told(code) for code in [bad, bad, bad, bad, "ok", bad, bad, bad, bad])
    assert told(bad)
    world.register(7, "a", LATER)
    assert not told(bad)


def test_a_dead_phone_is_woken_by_a_registration(world: World) -> None:
    world.register(7, "a")
    phone = world.phones(7)[0]
    world.run(subscriptions.note_sightings, [seen(phone, Sighting.GONE)], LATER)
    assert world.phones(7)[0].is_dead
    world.register(7, "a", LATER)
    assert not world.phones(7)[0].is_dead


def test_news_of_a_death_from_before_the_last_registration_is_no_news(world: World) -> None:
    world.register(7, "a", LATER)
    phone = world.phones(7)[0]
    world.run(subscriptions.note_sightings, [seen(phone, Sighting.GONE)], LATER)
    assert not world.phones(7)[0].is_dead


def test_a_token_may_be_longer_than_an_index_entry(world: World) -> None:
    kept = world.register(7, "x" * 90_000)
    assert world.register(7, "x" * 90_000).id == kept.id


def test_what_waits_moves_to_the_project_that_was_learned(world: World) -> None:
    from calbell.store import projects

    world.register(7, "a")
    world.register(7, "b")
    world.queue(7)
    ids = world.run(projects.know, ["@owner/app"])
    assert world.run(projects.know, ["@owner/app"]) == ids
    world.run(subscriptions.learn_projects, {token("a"): ids["@owner/app"]}, NOW)
    found = {world.due(NOW)[0].token}
    assert found == {token("b")}
    assert {phone.project_id for phone in world.phones(7)} == {1, ids["@owner/app"]}


def test_a_user_without_phones_has_an_empty_list(world: World) -> None:
    assert world.run(subscriptions.phones_of, [7, 99]) == {7: [], 99: []}


def test_registering_for_nobody_fails_and_leaves_nothing(world: World) -> None:
    with pytest.raises(MissingReference):
        world.register(99, "a")
    world.register(7, "a")
    assert world.phones(7)[0].owner_user_id == 7


def test_a_removed_user_leaves_no_phone_that_rings(world: World) -> None:
    world.register(7, "a")
    world.register(8, "a")
    assert world.run(remove_user, 8, NOW)
    assert world.phones(7)[0].owner_user_id is None
    assert not world.run(remove_user, 8, NOW)


def test_receipts_are_noted_as_the_phones_health(world: World) -> None:
    world.register(7, "a")
    phone = world.phones(7)[0]
    world.run(
        subscriptions.note_receipts, {"hash": (phone.phone_id, "ok")}, NOW + timedelta(minutes=1)
    )
