"""Tickets and their receipts."""

from datetime import timedelta

import pytest
from msgspec import structs

from calbell.domain.delivery import DeliveryState
from calbell.flows.erase import remove_user
from calbell.store import deliveries, receipts, removals
from calbell.store.connection import Connection
from calbell.store.receipts import SettledReceipt
from tests.contract.test_deliveries import ticket
from tests.contract.world import LEASE, NOW, World

DUE = NOW + timedelta(minutes=15)


@pytest.fixture
def world(connection: Connection) -> World:
    """One delivery that was accepted at NOW."""
    world = World(connection)
    world.user(7)
    world.register(7, "a")
    world.queue(7)
    (leased,) = world.lease()
    world.run(deliveries.complete_many, [ticket(leased)], NOW)
    return world


def test_a_receipt_is_looked_for_when_it_is_due_and_by_one_alone(world: World) -> None:
    assert world.run(receipts.next_due_at) == DUE
    assert world.run(receipts.claim, NOW, NOW + LEASE, 10) == []
    (due,) = world.run(receipts.claim, DUE, DUE + LEASE, 10)
    assert (due.ticket_id, due.look, due.is_last_out) == ("ticket", 0, True)
    assert due.sent_at == NOW
    assert world.run(receipts.claim, DUE, DUE + LEASE, 10) == []
    assert len(world.run(receipts.claim, DUE + LEASE, DUE + 2 * LEASE, 10)) == 1


def test_an_ok_receipt_delivers_and_is_not_asked_for_again(world: World) -> None:
    (due,) = world.run(receipts.claim, DUE, DUE + LEASE, 10)
    ok = SettledReceipt(due.attempt, "ok", DeliveryState.DELIVERED)
    world.run(receipts.settle, [ok], DUE)
    assert world.states() == [("delivered", None, 1, 0)]
    assert world.run(receipts.next_due_at) is None


@pytest.mark.parametrize(
    "state", [DeliveryState.FAILED, DeliveryState.UNREGISTERED, DeliveryState.QUEUED]
)
def test_an_error_receipt_leads_where_it_says(world: World, state: DeliveryState) -> None:
    (due,) = world.run(receipts.claim, DUE, DUE + LEASE, 10)
    world.run(receipts.settle, [SettledReceipt(due.attempt, "X", state, DUE)], DUE)
    assert world.states() == [(state, "X", 1, 0)]


def test_a_receipt_in_doubt_leaves_open_whether_the_phone_rang(world: World) -> None:
    (due,) = world.run(receipts.claim, DUE, DUE + LEASE, 10)
    doubted = SettledReceipt(due.attempt, "X", DeliveryState.QUEUED, DUE, in_doubt=True)
    world.run(receipts.settle, [doubted], DUE)
    assert world.states() == [("queued", "X", 1, 1)]


def test_a_receipt_that_changes_nothing_is_kept_all_the_same(world: World) -> None:
    (due,) = world.run(receipts.claim, DUE, DUE + LEASE, 10)
    world.run(receipts.settle, [SettledReceipt(due.attempt, "X", None)], DUE)
    assert world.states() == [("accepted", None, 1, 0)]
    assert world.run(receipts.next_due_at) is None


def test_a_ticket_whose_repetition_brought_none_is_the_one_that_counts(world: World) -> None:
    """Attempt 1 was given up for lost, attempt 2 went out, then the first ticket came after all."""
    world.queue(7)
    (first,) = world.lease(NOW, "worker-b")
    world.run(deliveries.rescue, NOW + LEASE, 10)
    (second,) = world.lease(NOW + LEASE)
    world.run(deliveries.complete_many, [ticket(first, "late")], NOW + LEASE)
    lost = structs.replace(ticket(second), ticket_id=None, outcome="answer_lost")
    world.run(deliveries.complete_many, [lost], NOW + LEASE)
    due = {one.ticket_id: one for one in world.run(receipts.claim, DUE, DUE + LEASE, 10)}
    assert due["late"].is_last_out


