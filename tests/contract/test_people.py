"""Users, addresses, keys."""

from datetime import date

from calbell.flows.grant import grant, key_hash
from calbell.store import keys, users
from calbell.store.connection import Connection
from tests.contract.world import LATER, NOW, World, profile


def test_a_user_is_found_by_id_and_by_any_address(connection: Connection) -> None:
    world = World(connection)
    world.user(7, "ada@example.com", "ada@work.example")
    found = world.run(users.directory, [7, 99], ["ada@work.example", "nobody@example.com"])
    assert list(found.by_id) == [7]
    assert found.by_address["ada@work.example"].addresses == {"ada@example.com", "ada@work.example"}
    assert "nobody@example.com" not in found.by_address


def test_saving_again_replaces_what_was_known(connection: Connection) -> None:
    world = World(connection)
    world.user(7, "old@example.com")
    world.run(users.save, profile(7, "NEW@example.com"), LATER)
    kept = world.run(users.find, 7)
    assert kept is not None
    assert kept.addresses == ("new@example.com",)
    assert kept.created_at == NOW
    assert world.run(users.listed) == [kept]


def test_an_address_belongs_to_who_was_given_it_last(connection: Connection) -> None:
    world = World(connection)
    world.user(7, "shared@example.com")
    world.user(8, "shared@example.com")
    assert (
        world.run(users.directory, [], ["shared@example.com"]).by_address["shared@example.com"].id
        == 8
    )


def test_a_key_is_found_by_its_hash_and_only_its_hash_is_kept(connection: Connection) -> None:
    world = World(connection)
    world.user(7)
    key = world.run(grant, 7, None, "phone", date(2026, 12, 31), NOW, world.chance).key
    found = world.run(keys.find, key_hash(key))
    assert found is not None
    assert (found.user_id, found.role, found.expires_on) == (7, None, date(2026, 12, 31))
    assert not found.is_revoked
    listed = world.run(keys.listed)
    assert [key.endswith(one.hint) for one in listed] == [True]
    assert key not in repr(listed)


def test_a_revoked_key_stays_listed_and_is_revoked_once(connection: Connection) -> None:
    world = World(connection)
    key = world.run(grant, None, "support", "", None, NOW, world.chance).key
    (listed,) = world.run(keys.listed)
    assert world.run(keys.revoke, listed.id, LATER)
    assert not world.run(keys.revoke, listed.id, LATER)
    found = world.run(keys.find, key_hash(key))
    assert found is not None
    assert found.is_revoked


def test_the_last_use_of_a_key_is_noted(connection: Connection) -> None:
    world = World(connection)
    world.run(grant, None, "admin", "", None, NOW, world.chance)
    (listed,) = world.run(keys.listed)
    world.run(keys.touch_many, [listed.id], LATER)
    assert world.run(keys.listed)[0].last_used_at == LATER
