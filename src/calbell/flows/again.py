"""Again: what would be said of a booking now, to each who has a part in it; and saying it again."""

from datetime import datetime
from random import Random
from typing import assert_never

from msgspec import Struct

from calbell.domain.booking import Booking, Status
from calbell.domain.notification import NotificationState, Planned
from calbell.domain.people import User
from calbell.domain.plan import FRESH_FOR, facts_of, recipients
from calbell.domain.push_events import PushEvent
from calbell.domain.release import Held, Released, Stale, Suppressed, Verdict, release
from calbell.flows import words
from calbell.flows.compose import App
from calbell.flows.rehearse import Prepared, messages
from calbell.flows.release import deliveries_of
from calbell.flows.surroundings import Policy
from calbell.store import bookings, deliveries, notifications, subscriptions, users
from calbell.store.bookings import KeptBooking
from calbell.store.connection import Connection
from calbell.store.notifications import NewNotification

_NEWS = {
    Status.PENDING: PushEvent.BOOKING_REQUESTED,
    Status.ACCEPTED: PushEvent.BOOKING_CONFIRMED,
    Status.REJECTED: PushEvent.BOOKING_REJECTED,
    Status.CANCELLED: PushEvent.BOOKING_CANCELLED,
}


class CannotSay(Exception):
    """There is nothing to say, or nobody to say it to; the message says why."""


class Said(Struct, frozen=True):
    """What would be said to one user: on so many phones, in these words; or why it would not."""

    user_id: int
    role: str
    kind: str
    phones: int
    title: str | None
    body: str | None
    why: str | None


class _Now(Struct, frozen=True):
    """What is to be said to one user, and what becomes of it."""

    user: User
    planned: Planned
    verdict: Verdict


def what_now(
    connection: Connection, uid: str, policy: Policy, app: App, now: datetime
) -> list[Said]:
    """What would be said of the booking now; nothing is kept or sent. `CannotSay` where there is
    nothing to say."""
    kept = _open(connection, uid, now)
    return [_said(one, app) for one in _now(connection, kept.booking, policy, now)]


def send_again(
    connection: Connection, uid: str, user_id: int, policy: Policy, now: datetime, chance: Random
) -> None:
    """One unit of work: the booking is told to the user as it stands, on all his phones.
    `CannotSay` says why it is not: nobody is rung against his wishes, or in his quiet hours."""
    kept = _open(connection, uid, now)
    found = [one for one in _now(connection, kept.booking, policy, now) if one.user.id == user_id]
    if not found:
        raise CannotSay(f"user {user_id} has no part in this booking")
    (one,) = found
    if not isinstance(one.verdict, Released):
        raise CannotSay(f"user {user_id} is not told now: {_why(one.verdict)}")
    new = NewNotification(
        None, kept.id, kept.booking.version, one.planned, NotificationState.RELEASED
    )
    (id_,) = notifications.insert_many(connection, [new], now)
    queued = deliveries_of([(id_, one.planned, one.verdict)], chance)
    deliveries.insert_many(connection, queued, now)
    deliveries.announce(connection)


def _open(connection: Connection, uid: str, now: datetime) -> KeptBooking:
    kept = bookings.by_uid(connection, uid)
    if kept is None:
        raise CannotSay("nothing was ever heard of this booking")
    booking = kept.booking
    if booking.replaced_by_uid is not None:
        raise CannotSay(f"it was moved, and is booking {booking.replaced_by_uid} now")
    if booking.status is None:
        raise CannotSay("no event has said yet how it stands")
    if booking.times is not None and booking.times.end_at <= now:
        raise CannotSay(f"it ended {words.utc(booking.times.end_at)}: it is no news any more")
    return kept


def _now(connection: Connection, booking: Booking, policy: Policy, now: datetime) -> list[_Now]:
    assert booking.status is not None
    expires_at = now + FRESH_FOR
    if booking.times is not None:
        expires_at = min(expires_at, booking.times.end_at)
    told = list(
        recipients(booking, users.directory_of(connection, booking.people), policy.rules.roles)
    )
    phones = subscriptions.phones_of(connection, (user.id for user, _ in told))
    found = []
    for user, role in told:
        planned = Planned(
            user_id=user.id,
            role=role,
            kind=_NEWS[booking.status],
            due_at=now,
            expires_at=expires_at,
            facts=facts_of(booking, None),
        )
        verdict = release(
            planned,
            booking,
            phones[user.id],
            exclusive=policy.exclusive,
            now=now,
            wishes=policy.rules.wishes_of(user.choices, user.time_zone),
        )
        found.append(_Now(user, planned, verdict))
    return found


def _said(one: _Now, app: App) -> Said:
    phones = one.verdict.phones if isinstance(one.verdict, Released) else ()
    # All phones of a user are told the same.
    written = messages(Prepared(one.planned, one.user, phones[:1], 0, False), app)
    title, body = (written[0].title, written[0].body) if written else (None, None)
    return Said(
        user_id=one.user.id,
        role=one.planned.role,
        kind=one.planned.kind,
        phones=len(phones),
        title=title,
        body=body,
        why=_why(one.verdict),
    )


def _why(verdict: Verdict) -> str | None:
    match verdict:
        case Released():
            return None
        case Held(until):
            return f"the user's quiet hours last until {words.utc(until)}"
        case Suppressed(reason):
            return words.explained(reason)
        case Stale():
            return "it was out of date"
        case _:
            assert_never(verdict)
