"""Notices: made with what they tell of, sent once at a time, kept until somebody has them."""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from typing_extensions import override

from calbell.domain.backoff import Backoff
from calbell.domain.delivery import DeliveryState
from calbell.domain.holds import Evidence, Scope, ShownBy
from calbell.domain.outcomes import Delivered, Gone, Receipt, Refused
from calbell.domain.retention import Horizon
from calbell.domain.sightings import Sighting
from calbell.domain.subscription import Platform
from calbell.flows.claim import Pace, claim
from calbell.flows.collect import Patience, settle
from calbell.flows.release import release_due
from calbell.flows.report import Report, keep_reports
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import TakenIn, take_in_many
from calbell.store import notices, pauses, receipts, removals, retention, subscriptions
from calbell.store.connection import Connection
from calbell.store.database import run_once
from calbell.store.deliveries import Completion
from calbell.store.due import DueDelivery
from calbell.store.notices import DueNotice, InVain
from calbell.store.pauses import Longest
from calbell.store.retention import Kind, Place
from calbell.store.statements import Dialect, Statement
from tests.acceptance.programs import until
from tests.contract.test_take_in import END, Intake, created
from tests.contract.world import LATER, LEASE, NOW, WORKER, send

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PATIENCE = Patience(timedelta(0), LEASE, Backoff(timedelta(seconds=2), timedelta(minutes=5)))
PACE = Pace(rate=0, requests=6, lease=LEASE, backoff=PATIENCE.backoff, receipt_delay=PATIENCE.delay)


class Telling(Intake):
    """A world in which another program hears of what does not come through."""

    policy = Policy(gives_notice=True)

    @override
    def take(self, *bodies: dict[str, object]) -> list[TakenIn]:
        incoming = [self.read(body) for body in bodies]
        return self.run(take_in_many, incoming, self.policy, self.now, self.chance)

    @override
    def release(self, at: datetime) -> int:
        return self.run(release_due, self.policy, at, self.chance)

    def keep(self, *completions: Completion, at: datetime = NOW) -> None:
        self.run(keep_reports, [report(*completions)], self.policy, at)

    def collect(self, receipt: Receipt, at: datetime) -> None:
        """All receipts that are due say so."""
        due = self.run(receipts.claim, at, at + LEASE, 100)
        found = [(one, receipt) for one in due]
        self.run(settle, found, (), PATIENCE, self.policy, at, 0.5)

    def finish_sending(self) -> None:
        """All that is due was accepted; the receipts are due."""
        while self.run(send, NOW):
            continue

    def claim(self, at: datetime) -> None:
        self.run(claim, self.policy, PACE, WORKER, 6, at)

    def said(self, at: datetime = NOW) -> list[dict[str, Any]]:
        """Every notice that is due; somebody has them now."""
        sent = self.sends(at)
        self.run(notices.settle, [one.id for one in sent], [], at)
        return [json.loads(one.body) for one in sent]

    def sends(self, at: datetime = NOW, number: int = 100) -> list[DueNotice]:
        return self.run(notices.claim, at, at + LEASE, number)

    def kinds(self, at: datetime = NOW) -> list[str]:
        return [one["kind"] for one in self.said(at)]


def report(*completions: Completion) -> Report:
    return Report(project_id=1, completions=completions, probe_at=LATER)


def ended(
    one: DueDelivery, state: DeliveryState, code: str, *, gone: bool = False, at: datetime = NOW
) -> Completion:
    return Completion(
        delivery_id=one.id,
        worker=WORKER,
        attempt=one.attempt,
        asked_at=at,
        outcome="refused",
        code=code,
        state=state,
        phone_id=one.phone_id,
        token=one.token,
        sighting=Sighting.GONE if gone else None,
        most_together=100,
    )


def unregistered(one: DueDelivery, at: datetime = NOW) -> Completion:
    return ended(one, DeliveryState.UNREGISTERED, "DeviceNotRegistered", gone=True, at=at)


@pytest.fixture
def world(connection: Connection) -> Telling:
    """A host with two phones and a guest with none."""
    world = Telling(connection)
    world.chance = Random(7)
    world.user(7, "host@example.com")
    world.user(8, "guest@example.com")
    world.register(7, "host-1")
    world.register(7, "host-2")
    return world


def test_who_has_no_phone_is_told_of_in_the_transaction_of_the_event(world: Telling) -> None:
    (taken,) = world.take(created())
    (said,) = world.said()
    assert said["kind"] == "notification.unreachable"
    assert said["data"] == {
        "userId": 8,
        "notificationEvent": "BOOKING_CONFIRMED",
        "bookingUid": "b1",
        "eventId": taken.event_id,
        "reasons": [{"state": "suppressed", "code": "no_device"}],
    }


def test_news_that_is_numbered_as_what_was_forgotten_was_is_told_of(world: Telling) -> None:
    """SQLite begins anew where no row is left; notices are kept for longer."""
    world.take(created())
    assert world.kinds() == ["notification.unreachable"]
    forgotten = ("attempts", "deliveries", "notifications", "event_keys", "events", "bookings")
    for statement in [f"delete from {table};" for table in forgotten]:
        world.connection.script(statement)
    world.now = NOW + HOUR
    world.take(created(uid="b2"))
    (said,) = world.said(world.now)
    assert said["data"]["bookingUid"] == "b2"


