"""Tell: what follows from events becomes notifications, and of what is due now deliveries."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random

from msgspec import Struct, structs

from calbell.domain.events import BookingEvent
from calbell.domain.fold import Fold
from calbell.domain.notification import NotificationState, Planned
from calbell.domain.people import Directory
from calbell.domain.plan import Plan
from calbell.domain.release import Held, Verdict, release
from calbell.flows import notice
from calbell.flows.release import deliveries_of, state_of
from calbell.flows.surroundings import Policy
from calbell.store import deliveries, notifications, subscriptions
from calbell.store.bookings import KeptBooking
from calbell.store.connection import Connection
from calbell.store.notifications import NewNotification


class Effect(Struct, frozen=True):
    """What one event does to one booking: its own, or the one that it replaces."""

    event_id: str
    event: BookingEvent
    before: KeptBooking
    fold: Fold


def supersede(
    connection: Connection,
    plans: Sequence[tuple[Effect, Plan]],
    ids: Mapping[str, int],
    now: datetime,
) -> None:
    """What the events, by their ids, made pointless is not said."""
    notifications.supersede_waiting(
        connection,
        ((id_, ids[effect.event_id]) for effect, planned in plans for id_ in planned.superseded),
        now,
    )
    notifications.supersede_released(
        connection,
        (
            (effect.before.id, effect.fold.booking.version, ids[effect.event_id])
            for effect, planned in plans
            if planned.ends_news and effect.before.booking.version
        ),
    )


def tell(
    connection: Connection,
    plans: Sequence[tuple[Effect, Plan]],
    directory: Directory,
    ids: Mapping[str, int],
    policy: Policy,
    now: datetime,
    chance: Random,
) -> None:
    """What follows from the events exists: it is on its way, waits, or says why it is not said."""
    phones = subscriptions.phones_of(
        connection, (item.user_id for _, planned in plans for item in planned.news)
    )
    new, verdicts = list[NewNotification](), list[Verdict | None]()
    for effect, planned in plans:
        for item in planned.news:
            if item.due_at > now:
                new.append(_notification(effect, ids, item, NotificationState.WAITING, None))
                verdicts.append(None)
                continue
            user = directory.by_id[item.user_id]
            # News that is told in the transaction of its event is true.
            verdict = release(
                item,
                None,
                phones[item.user_id],
                exclusive=policy.exclusive,
                now=now,
                wishes=policy.rules.wishes_of(user.choices, user.time_zone),
            )
            if isinstance(verdict, Held):
                held = structs.replace(item, due_at=verdict.until, held=True)
                new.append(_notification(effect, ids, held, NotificationState.WAITING, None))
            else:
                new.append(_notification(effect, ids, item, *state_of(verdict)))
            verdicts.append(verdict)
        for item in planned.reminders:
            new.append(_notification(effect, ids, item, NotificationState.WAITING, None))
            verdicts.append(None)
        for item, reason in planned.unwanted:
            new.append(_notification(effect, ids, item, NotificationState.SUPPRESSED, reason))
            verdicts.append(None)
    if not new:
        return
    made = notifications.insert_many(connection, new, now)
    told = [(id_, one.planned, v) for id_, one, v in zip(made, new, verdicts, strict=True)]
    of_event = Counter(one.event_id for one, v in zip(new, verdicts, strict=True) if v is not None)
    users_told = {id_: of_event[one.event_id] for id_, one in zip(made, new, strict=True)}
    deliveries.insert_many(connection, deliveries_of(told, chance, users_told), now)
    # What was stale when it was heard of is nobody's news.
    states = (
        (id_, (one.state, one.reason))
        for id_, one in zip(made, new, strict=True)
        if one.state is NotificationState.SUPPRESSED
    )
    notice.of_notifications(connection, states, policy, now)
    deliveries.announce(connection)


def _notification(
    effect: Effect,
    ids: Mapping[str, int],
    planned: Planned,
    state: NotificationState,
    reason: str | None,
) -> NewNotification:
    return NewNotification(
        ids[effect.event_id],
        effect.before.id,
        effect.fold.booking.version,
        planned,
        state,
        reason,
    )
