"""Taking in: one transaction from an event to its deliveries, on both engines."""

from datetime import datetime, timedelta
from random import Random

import pytest
from typing_extensions import override

from calbell.domain.plan import Rules
from calbell.flows import story
from calbell.flows.hear import under
from calbell.flows.receive import incoming_webhook
from calbell.flows.release import release_due
from calbell.flows.story import Timeline
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import Incoming, TakenIn, take_in_many
from calbell.store import bookings, events, subscriptions
from calbell.store.connection import Connection
from calbell.store.events import EventState
from tests import payloads
from tests.contract.world import NOW, World, token

POLICY = Policy(Rules(reminders=(timedelta(minutes=10),)))
START = NOW + timedelta(days=1)
END = START + timedelta(minutes=30)


class Intake(World):
    """A world that takes webhooks in."""

    now = NOW

    def take(self, *bodies: dict[str, object]) -> list[TakenIn]:
        incoming = [self.read(body) for body in bodies]
        return self.run(take_in_many, incoming, POLICY, self.now, self.chance)

    def take_under(self, key: str, body: dict[str, object]) -> list[TakenIn]:
        incoming = [under(key, self.read(body))]
        return self.run(take_in_many, incoming, POLICY, self.now, self.chance)

    def read(self, body: dict[str, object]) -> Incoming:
        return incoming_webhook(payloads.body(body), self.now)

    def release(self, at: datetime) -> int:
        return self.run(release_due, POLICY, at, self.chance)

    def story(self, uid: str) -> Timeline:
        told = self.run(story.timeline, uid)
        assert told is not None
        return told

    def told(self, uid: str) -> list[tuple[str, int, str, str | None]]:
        """Kind, user, state and reason of every notification of a booking."""
        return [
            (n.kind, n.user_id, n.state, n.reason)
            for event in self.story(uid).events
            for n in event.notifications
        ]


@pytest.fixture
def world(connection: Connection) -> Intake:
    """A host with two phones and an attendee with one."""
    world = Intake(connection)
    world.chance = Random(7)
    world.user(7, "host@example.com")
    world.user(8, "guest@example.com")
    world.register(7, "host-1")
    world.register(7, "host-2")
    world.register(8, "guest-1")
    return world


def said(**more: object) -> dict[str, object]:
    """What all webhooks of the booking have in common."""
    return {
        "uid": "b1",
        "organizer": payloads.organizer(id=7, email="host@example.com"),
        "attendees": [payloads.attendee(email="guest@example.com")],
        "start": START,
        "end": END,
        "sent_at": NOW,
    } | more


def created(**more: object) -> dict[str, object]:
    return payloads.created(**said(**more))  # type: ignore[arg-type]


def test_one_event_becomes_news_deliveries_and_reminders(world: Intake) -> None:
    (taken,) = world.take(created())
    assert (taken.duplicate, taken.recipients) == (False, 2)
    assert sorted(world.told("b1")) == [
        ("BOOKING_CONFIRMED", 7, "released", None),
        ("BOOKING_CONFIRMED", 8, "released", None),
        ("BOOKING_REMINDER", 7, "waiting", None),
        ("BOOKING_REMINDER", 8, "waiting", None),
    ]
    assert world.states() == [("queued", None, 0, 0)] * 3
    assert len({one.key for one in world.due()}) == 3


def test_the_same_bytes_are_one_event(world: Intake) -> None:
    (first,) = world.take(created())
    (again,) = world.take(created())
    assert again == TakenIn(first.event_id, True, 2)
    assert len(world.states()) == 3


def test_another_body_under_a_known_key_is_not_kept(world: Intake) -> None:
    (first,) = world.take_under("k", created())
    assert world.take_under("k", created()) == [TakenIn(first.event_id, True, 2)]
    assert world.take_under("k", created(uid="b2")) == [TakenIn(first.event_id, True, 2, True)]
    assert world.run(story.timeline, "b2") is None
    assert len(world.states()) == 3


def test_a_copy_from_another_webhook_tells_nothing(world: Intake) -> None:
    world.take(created())
    (copy,) = world.take(created(sent_at=NOW + timedelta(seconds=1)))
    assert (copy.duplicate, copy.recipients) == (True, 0)
    assert len(world.states()) == 3


def test_a_list_of_events_is_answered_in_its_order(world: Intake) -> None:
    first, second, third = world.take(created(), created(uid="b2"), payloads.ping())
    assert [first.recipients, second.recipients, third.recipients] == [2, 2, 0]
    assert len(world.states()) == 6