def test_where_nobody_waits_for_notices_there_are_none(world: Telling) -> None:
    world.policy = Policy()
    world.take(created())
    for one in world.lease():
        world.keep(unregistered(one))
    assert world.said() == []


def test_the_last_phone_that_fails_is_what_makes_news_unreachable(world: Telling) -> None:
    world.register(8, "guest-1")
    world.take(created())
    first, second, guests = sorted(world.lease(), key=lambda one: one.phone_id)
    world.keep(unregistered(first))
    assert world.kinds() == ["device.gone"]
    world.keep(ended(second, DeliveryState.FAILED, "MessageTooBig"))
    (said,) = world.said()
    assert said["data"]["userId"] == 7
    assert said["data"]["reasons"] == [
        {"state": "failed", "code": "MessageTooBig"},
        {"state": "unregistered", "code": "DeviceNotRegistered"},
    ]
    world.keep(ended(guests, DeliveryState.UNKNOWN, "PROVIDER"))
    assert world.said() == []


def test_what_receipts_say_counts_as_well(world: Telling) -> None:
    world.register(8, "guest-1")
    world.take(created())
    world.finish_sending()
    world.collect(Gone("DeviceNotRegistered"), NOW)
    kinds = sorted(world.kinds())
    assert kinds == ["device.gone"] * 3 + ["notification.unreachable"] * 2


def test_receipts_that_are_well_make_no_notice(world: Telling) -> None:
    world.register(8, "guest-1")
    world.take(created())
    world.finish_sending()
    world.collect(Delivered(), NOW)
    assert world.said() == []


def test_what_is_stale_when_it_is_claimed_is_told_of(world: Telling) -> None:
    world.take(created())
    world.said()
    world.claim(NOW + 2 * DAY)
    (said,) = world.said(NOW + 2 * DAY)
    assert said["data"]["reasons"] == [{"state": "expired", "code": "went_stale"}]


def test_a_test_push_is_nobodys_news(world: Telling) -> None:
    world.queue(7)
    world.keep(*(ended(one, DeliveryState.FAILED, "MessageTooBig") for one in world.lease()))
    assert world.said() == []


def test_under_exclusive_a_gone_phone_is_its_owners_alone(world: Telling) -> None:
    world.register(8, "host-1")
    world.take(created())
    (one,) = (d for d in world.lease() if d.token.endswith("[host-1]"))
    world.keep(unregistered(one))
    assert [said["data"]["userId"] for said in world.said() if said["kind"] == "device.gone"] == [8]


def test_under_shared_it_is_told_of_each_user(world: Telling) -> None:
    world.policy = Policy(exclusive=False, gives_notice=True)
    world.register(8, "host-1")
    world.take(created())
    first, *_ = (d for d in world.lease() if d.token.endswith("[host-1]"))
    world.keep(unregistered(first))
    assert [said["data"]["userId"] for said in world.said()] == [7, 8]


def test_a_phone_that_comes_back_and_goes_again_is_told_of_again(world: Telling) -> None:
    def goes(at: datetime) -> None:
        world.now = at
        world.take(created(uid=f"b{at}", start=at + DAY, end=at + DAY + HOUR, sent_at=at))
        phone = world.phones(7)[0].phone_id
        (one,) = (d for d in world.lease(at) if d.phone_id == phone)
        world.keep(unregistered(one, at), at=at)
        # The same is heard of once more.
        world.keep(unregistered(one, at), at=at)

    goes(NOW)
    assert world.kinds().count("device.gone") == 1
    world.register(7, "host-1", at=LATER)
    goes(LATER + LEASE)
    assert world.kinds(LATER + LEASE).count("device.gone") == 1


def shown(world: Telling, code: str | None, at: datetime) -> None:
    scope = Scope(1, Platform.IOS, ShownBy.TICKET)
    one = Report(
        project_id=1, completions=(), shown=(Evidence(scope, at, code),), probe_at=at + LEASE
    )
    world.run(keep_reports, [one], world.policy, at)


def test_broken_credentials_are_told_of_and_that_they_are_mended(world: Telling) -> None:
    for minute, code in enumerate(("InvalidCredentials", "InvalidCredentials", None, None)):
        shown(world, code, NOW + timedelta(minutes=minute))
    first, second = world.said(LATER)
    assert [first["data"]["state"], second["data"]["state"]] == ["held", "lifted"]
    assert first["data"]["platform"] == "IOS"
    assert first["data"]["code"] == "InvalidCredentials"


def test_one_process_at_a_time_sends_a_notice_until_its_lease_runs_out(world: Telling) -> None:
    world.take(created())
    (first,) = world.sends()
    assert world.sends() == []
    assert world.run(notices.next_due_at) == NOW + LEASE
    (again,) = world.sends(NOW + LEASE)
    assert (again.id, again.body) == (first.id, first.body)
    assert (first.attempt, again.attempt) == (1, 2)


