"""Rehearse: a test push to a user's phones, in the words and by the way of a real one."""

from datetime import datetime
from random import Random

from msgspec import Struct

from calbell.calcom.json_fields import text
from calbell.domain.booking import Booking
from calbell.domain.notification import BookingFacts, NotificationState, Planned
from calbell.domain.people import Role, User
from calbell.domain.plan import FRESH_FOR, facts_of, recipients
from calbell.domain.preferences import privacy_of
from calbell.domain.push_events import PushEvent
from calbell.domain.push_tokens import masked
from calbell.domain.release import Released, Suppressed, release
from calbell.domain.samples import sample
from calbell.domain.subscription import SubscribedPhone
from calbell.domain.wording import Reader
from calbell.expo.messages import PushMessage
from calbell.flows.compose import App, Letter, write
from calbell.flows.release import deliveries_of
from calbell.flows.surroundings import Policy
from calbell.store import bookings, deliveries, notifications, subscriptions, users
from calbell.store.connection import Connection
from calbell.store.notifications import NewNotification


class CannotRehearse(Exception):
    """There is nobody to ring, or no phone to ring; the message says why."""


class Rehearsal(Struct, frozen=True):
    """What to try: news of this kind about the booking `uid`, if the user is a party to it; else
    about a sample."""

    user_id: int
    kind: PushEvent
    uid: str | None = None


class Prepared(Struct, frozen=True):
    """What would be said to whom, on which phones. `is_sample`: about a booking that nobody made.
    `asleep` are the user's phones that are not rung."""

    planned: Planned
    user: User
    phones: tuple[SubscribedPhone, ...]
    asleep: int
    is_sample: bool


class Rehearsed(Struct, frozen=True):
    """What was queued: the id of the notification, and all that was prepared for it."""

    notification_id: int
    prepared: Prepared


def prepare(
    connection: Connection, rehearsal: Rehearsal, policy: Policy, now: datetime
) -> Prepared:
    """What the rehearsal comes to; nothing is kept or sent. `CannotRehearse` where the user has no
    phone that can be rung."""
    user = users.directory(connection, [rehearsal.user_id], []).by_id.get(rehearsal.user_id)
    if user is None:
        raise CannotRehearse(f"there is no user {rehearsal.user_id}")
    about = _about(connection, rehearsal)
    facts, role = about if about is not None else (sample(rehearsal.kind, now), Role.ORGANIZER)
    planned = Planned(
        user_id=user.id,
        role=role,
        kind=rehearsal.kind,
        due_at=now,
        expires_at=now + FRESH_FOR,
        facts=facts,
    )
    phones = subscriptions.phones_of(connection, [user.id])[user.id]
    verdict = release(planned, None, phones, exclusive=policy.exclusive, now=now)
    match verdict:
        case Released(awake):
            asleep = len(phones) - len(awake)
            return Prepared(planned, user, awake, asleep, is_sample=about is None)
        case Suppressed():
            raise CannotRehearse(_no_phone(user, phones))
        case _:
            raise AssertionError("a test push is stale at once")


def rehearse(
    connection: Connection, rehearsal: Rehearsal, policy: Policy, now: datetime, chance: Random
) -> Rehearsed:
    """One unit of work: the test push is queued for each of the user's phones. `CannotRehearse`
    where there is none that can be rung."""
    prepared = prepare(connection, rehearsal, policy, now)
    planned = prepared.planned
    (id_,) = notifications.insert_many(
        connection,
        [NewNotification(None, None, 0, planned, NotificationState.RELEASED)],
        now,
    )
    released = Released(prepared.phones)
    deliveries.insert_many(connection, deliveries_of([(id_, planned, released)], chance), now)
    deliveries.announce(connection)
    return Rehearsed(id_, prepared)


def messages(prepared: Prepared, app: App) -> list[PushMessage]:
    """What the prepared push says on each phone, in the order of `phones`. Tokens are masked."""
    planned, user = prepared.planned, prepared.user
    privacy = privacy_of(user.choices)
    reader = Reader(planned.role, user.time_zone, user.locale, user.time_format, privacy)
    return [
        write(
            Letter(
                token=masked("ExponentPushToken[]"),
                platform=phone.platform,
                key="preview",
                kind=planned.kind,
                facts=planned.facts,
                event_id="evt_preview",
                reader=reader,
                written_at=planned.due_at,
                expires_at=planned.expires_at,
            ),
            app,
        )
        for phone in prepared.phones
    ]


def _about(connection: Connection, rehearsal: Rehearsal) -> tuple[BookingFacts, Role] | None:
    """The facts of the booking and the user's role in it; `None` where he has none."""
    uid = text(rehearsal.uid)
    kept = None if uid is None else bookings.by_uid(connection, uid)
    if kept is None:
        return None
    booking = kept.booking
    role = _role(connection, rehearsal.user_id, booking)
    if role is None:
        return None
    return facts_of(booking, None), role


def _role(connection: Connection, user_id: int, booking: Booking) -> Role | None:
    directory = users.directory_of(connection, booking.people)
    told = recipients(booking, directory, frozenset(Role))
    return next((role for user, role in told if user.id == user_id), None)


def _no_phone(user: User, phones: list[SubscribedPhone]) -> str:
    if not phones:
        return f"user {user.id} cannot be rung: no device is registered"
    gone = sum(phone.is_dead for phone in phones)
    taken = len(phones) - gone
    told = ((gone, "gone from their phones"), (taken, "registered by another user since"))
    reasons = " and ".join(f"{number} {words}" for number, words in told if number)
    return f"user {user.id} cannot be rung: of the registered devices {reasons}"