def test_a_move_supersedes_what_waits_and_what_has_not_left(world: Intake) -> None:
    world.take(created())
    moved = payloads.rescheduled(
        **said(uid="b2", old_uid="b1", old_start=START, old_end=END)  # type: ignore[arg-type]
    )
    world.take(moved)
    reminders = [told for told in world.told("b1") if told[0] == "BOOKING_REMINDER"]
    assert {state for _, _, state, _ in reminders} == {"superseded"}
    old, new = world.due()[:3], world.due()[3:]
    assert all(one.standing.superseded for one in old)
    assert not any(one.standing.superseded for one in new)
    assert world.story("b1").replaced_by_uid == "b2"


def test_news_of_a_booking_that_was_moved_is_not_told_when_it_comes_late(world: Intake) -> None:
    moved = payloads.rescheduled(
        **said(uid="b2", old_uid="b1", old_start=START, old_end=END)  # type: ignore[arg-type]
    )
    world.take(moved)
    (late,) = world.take(created())
    assert late.recipients == 0


def test_a_cancellation_ends_the_reminders(world: Intake) -> None:
    world.take(created())
    world.take(payloads.cancelled(**said(sent_at=NOW + timedelta(seconds=1))))  # type: ignore[arg-type]
    assert {t[2] for t in world.told("b1") if t[0] == "BOOKING_REMINDER"} == {"superseded"}
    assert ("BOOKING_CANCELLED", 8, "released", None) in world.told("b1")


def test_a_reminder_is_released_at_its_time_to_the_phones_of_then(world: Intake) -> None:
    world.take(created())
    world.run(subscriptions.remove, 8, token("guest-1"))
    world.register(8, "guest-2")
    assert world.release(START - timedelta(minutes=11)) == 0
    assert world.release(START - timedelta(minutes=10)) == 2
    reminders = [one for one in world.due(START) if one.kind == "BOOKING_REMINDER"]
    assert {one.token for one in reminders} == {
        token("host-1"),
        token("host-2"),
        token("guest-2"),
    }


def test_a_reminder_whose_time_was_slept_through_is_expired(world: Intake) -> None:
    world.take(created())
    world.release(START)
    assert {t[2] for t in world.told("b1") if t[0] == "BOOKING_REMINDER"} == {"expired"}


def test_a_user_without_phones_is_told_nothing_and_the_story_says_so(world: Intake) -> None:
    world.run(subscriptions.remove, 8, token("guest-1"))
    (taken,) = world.take(created())
    assert taken.recipients == 2
    assert ("BOOKING_CONFIRMED", 8, "suppressed", "no_device") in world.told("b1")


def test_news_of_what_is_over_is_expired(world: Intake) -> None:
    world.now = END
    world.take(created())
    assert {state for _, _, state, _ in world.told("b1")} == {"expired"}
    assert world.states() == []


def test_what_cannot_be_understood_is_kept_whole(world: Intake) -> None:
    incoming = incoming_webhook(b'{"triggerEvent":"BOOKING_CREATED"}', NOW)
    assert incoming.state is EventState.UNREADABLE
    (taken,) = world.run(take_in_many, [incoming], POLICY, NOW, world.chance)
    assert (taken.duplicate, taken.recipients) == (False, 0)
    assert world.run(take_in_many, [incoming], POLICY, NOW, world.chance)[0].duplicate


def test_the_booking_is_kept_as_folded(world: Intake) -> None:
    world.take(created(title="Ünïcode 🗓 title"))
    kept = world.run(bookings.by_uid, "b1")
    assert kept is not None
    assert kept.booking.title == "Ünïcode 🗓 title"
    assert kept.booking.times is not None
    assert kept.booking.times.start_at == START
    assert kept.booking.version == 1
    assert world.run(bookings.by_ids, [kept.id]) == {kept.id: kept.booking}


def test_nothing_is_known_of_a_booking_that_nobody_named(world: Intake) -> None:
    assert world.run(story.timeline, "nobody") is None


def test_a_failure_in_the_middle_leaves_nothing(world: Intake) -> None:
    world.take(payloads.ping())
    first = world.read(created())
    world.run(take_in_many, [first], POLICY, NOW, _Broken())
    second = world.read(created(uid="b2"))
    with pytest.raises(Exception, match=r"(?i)unique"):
        world.run(take_in_many, [second], POLICY, NOW, _Broken())
    assert world.run(story.timeline, "b2") is None
    assert world.run(events.known, [first.key, second.key]).keys() == {first.key}


class _Broken(Random):
    """A source of randomness that repeats itself: ids collide."""

    @override
    def getrandbits(self, k: int, /) -> int:
        return 1
