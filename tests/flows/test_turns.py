"""Turns: when more is due than the pace allows, who leaves first."""

from asyncio import sleep
from datetime import datetime, timedelta

from calbell.domain.notification import BookingFacts, NotificationState, Planned
from calbell.domain.people import Role
from calbell.domain.push_events import PushEvent
from calbell.simulator.wire import Request, Response
from calbell.store import notifications
from calbell.store.database import run_once
from calbell.store.notifications import NewNotification
from tests.flows.stage import START, Stage, messages_of

RATE = 200
USERS = 1200
DUE_AT = START + timedelta(seconds=10)
GUEST = USERS + 1


class Arrivals:
    """When each token's first message came to Expo, in seconds after the reminders were due."""

    def __init__(self, stage: Stage) -> None:
        self.of: dict[str, float] = {}
        self._stage = stage
        stage.line.broken = self._note

    def _note(self, request: Request, response: Response) -> Response:
        if request.path.endswith("/send"):
            waited = (self._stage.now() - DUE_AT).total_seconds()
            for message in messages_of(request):
                self.of.setdefault(message["to"], waited)
        return response


def remind(stage: Stage, starts: dict[int, datetime]) -> None:
    """Reminders wait for these users, all until the same moment."""
    new = [
        NewNotification(
            None,
            None,
            1,
            Planned(
                user_id=user_id,
                role=Role.ORGANIZER,
                kind=PushEvent.BOOKING_REMINDER,
                due_at=DUE_AT,
                expires_at=start_at,
                facts=BookingFacts(uid="uid", title="Call"),
            ),
            NotificationState.WAITING,
        )
        for user_id, start_at in starts.items()
    ]
    run_once(stage.connection, notifications.insert_many, new, START)
    stage.parts.wake()


def test_of_reminders_due_at_once_those_of_the_nearest_meetings_leave_first() -> None:
    stage = Stage(expo_rate_limit=RATE)
    tokens = {user: stage.phone(user) for user in range(1, USERS + 1)}
    arrivals = Arrivals(stage)
    soon, late = DUE_AT + timedelta(minutes=10), DUE_AT + timedelta(hours=1)
    starts = {user: soon if user % 3 == 0 else late for user in tokens}

    async def story() -> None:
        remind(stage, starts)
        await sleep(60)

    stage.plays(story())
    assert len(arrivals.of) == USERS
    of_soon = [arrivals.of[tokens[user]] for user, at in starts.items() if at == soon]
    of_late = [arrivals.of[tokens[user]] for user, at in starts.items() if at == late]
    assert max(of_soon) <= min(of_late)
    assert max(of_late) < USERS / RATE * 1.15


def test_what_has_just_happened_does_not_wait_for_the_reminders_of_the_full_hour() -> None:
    stage = Stage(expo_rate_limit=RATE)
    for user in range(1, USERS + 1):
        stage.phone(user)
    guest = stage.phone(GUEST)
    arrivals = Arrivals(stage)
    start_at = DUE_AT + timedelta(minutes=15)

    async def story() -> None:
        remind(stage, dict.fromkeys(range(1, USERS + 1), start_at))
        await sleep(12)
        stage.tell(GUEST)
        await sleep(60)

    stage.plays(story())
    assert arrivals.of[guest] - 2.0 < 1.2
    assert max(arrivals.of.values()) > USERS / RATE * 0.9


def test_a_user_who_is_told_very_much_makes_nobody_wait() -> None:
    stage = Stage(expo_rate_limit=RATE)
    busy = stage.phone(1)
    guest = stage.phone(GUEST)
    arrivals = Arrivals(stage)

    async def story() -> None:
        for _ in range(40):
            stage.tell(*[1] * 20)
        await sleep(0.5)
        stage.tell(GUEST)
        await sleep(60)

    stage.plays(story())
    # It is the 801st, and comes before most of them.
    assert arrivals.of[guest] - arrivals.of[busy] < 2.0
    assert stage.states() == {("accepted", None): 801}
