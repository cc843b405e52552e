"""What quiet hours do to what is kept, on both engines."""

from datetime import datetime, time, timedelta

import pytest

from calbell.domain.backoff import Backoff
from calbell.domain.notification import NotificationState, Planned
from calbell.domain.people import Role
from calbell.domain.plan import Rules, facts_of
from calbell.domain.preferences import Preferences
from calbell.domain.push_events import PushEvent
from calbell.domain.quiet_hours import QuietHours
from calbell.flows.choose import choose
from calbell.flows.claim import Pace, claim
from calbell.flows.release import release_due
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import take_in_many
from calbell.store import bookings, notifications
from calbell.store.connection import Connection
from calbell.store.notifications import NewNotification
from tests import payloads
from tests.contract.test_take_in import Intake, created, said
from tests.contract.world import NOW

RULES = Rules(quiet_hours=QuietHours(start=time(22), end=time(7)))
POLICY = Policy(RULES)
NIGHT = NOW + timedelta(hours=11)
MORNING = NOW + timedelta(hours=19)
NOON = NOW + timedelta(days=1)


class Sleepers(Intake):
    """A world in which everybody sleeps from ten to seven."""

    now = NIGHT

    def hear(self, body: dict[str, object]) -> None:
        self.run(take_in_many, [self.read(body)], POLICY, self.now, self.chance)

    def awake(self, at: datetime) -> int:
        return self.run(release_due, POLICY, at, self.chance)

    def claimed(self, at: datetime) -> int:
        """How many deliveries are to be sent then."""
        pace = Pace(
            rate=0,
            requests=6,
            lease=timedelta(minutes=1),
            backoff=Backoff(timedelta(seconds=2), timedelta(minutes=5)),
            receipt_delay=timedelta(),
        )
        found = self.run(claim, POLICY, pace, "worker", 6, at)
        return sum(len(request) for request in found.requests) if found else 0


@pytest.fixture
def world(connection: Connection) -> Sleepers:
    world = Sleepers(connection)
    world.user(7, "host@example.com")
    world.user(8, "guest@example.com")
    world.register(7, "host-1")
    world.register(8, "guest-1")
    return world


def tomorrow(**more: object) -> dict[str, object]:
    times = {"start": NOON, "end": NOON + timedelta(minutes=30), "sent_at": NIGHT}
    return said(**times) | more


def test_news_waits_for_the_morning_with_its_reason_and_keeps_it(world: Sleepers) -> None:
    world.hear(created(**tomorrow()))
    waiting = [("BOOKING_CONFIRMED", user, "waiting", "quiet_hours") for user in (7, 8)]
    assert world.told("b1") == waiting
    assert world.awake(MORNING - timedelta(milliseconds=1)) == 0
    assert world.awake(MORNING) == 2
    assert {one[2:] for one in world.told("b1")} == {("released", "quiet_hours")}
    assert world.claimed(MORNING) == 2


def test_what_was_booked_and_cancelled_in_one_night_is_not_told_to_the_host(
    world: Sleepers,
) -> None:
    world.hear(created(**tomorrow()))
    later = NIGHT + timedelta(minutes=5)
    world.hear(payloads.cancelled(**tomorrow(sent_at=later, cancelledBy=None)))  # type: ignore[arg-type]
    assert world.told("b1")[2:] == [
        ("BOOKING_CANCELLED", 8, "waiting", "quiet_hours"),
        ("BOOKING_CANCELLED", 7, "suppressed", "never_heard"),
    ]


def test_whoever_was_told_by_day_is_told_of_the_end(world: Sleepers) -> None:
    world.now = NOW
    world.hear(created(**tomorrow(sent_at=NOW)))
    world.now = NIGHT
    world.hear(payloads.cancelled(**tomorrow(cancelledBy=None)))  # type: ignore[arg-type]
    assert [one for one in world.told("b1") if one[1] == 7] == [
        ("BOOKING_CONFIRMED", 7, "released", None),
        ("BOOKING_CANCELLED", 7, "waiting", "quiet_hours"),
    ]


def test_what_was_queued_by_day_waits_too_and_comes_when_the_hours_are_called_off(
    world: Sleepers,
) -> None:
    world.now = NOW
    world.hear(created(**tomorrow(sent_at=NOW)))
    assert world.claimed(NIGHT) == 0
    assert {one[:2] for one in world.states()} == {("queued", "quiet_hours")}
    world.run(choose, 7, {"quietHours": {"weekdays": []}}, RULES, NIGHT)
    assert world.claimed(NIGHT) == 1
    assert world.claimed(MORNING) == 1