def test_whoever_settles_late_sends_nothing_again_that_was_accepted_again(world: World) -> None:
    """Two asked for one receipt, as the first took too long; the news of it comes twice."""
    (slow,) = world.run(receipts.claim, DUE, DUE + LEASE, 10)
    later = SettledReceipt(slow.attempt, "X", DeliveryState.QUEUED, DUE)
    world.run(receipts.settle, [later], DUE)
    (again,) = world.lease(DUE)
    world.run(deliveries.complete_many, [ticket(again, "again")], DUE)
    for state in (DeliveryState.QUEUED, DeliveryState.UNREGISTERED):
        world.run(receipts.settle, [structs.replace(later, state=state)], DUE)
    world.run(receipts.give_up, [(slow.attempt, DeliveryState.UNKNOWN)], DUE)
    assert world.states() == [("accepted", None, 2, 0)]


def test_only_the_newest_ticket_counts_as_that(world: World) -> None:
    world.queue(7)
    (first,) = world.lease(NOW, "worker-b")
    world.run(deliveries.rescue, NOW + LEASE, 10)
    (second,) = world.lease(NOW + LEASE)
    tickets = [ticket(first, "one"), ticket(second, "two")]
    for one in tickets:
        world.run(deliveries.complete_many, [one], NOW + LEASE)
    due = {one.ticket_id: one for one in world.run(receipts.claim, DUE, DUE + LEASE, 10)}
    assert (due["one"].is_last_out, due["two"].is_last_out) == (False, True)


@pytest.mark.parametrize("state", [DeliveryState.QUEUED, DeliveryState.FAILED])
def test_a_ticket_that_is_kept_after_a_later_one_had_its_receipt_has_the_last_word(
    world: World, state: DeliveryState
) -> None:
    """Who sent the first took long to keep its ticket; the second was sent, and known to be in
    vain, before."""
    world.queue(7)
    (first,) = world.lease(NOW, "worker-b")
    world.run(deliveries.rescue, NOW + LEASE, 10)
    (second,) = world.lease(NOW + LEASE)
    world.run(deliveries.complete_many, [ticket(second, "two")], NOW + LEASE)
    due = {one.ticket_id: one for one in world.run(receipts.claim, DUE, DUE + LEASE, 10)}
    vain = SettledReceipt(due["two"].attempt, "X", DeliveryState.QUEUED, DUE + LEASE)
    world.run(receipts.settle, [vain], DUE)
    world.run(deliveries.complete_many, [ticket(first, "one")], DUE)
    assert world.states()[1][0] == "accepted"
    due = {one.ticket_id: one for one in world.run(receipts.claim, DUE + LEASE, DUE + 2 * LEASE, 9)}
    assert due["one"].is_last_out
    world.run(
        receipts.settle,
        [SettledReceipt(due["one"].attempt, "X", state, DUE + 2 * LEASE)],
        DUE + LEASE,
    )
    assert world.states()[1][:2] == (state, "X")


def test_a_missing_receipt_is_looked_for_again_or_given_up(world: World) -> None:
    (due,) = world.run(receipts.claim, DUE, DUE + LEASE, 10)
    again = NOW + timedelta(minutes=30)
    world.run(receipts.plan_looks, [(due.attempt, again)])
    (due,) = world.run(receipts.claim, again, again + LEASE, 10)
    assert due.look == 1
    world.run(receipts.plan_looks, [(due.attempt, None)])
    world.run(receipts.give_up, [(due.attempt, DeliveryState.UNKNOWN)], again)
    assert world.states() == [("unknown", "no_receipt", 1, 0)]
    assert world.run(receipts.next_due_at) is None


def test_a_receipt_that_comes_after_its_user_was_removed_is_nobody_elses(world: World) -> None:
    """The next attempt may have the id of the one that is gone with the user."""
    (asked,) = world.run(receipts.claim, DUE, DUE + LEASE, 10)
    world.run(remove_user, 7, DUE)
    while world.run(removals.step, 100):
        continue
    world.user(8)
    world.register(8, "b")
    world.queue(8)
    (leased,) = world.lease(DUE)
    world.run(deliveries.complete_many, [ticket(leased)], DUE)
    waits_until = world.run(receipts.next_due_at)
    world.run(receipts.put_off, [asked.attempt], DUE)
    world.run(receipts.plan_looks, [(asked.attempt, None)])
    delivered = SettledReceipt(asked.attempt, "ok", DeliveryState.DELIVERED)
    world.run(receipts.settle, [delivered], DUE)
    assert world.states() == [("accepted", None, 1, 0)]
    assert world.run(receipts.next_due_at) == waits_until
