"""Release: at its time, a notification becomes deliveries to the phones that the user has then."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType
from typing import TypeAlias, assert_never

from msgspec import structs

from calbell.domain.notification import NotificationState, Planned, Suppression
from calbell.domain.plan import GATHERED_FOR
from calbell.domain.push_events import PushEvent
from calbell.domain.release import Held, Released, Stale, Suppressed, Verdict, release
from calbell.domain.turns import line_of
from calbell.flows import notice
from calbell.flows.surroundings import Clock, Policy, new_key
from calbell.store import bookings, deliveries, notifications, preferences, subscriptions
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.deliveries import NewDelivery
from calbell.store.notifications import DueNotification

MOST_AT_ONCE = 500
NOT_COUNTED: Mapping[int, int] = MappingProxyType({})

_Group: TypeAlias = tuple[int, PushEvent, str]
_TOLD_TOGETHER = (NotificationState.SUPPRESSED, Suppression.TOLD_TOGETHER)


class Release:
    """Releases what waits when its time has come, and then rings for those who dispatch."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        clock: Clock,
        chance: Random,
        wake_dispatch: Callable[[], None],
    ) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._wake_dispatch = wake_dispatch

    async def turn(self) -> datetime | None:
        """Everything due is released; when the next one is due."""
        while True:
            now = self._clock()
            released = await self._database.run(release_due, self._policy, now, self._chance)
            if released:
                self._wake_dispatch()
            if released < MOST_AT_ONCE:
                return await self._database.read(notifications.next_due_at)


def release_due(connection: Connection, policy: Policy, now: datetime, chance: Random) -> int:
    """One unit of work: notifications whose time has come are released, suppressed or expired.
    How many there were, at most `MOST_AT_ONCE`."""
    due = notifications.due(connection, now, MOST_AT_ONCE)
    if not due:
        return 0
    due, followers = _gathered(connection, due, now)
    standing = bookings.by_ids(connection, {n.booking_id for n in due if n.booking_id is not None})
    phones = subscriptions.phones_of(connection, (n.planned.user_id for n in due))
    chosen = preferences.of_users(connection, (n.planned.user_id for n in due))
    wishes = {
        user_id: policy.rules.wishes_of(one.choices, one.time_zone)
        for user_id, one in chosen.items()
    }
    verdicts = {
        n.id: release(
            n.planned,
            standing.get(n.booking_id) if n.booking_id is not None else None,
            phones[n.planned.user_id],
            exclusive=policy.exclusive,
            now=now,
            wishes=wishes[n.planned.user_id],
        )
        for n in due
    }
    states = {id_: state_of(verdict) for id_, verdict in verdicts.items()}
    held = {id_: verdict.until for id_, verdict in verdicts.items() if isinstance(verdict, Held)}
    for id_, leader in followers.items():
        told = isinstance(verdicts[leader], Released)
        states[id_] = _TOLD_TOGETHER if told else states[leader]
        if leader in held:
            held[id_] = held[leader]
    for id_ in notifications.hold(connection, held.items()):
        del states[id_]
    notifications.settle_waiting(connection, ((id_, *state) for id_, state in states.items()), now)
    judged = ((n.id, n.planned, verdicts[n.id]) for n in due)
    deliveries.insert_many(connection, deliveries_of(judged, chance), now)
    notice.of_notifications(connection, states.items(), policy, now)
    deliveries.announce(connection)
    return len(due)


def _gathered(
    connection: Connection, due: list[DueNotification], now: datetime
) -> tuple[list[DueNotification], dict[int, int]]:
    """Those that are due, where several are to be told together the first one for all of them; and
    for each of the others, also those due within the next moments, which one speaks for it. What is
    stale speaks for nobody."""
    keys = {key for one in due if (key := _group(one, now)) is not None}
    if not keys:
        return due, {}
    soon = notifications.due(connection, now + GATHERED_FOR, MOST_AT_ONCE)
    groups: dict[_Group, dict[int, DueNotification]] = {key: {} for key in keys}
    for one in (*due, *soon):
        if (key := _group(one, now)) in groups:
            groups[key][one.id] = one
    leaders, followers = list[DueNotification](), dict[int, int]()
    for group in groups.values():
        first, *rest = sorted(group.values(), key=lambda one: (_starts_at(one), one.id))
        together = structs.replace(first.planned.facts, count=len(group))
        notifications.tell_together(connection, first.id, together)
        leaders.append(first)
        followers |= {one.id: first.id for one in rest}
    alone = [one for one in due if _group(one, now) is None]
    return [*alone, *leaders], followers


def _group(notification: DueNotification, now: datetime) -> _Group | None:
    planned = notification.planned
    if planned.facts.together is None or now >= planned.expires_at:
        return None
    return planned.user_id, planned.kind, planned.facts.together


def _starts_at(notification: DueNotification) -> datetime:
    times = notification.planned.facts.times
    return times.start_at if times else datetime.max.replace(tzinfo=UTC)


def state_of(verdict: Verdict) -> tuple[NotificationState, str | None]:
    """The state of a notification after a verdict, and the reason where it is an end."""
    match verdict:
        case Released():
            return NotificationState.RELEASED, None
        case Suppressed(reason):
            return NotificationState.SUPPRESSED, reason
        case Held():
            return _TOLD_TOGETHER
        case Stale():
            return NotificationState.EXPIRED, None
        case _:
            assert_never(verdict)


def deliveries_of(
    told: Iterable[tuple[int, Planned, Verdict | None]],
    chance: Random,
    users_told: Mapping[int, int] = NOT_COUNTED,
) -> Iterator[NewDelivery]:
    """A delivery to each phone of each notification (id, what is said, verdict) that is released.
    `users_told` says to how many users the events of some of them are told."""
    released = [
        (id_, planned, verdict) for id_, planned, verdict in told if isinstance(verdict, Released)
    ]
    of_user = Counter(planned.user_id for _, planned, _ in released)
    for id_, planned, verdict in released:
        line = line_of(planned, users_told.get(id_, 1), of_user[planned.user_id])
        for phone in verdict.phones:
            yield NewDelivery(id_, phone, new_key(chance), planned.expires_at, line)