def test_who_lost_the_lease_does_not_put_it_off_but_that_it_was_taken_counts(
    world: Telling,
) -> None:
    world.take(created())
    (first,) = world.sends()
    world.sends(NOW + LEASE)
    late = InVain(first.id, first.attempt, "timeout", NOW + DAY)
    world.run(notices.settle, [], [late], NOW + LEASE)
    assert world.run(notices.next_due_at) == NOW + 2 * LEASE
    world.run(notices.settle, [first.id], [], NOW + LEASE)
    assert world.run(notices.next_due_at) is None
    assert world.sends(NOW + DAY) == []


def test_those_who_watch_see_what_waits_what_failed_and_what_was_given_up(world: Telling) -> None:
    world.take(created(), created(uid="b2"))
    first, second = world.sends()
    vain = [
        InVain(first.id, 1, "status 500", NOW + HOUR),
        InVain(second.id, 1, "timeout", None),
    ]
    world.run(notices.settle, [], vain, LATER)
    seen = world.run(notices.callback, LATER)
    assert (seen.waiting, seen.in_vain, seen.given_up) == (1, 1, 1)
    assert seen.oldest_at == NOW
    assert seen.failure in ("status 500", "timeout")
    assert seen.failed_at == LATER
    world.run(notices.settle, [first.id], [], NOW + HOUR)
    seen = world.run(notices.callback, LATER + DAY + HOUR)
    assert (seen.waiting, seen.in_vain, seen.given_up, seen.failure) == (0, 0, 0, None)


def test_old_notices_are_forgotten_sent_or_not(world: Telling) -> None:
    world.take(created(), created(uid="b2"))
    first, _ = world.sends()
    world.run(notices.settle, [first.id], [], NOW)
    place = Place(Kind.NOTICES)
    for before, gone in ((NOW, 0), (END, 2)):
        step = world.run(retention.forget, Horizon(before, before), place, 100)
        assert (step.gone, step.place) == (gone, None)
    assert world.run(notices.next_due_at) is None


def test_what_is_taken_after_it_was_forgotten_is_no_other_notice(world: Telling) -> None:
    """The next one may have the row's id of the one that is gone."""
    world.take(created())
    (first,) = world.sends()
    world.run(retention.forget, Horizon(END, END), Place(Kind.NOTICES), 100)
    world.take(created(uid="b2"))
    world.run(notices.settle, [first.id], [InVain(first.id, 0, "timeout", None)], NOW)
    (second,) = world.sends()
    assert second.id != first.id


def test_of_a_user_who_is_removed_nobody_is_told_any_more(world: Telling) -> None:
    world.take(created())
    world.run(removals.begin, 8, "User 8", ("guest@example.com",), NOW)
    assert world.said() == []
    world.run(removals.begin, 7, "User 7", ("host@example.com",), NOW)
    world.claim(NOW + 2 * DAY)
    assert world.said(NOW + 2 * DAY) == []


def test_a_clock_that_is_set_back_makes_no_pause_longer(world: Telling) -> None:
    world.take(created())
    (one,) = world.sends()
    world.run(notices.settle, [], [InVain(one.id, 1, "timeout", NOW + timedelta(minutes=9))], NOW)
    back = NOW - DAY
    world.run(pauses.set_back, DAY, back, Longest(timedelta(minutes=5), LEASE, DAY))
    assert world.run(notices.next_due_at) == back + timedelta(minutes=9)


def test_of_two_who_end_the_last_deliveries_at_the_same_time_one_tells(
    world: Telling, connect: Callable[[], Connection]
) -> None:
    """The first one's end is not to be seen yet when the second one's is made."""
    world.take(created())
    world.said()
    first, second = (
        [report(ended(one, DeliveryState.FAILED, "MessageTooBig"))] for one in world.lease()
    )
    one, other = connect(), connect()
    thread = threading.Thread(
        target=run_once, args=(other, keep_reports, second, world.policy, NOW)
    )
    with one.transaction(writes=True):
        keep_reports(one, first, world.policy, NOW)
        thread.start()
        if one.dialect is Dialect.POSTGRESQL:
            until(
                lambda: waits(world) or not thread.is_alive() or None, "the second one to get stuck"
            )
    thread.join(timeout=20)
    assert world.kinds() == ["notification.unreachable"]


def waits(world: Telling) -> bool:
    """Whether somebody waits for another one's row."""
    sql = "select 1 from pg_locks where not granted"
    query = Statement("waits", "", (), (), (), sql, sql, returns_rows=True)
    return bool(world.run(lambda c: c.run(query)))


def test_five_bad_tokens_of_apples_in_a_row_are_a_gone_phone(world: Telling) -> None:
    world.take(created())
    world.said()
    (phone, _) = world.phones(7)
    for _ in range(subscriptions.TOO_MANY_BAD - 1):
        said = {"a": (phone.phone_id, subscriptions.BAD_TOKEN)}
        world.run(subscriptions.note_receipts, said, NOW)
    world.finish_sending()
    world.collect(Refused(subscriptions.BAD_TOKEN), NOW)
    assert sorted(world.kinds()) == ["device.gone", "notification.unreachable"]
