"""Rehearse: a test push to a user's phones, sent at once by whoever asks for it."""

from datetime import datetime, timedelta
from random import Random

from calbell.domain.events import TimeSpan
from calbell.domain.notification import BookingFacts, NotificationState, Planned
from calbell.domain.people import Person, Role
from calbell.domain.plan import FRESH_FOR
from calbell.domain.push_events import PushEvent
from calbell.domain.release import Released, Suppressed, release
from calbell.domain.wording import Reader
from calbell.expo.messages import PushMessage
from calbell.flows.compose import App, Letter, write
from calbell.flows.release import deliveries_of
from calbell.flows.surroundings import Policy
from calbell.store import bookings, deliveries, notifications, subscriptions, users
from calbell.store.connection import Connection
from calbell.store.notifications import NewNotification

SAMPLE_UID = "calbell-test-push"


class CannotRehearse(Exception):
    """There is nothing to send, or nowhere; the message says why."""


def sample(now: datetime) -> BookingFacts:
    """A booking that nobody made: tomorrow, for half an hour."""
    start_at = now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    return BookingFacts(
        uid=SAMPLE_UID,
        title="Test booking",
        times=TimeSpan(start_at, start_at + timedelta(minutes=30)),
        organizer=Person("calbell@example.com", "Calbell"),
        attendees=(Person("calbell@example.com", "Calbell"),),
    )


def facts_for(connection: Connection, uid: str | None, now: datetime) -> BookingFacts:
    """The facts of a known booking, or those of the sample."""
    if uid is None:
        return sample(now)
    kept = bookings.by_uid(connection, uid)
    if kept is None:
        raise CannotRehearse(f"nothing was ever heard of booking {uid}")
    booking = kept.booking
    return BookingFacts(
        uid=uid,
        title=booking.title,
        times=booking.times,
        place=booking.place,
        organizer=booking.organizer,
        attendees=booking.attendees[:1],
    )


def rehearse(
    connection: Connection,
    user_id: int,
    kind: PushEvent,
    uid: str | None,
    policy: Policy,
    now: datetime,
    chance: Random,
) -> int:
    """One unit of work: a test push of this kind is queued for each of the user's phones. The id
    of its notification. `CannotRehearse` where the user has no phone that can be rung."""
    planned, verdict = _planned(connection, user_id, kind, uid, policy, now)
    (id_,) = notifications.insert_many(
        connection,
        [NewNotification(None, None, 0, planned, NotificationState.RELEASED)],
        now,
    )
    deliveries.insert_many(
        connection, deliveries_of({id_: verdict}, {id_: planned.expires_at}, chance), now
    )
    deliveries.announce(connection)
    return id_


def messages(
    connection: Connection,
    user_id: int,
    kind: PushEvent,
    uid: str | None,
    policy: Policy,
    app: App,
    now: datetime,
) -> list[PushMessage]:
    """The messages that a test push would be, one for each phone; nothing is kept or sent. Tokens
    are masked."""
    planned, verdict = _planned(connection, user_id, kind, uid, policy, now)
    user = users.directory(connection, [user_id], []).by_id[user_id]
    reader = Reader(planned.role, user.time_zone, user.locale, user.time_format)
    return [
        write(
            Letter(
                token="ExponentPushToken[…]",
                platform=phone.platform,
                key="preview",
                kind=kind,
                facts=planned.facts,
                event_id="evt_preview",
                reader=reader,
                expires_at=planned.expires_at,
            ),
            app,
        )
        for phone in verdict.phones
    ]


def _planned(
    connection: Connection,
    user_id: int,
    kind: PushEvent,
    uid: str | None,
    policy: Policy,
    now: datetime,
) -> tuple[Planned, Released]:
    planned = Planned(
        user_id=user_id,
        role=Role.ORGANIZER,
        kind=kind,
        due_at=now,
        expires_at=now + FRESH_FOR,
        facts=facts_for(connection, uid, now),
    )
    phones = subscriptions.phones_of(connection, [user_id])[user_id]
    verdict = release(planned, None, phones, exclusive=policy.exclusive, now=now)
    if isinstance(verdict, Released):
        return planned, verdict
    reason = verdict.reason if isinstance(verdict, Suppressed) else "stale"
    raise CannotRehearse(f"user {user_id} cannot be rung: {reason.replace('_', ' ')}")