def test_reminders_that_would_come_at_one_time_are_one(world: Sleepers) -> None:
    """They were planned before the operator chose quiet hours."""
    world.now = NOW
    world.hear(created(**tomorrow(sent_at=NOW)))
    kept = world.run(bookings.by_uid, "b1")
    assert kept is not None
    planned = [
        Planned(
            user_id=7,
            role=Role.ORGANIZER,
            kind=PushEvent.BOOKING_REMINDER,
            due_at=NIGHT + timedelta(minutes=minutes),
            expires_at=NOON,
            facts=facts_of(kept.booking, None),
        )
        for minutes in (0, 10, 20, 90)
    ]
    new = [
        NewNotification(None, kept.id, version, item, NotificationState.WAITING)
        for version, item in zip((1, 1, 2, 1), planned, strict=True)
    ]
    world.run(notifications.insert_many, new, NOW)
    assert world.awake(NIGHT + timedelta(minutes=10)) == 2
    assert world.awake(NIGHT + timedelta(minutes=20)) == 1
    assert world.awake(NIGHT + timedelta(minutes=90)) == 1
    assert world.awake(MORNING - timedelta(seconds=1)) == 0
    assert world.awake(MORNING) == 1
    told = world.story("b1").notifications
    assert [(one.state, one.reason) for one in told] == [
        ("released", "quiet_hours"),
        ("suppressed", "told_together"),
        ("suppressed", "told_together"),
        ("suppressed", "told_together"),
    ]


def test_the_same_news_that_would_come_twice_at_one_time_is_one(world: Sleepers) -> None:
    """Both are held in one list; as both were, they could not be kept."""
    first, later = news_twice(world)
    assert world.run(notifications.hold, [(later, MORNING), (first, MORNING)]) == {first}
    assert world.run(notifications.next_due_at) == NIGHT + timedelta(minutes=10)
    assert world.run(notifications.hold, [(later, MORNING)]) == set()
    assert world.run(notifications.hold, [(later, NOON)]) == {later}


def test_of_the_same_news_twice_one_waits_for_the_morning_and_tells_it(world: Sleepers) -> None:
    news_twice(world)
    assert world.awake(NIGHT + timedelta(minutes=10)) == 2
    assert world.awake(MORNING) == 1
    told = world.story("b1").notifications
    assert {one.state: one.reason for one in told if one.kind == "BOOKING_CANCELLED"} == {
        "released": "quiet_hours",
        "suppressed": "told_together",
    }


def news_twice(world: Sleepers) -> tuple[int, int]:
    """The same news of one version waits twice, ten minutes apart; the ids of both, the one that is
    due first and is newer, and the other."""
    world.now = NOW
    world.hear(created(**tomorrow(sent_at=NOW)))
    kept = world.run(bookings.by_uid, "b1")
    assert kept is not None
    twice = [
        Planned(
            user_id=7,
            role=Role.ORGANIZER,
            kind=PushEvent.BOOKING_CANCELLED,
            due_at=NIGHT + timedelta(minutes=minutes),
            expires_at=NOON + timedelta(days=1),
            facts=facts_of(kept.booking, None),
        )
        for minutes in (10, 0)
    ]
    new = [NewNotification(None, kept.id, 1, one, NotificationState.WAITING) for one in twice]
    later, first = world.run(notifications.insert_many, new, NOW)
    return first, later


def test_what_was_told_by_a_clock_that_was_ahead_keeps_nobody_from_choosing(
    world: Sleepers,
) -> None:
    """The reminder of tomorrow came today. It is not planned again, which its row would refuse."""
    world.now = NOW
    world.hear(created(**tomorrow(sent_at=NOW)))
    world.run(choose, 7, {"reminders": [30]}, RULES, NOW)
    ahead = NOON - timedelta(minutes=30)
    assert world.awake(ahead) == 1
    for patch in ({"quietHours": {"from": "03:00", "to": "04:00"}}, {"reminders": [30, 10]}):
        assert isinstance(world.run(choose, 7, patch, RULES, NOW), Preferences)
    assert world.awake(ahead) == 0
    assert world.run(notifications.next_due_at) == NOON - timedelta(minutes=10)
