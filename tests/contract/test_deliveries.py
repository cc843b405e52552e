"""The line of deliveries: claims, leases, fences, pace, tickets."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from calbell.domain.delivery import DeliveryState
from calbell.domain.sightings import Sighting
from calbell.flows.erase import remove_user
from calbell.store import deliveries, failures, projects, receipts, removals, subscriptions
from calbell.store.connection import Connection
from calbell.store.deliveries import Completion
from calbell.store.due import DueDelivery
from calbell.store.receipts import SettledReceipt
from calbell.store.statements import Dialect
from tests.contract.world import LATER, LEASE, NOW, WORKER, World, token


@pytest.fixture
def world(connection: Connection) -> World:
    world = World(connection)
    world.user(7)
    world.register(7, "a")
    return world


def report(delivery: DueDelivery, **more: object) -> Completion:
    facts: dict[str, object] = {
        "delivery_id": delivery.id,
        "worker": WORKER,
        "attempt": delivery.attempt,
        "asked_at": NOW,
        "most_together": delivery.most_together,
        "outcome": "accepted",
        "phone_id": delivery.phone_id,
        "token": delivery.token,
    }
    return Completion(**(facts | more))  # type: ignore[arg-type]


def ticket(delivery: DueDelivery, id_: str = "ticket", **more: object) -> Completion:
    due_at = NOW + timedelta(minutes=15)
    return report(delivery, ticket_id=id_, receipt_due_at=due_at, **more)


def test_what_is_due_comes_with_all_that_its_message_is_made_from(world: World) -> None:
    world.queue(7)
    (found,) = world.due()
    assert found.token == token("a")
    assert found.attempt == 1
    assert found.facts.title == "Call"
    assert (found.reader.time_zone, found.reader.time_format) == ("Europe/London", 12)
    assert found.standing.subscribed
    assert not found.standing.superseded
    assert found.standing.phone_owner_id == 7


def test_the_longest_waiting_comes_first_and_no_more_than_asked_for(world: World) -> None:
    for minutes in (3, 1, 2):
        world.queue(7, at=NOW - timedelta(minutes=minutes))
    found = world.due(number=2)
    assert [one.id for one in found] == [1, 3]


def test_what_is_not_due_yet_is_left(world: World) -> None:
    world.queue(7)
    world.run(deliveries.postpone, [(one.id, LATER) for one in world.due(NOW)])
    assert world.due(NOW) == []
    assert len(world.due(LATER)) == 1


def test_a_leased_delivery_is_not_claimed_again(world: World) -> None:
    world.queue(7)
    assert len(world.lease()) == 1
    assert world.due(LATER) == []
    assert world.states() == [("sending", None, 1, 0)]


def test_two_workers_never_claim_the_same(
    world: World, connect: Callable[[], Connection], connection: Connection
) -> None:
    for _ in range(4):
        world.queue(7)
    if connection.dialect is Dialect.SQLITE:
        pytest.skip("SQLite has one writer at a time")
    other = connect()
    with connection.transaction(writes=True):
        mine = deliveries.due(connection, 1, NOW, 2)
        with other.transaction(writes=True):
            theirs = deliveries.due(other, 1, NOW, 10)
    assert {one.id for one in mine}.isdisjoint({one.id for one in theirs})
    assert len(mine) == len(theirs) == 2


def test_a_project_that_one_worker_takes_from_is_passed_over_by_others(
    world: World, connect: Callable[[], Connection], connection: Connection
) -> None:
    world.queue(7)
    if connection.dialect is Dialect.SQLITE:
        pytest.skip("SQLite has one writer at a time")
    other = connect()
    with connection.transaction(writes=True):
        assert deliveries.pick_project(connection, NOW) == 1
        with other.transaction(writes=True):
            assert deliveries.pick_project(other, NOW) is None


def test_a_ticket_makes_it_accepted(world: World) -> None:
    world.queue(7)
    (leased,) = world.lease()
    world.run(deliveries.complete_many, [ticket(leased)], NOW)
    assert world.states() == [("accepted", None, 1, 0)]


def test_a_postponed_one_waits_for_its_time(world: World) -> None:
    world.queue(7)
    (leased,) = world.lease()
    later = report(leased, outcome="postponed", code="X", state=DeliveryState.QUEUED, due_at=LATER)
    world.run(deliveries.complete_many, [later], NOW)
    assert world.states() == [("queued", "X", 1, 0)]
    assert world.due(NOW) == []
    assert world.run(deliveries.next_due_at) == LATER
    assert world.due(LATER)[0].attempt == 2


def test_an_ending_kills_the_phone_where_it_is_gone(world: World) -> None:
    world.queue(7)
    (leased,) = world.lease()
    gone = report(
        leased,
        outcome="phone_gone",
        code="DeviceNotRegistered",
        state=DeliveryState.UNREGISTERED,
        sighting=Sighting.GONE,
    )
    world.run(deliveries.complete_many, [gone], NOW)
    assert world.states() == [("unregistered", "DeviceNotRegistered", 1, 0)]
    assert world.phones(7)[0].is_dead


def test_a_report_of_another_worker_or_attempt_changes_nothing(world: World) -> None:
    world.queue(7)
    (leased,) = world.lease()
    failed = {"outcome": "refused", "code": "X", "state": DeliveryState.FAILED}
    world.run(deliveries.complete_many, [report(leased, worker="other", **failed)], NOW)
    world.run(deliveries.complete_many, [report(leased, attempt=7, **failed)], NOW)
    assert world.states() == [("sending", None, 1, 0)]


def test_a_lease_that_ran_out_is_queued_again_as_possibly_sent(world: World) -> None:
    world.queue(7)
    world.lease()
    assert world.run(deliveries.next_lost_at) == NOW + LEASE
    assert world.run(deliveries.rescue, NOW, 10) == 0
    assert world.run(deliveries.rescue, NOW + LEASE, 10) == 1
    assert world.states() == [("queued", None, 1, 1)]
    assert world.run(deliveries.next_lost_at) is None


def test_a_ticket_that_comes_after_the_lease_ran_out_is_knowledge(world: World) -> None:
    world.queue(7)
    (leased,) = world.lease()
    world.run(deliveries.rescue, LATER, 10)
    world.run(deliveries.complete_many, [ticket(leased)], LATER)
    assert world.states() == [("accepted", None, 1, 1)]
    assert world.due(LATER) == []


def test_what_is_queued_again_is_in_the_line_of_its_project_by_now(world: World) -> None:
    for name in ("b", "c"):
        world.register(7, name)
    world.queue(7)
    lost, postponed, accepted = world.lease()
    world.run(deliveries.complete_many, [ticket(accepted)], NOW)
    ids = world.run(projects.know, ["@owner/app"])
    learned = {one.token: ids["@owner/app"] for one in (lost, postponed, accepted)}
    world.run(subscriptions.learn_projects, learned, NOW)
    later = {"outcome": "postponed", "state": DeliveryState.QUEUED, "due_at": NOW}
    world.run(deliveries.complete_many, [report(postponed, **later)], NOW)
    (asked,) = world.run(receipts.claim, LATER + timedelta(days=1), LATER, 10)
    again = SettledReceipt(asked.attempt, "Later", DeliveryState.QUEUED, NOW)
    world.run(receipts.settle, [again], NOW)
    world.run(deliveries.rescue, LATER, 10)
    assert world.run(deliveries.pick_project, LATER) == ids["@owner/app"]
    assert len(world.due(LATER)) == 3


def test_a_user_who_is_removed_takes_no_ticket_of_others_with_him(world: World) -> None:
    world.user(8)
    world.register(8, "b")
    for user_id in (7, 8):
        world.queue(user_id)
    leased = world.lease()
    world.run(remove_user, 8, NOW)
    while world.run(removals.step, 100):
        continue
    tickets = [ticket(one, f"ticket {one.id}") for one in leased]
    world.run(deliveries.complete_many, tickets, NOW)
    assert world.states() == [("accepted", None, 1, 0)]
    (asked,) = world.run(receipts.claim, LATER + timedelta(days=1), LATER, 10)
    assert asked.ticket_id == tickets[0].ticket_id


def test_a_late_ticket_counts_while_another_worker_sends_again(world: World) -> None:
    world.queue(7)
    (first,) = world.lease()
    world.run(deliveries.rescue, LATER, 10)
    (second,) = world.lease(LATER, "worker-b")
    world.run(deliveries.complete_many, [ticket(first, "one")], LATER)
    failed = report(
        second, worker="worker-b", outcome="refused", code="X", state=DeliveryState.FAILED
    )
    world.run(deliveries.complete_many, [failed], LATER)
    assert world.states() == [("accepted", None, 2, 1)]


def test_what_a_request_was_refused_for_is_sought_in_smaller_ones(world: World) -> None:
    world.queue(7)
    (leased,) = world.lease()
    again = report(
        leased,
        outcome="postponed",
        code="X",
        state=DeliveryState.QUEUED,
        due_at=NOW,
        most_together=7,
    )
    world.run(deliveries.complete_many, [again], NOW)
    assert world.due()[0].most_together == 7


def test_a_process_that_is_alone_ends_all_leases(world: World) -> None:
    world.queue(7)
    world.lease()
    assert world.run(deliveries.end_all_leases, NOW) == 1
    assert world.run(deliveries.rescue, NOW, 10) == 1


def test_what_is_found_not_to_be_sent_is_ended_with_its_reason(world: World) -> None:
    world.queue(7)
    (found,) = world.due()
    world.run(deliveries.end, [(found.id, DeliveryState.WITHDRAWN, "superseded")], NOW)
    assert world.states() == [("withdrawn", "superseded", 0, 0)]


def test_a_paced_or_paused_project_is_passed_over_until_its_time(world: World) -> None:
    world.queue(7)
    world.run(deliveries.pace, 1, NOW, timedelta(seconds=1))
    assert world.due(NOW) == []
    assert world.run(deliveries.next_due_at) == NOW + timedelta(seconds=1)
    world.run(deliveries.pause, 1, NOW + timedelta(seconds=5))
    world.run(deliveries.pause, 1, NOW + timedelta(seconds=3))
    assert world.due(NOW + timedelta(seconds=4)) == []
    assert world.run(deliveries.next_due_at) == NOW + timedelta(seconds=5)
    assert len(world.due(NOW + timedelta(seconds=5))) == 1


def test_the_project_that_has_been_free_longest_comes_first(world: World) -> None:
    world.register(7, "b")
    world.queue(7)
    ids = world.run(projects.know, ["@owner/app"])
    world.run(subscriptions.learn_projects, {token("b"): ids["@owner/app"]}, NOW)
    world.run(deliveries.pace, 1, NOW - timedelta(seconds=2), timedelta(seconds=1))
    assert world.due(NOW)[0].token == token("b")


def test_a_delivery_whose_subscription_was_removed_says_so(world: World) -> None:
    world.queue(7)
    world.run(subscriptions.remove, 7, token("a"))
    assert not world.due()[0].standing.subscribed


def test_without_deliveries_nothing_is_due(world: World) -> None:
    assert world.run(deliveries.next_due_at) is None


def test_a_death_from_before_the_last_registration_is_no_news(world: World) -> None:
    world.queue(7)
    (leased,) = world.lease()
    world.register(7, "a", LATER)
    gone = report(
        leased,
        outcome="phone_gone",
        code="X",
        state=DeliveryState.UNREGISTERED,
        sighting=Sighting.GONE,
    )
    world.run(deliveries.complete_many, [gone], LATER)
    assert not world.phones(7)[0].is_dead


def test_intake_does_not_hide_a_project_from_the_workers(
    world: World, connect: Callable[[], Connection], connection: Connection
) -> None:
    world.queue(7)
    if connection.dialect is Dialect.SQLITE:
        pytest.skip("SQLite has one writer at a time")
    other = connect()
    notification = world.notify(7)
    with connection.transaction(writes=True):
        phone = subscriptions.phones_of(connection, [7])[7][0]
        new = deliveries.NewDelivery(notification, phone, "key", LATER)
        deliveries.insert_many(connection, [new], NOW)
        with other.transaction(writes=True):
            assert deliveries.pick_project(other, NOW) == 1


def test_a_turn_can_be_claimed_before_it_comes(world: World) -> None:
    world.queue(7)
    second, lead = timedelta(seconds=1), timedelta(seconds=0.1)
    assert world.run(deliveries.pace, 1, NOW, second) == NOW
    early = NOW + second - lead
    assert world.run(deliveries.pick_project, early) is None
    assert world.run(deliveries.pick_project, early, lead) == 1
    assert world.run(deliveries.next_due_at, lead) == early
    assert world.run(deliveries.pace, 1, early, second) == NOW + second
    assert world.run(deliveries.next_due_at) == NOW + 2 * second


def test_what_left_late_puts_off_what_comes_after_it(world: World) -> None:
    world.queue(7)
    second = timedelta(seconds=1)
    world.run(deliveries.pace, 1, NOW, second)
    world.run(deliveries.put_off, 1, second)
    assert world.run(deliveries.next_due_at) == NOW + 2 * second


def test_what_earlier_attempts_met_is_counted_by_code(world: World) -> None:
    world.register(7, "b")
    world.queue(7)
    for attempt, code in enumerate(("X:503", "X:503", None, "X")):
        found = world.lease(NOW + timedelta(hours=attempt))
        again = {"state": DeliveryState.QUEUED, "outcome": "postponed", "due_at": NOW}
        completions = [report(one, code=code, **again) for one in found[:1]]
        completions += [report(one, **again) for one in found[1:]]
        world.run(deliveries.complete_many, completions, NOW)
    bad, plain = (one.id for one in found)
    assert world.run(failures.met, [bad, plain, bad]) == {bad: {"X:503": 2, "X": 1}}


def test_a_code_of_a_receipt_counts_as_one_that_was_met(world: World) -> None:
    world.queue(7)
    (found,) = world.lease()
    world.run(deliveries.complete_many, [ticket(found)], NOW)
    (due,) = world.run(receipts.claim, LATER + timedelta(hours=1), LATER, 10)
    settled = [SettledReceipt(due.attempt, "NO_CODE", DeliveryState.QUEUED)]
    world.run(receipts.settle, settled, NOW)
    assert world.run(failures.met, [found.id]) == {found.id: {"NO_CODE": 1}}
