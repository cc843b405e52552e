"""Explain: why a user was told, or not, in words.

What is known is put into sentences for the person who asks "why didn't I get it?". Nothing of what
a booking says, and no name or address, is in them.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from calbell.domain.delivery import DeliveryState
from calbell.domain.notification import NotificationState
from calbell.flows import words
from calbell.store import bookings, story, subscriptions, upkeep, users
from calbell.store.connection import Connection
from calbell.store.story import ToldAttempt, ToldDelivery, ToldUser
from calbell.store.subscriptions import Device

MOST = 200
"""Notifications that are explained, the newest."""

UNHEARD = (
    "nobody told us of this booking: no webhook covers it (calbell connect says which are there; "
    "a user's own webhook does not tell of team events), or it was made before there was one"
)


class Explanation(Struct, frozen=True):
    """What is wrong in general, and for each notification what became of it: a headline, and a line
    for each thing that happened."""

    general: tuple[str, ...]
    notifications: tuple[tuple[str, tuple[str, ...]], ...]


class NoSuchUser(Exception):
    """There is no user with this id here; nobody is told of what is said to strangers."""


def explain(
    connection: Connection,
    user_id: int,
    uid: str | None,
    since: datetime,
    now: datetime,
    most: int = MOST,
) -> Explanation:
    """One unit of work: what was to be said to the user since then, about one booking or all, and
    what became of it. `NoSuchUser` where nobody has this id."""
    if users.find(connection, user_id) is None:
        raise NoSuchUser(
            f"there is no user {user_id}: nothing is told to whoever is not known here"
        )
    told = [
        one
        for one in story.of_user(connection, user_id, since, most)
        if uid is None or one.uid == uid
    ]
    devices = subscriptions.devices_of(connection, user_id)
    return Explanation(
        (
            *_phones(devices, user_id),
            *_nothing(connection, user_id, uid, told, since),
        ),
        tuple((_headline(one), tuple(_told(one, now))) for one in reversed(told)),
    )


def _phones(devices: Sequence[Device], user_id: int) -> Iterator[str]:
    if not devices:
        yield "no phone of this user is registered: the app registers it when the user logs in"
    for device in devices:
        name = f"{words.PLATFORMS[device.platform]} phone, registered {_at(device.created_at)}"
        if device.dead_at is not None:
            why = words.explained(device.dead_code or "")
            yield f"{name}: gone since {_at(device.dead_at)}, {why}"
        elif device.owner_user_id != user_id:
            yield f"{name}: another user registered it since, so that it rings for that one"
        elif device.last_receipt_code not in (None, "ok"):
            yield f"{name}: last time {words.explained(device.last_receipt_code or '')}"
        else:
            yield f"{name}: can be rung"


def _nothing(
    connection: Connection,
    user_id: int,
    uid: str | None,
    told: Sequence[ToldUser],
    since: datetime,
) -> Iterator[str]:
    """Why there is nothing to explain."""
    if told:
        return
    if uid is None:
        last = upkeep.last_event_at(connection)
        heard = f"the last event came {_at(last)}" if last else "no event has ever come in"
        yield f"nothing was to be told to this user since {_at(since)}; {heard}"
        return
    kept = bookings.by_uid(connection, uid)
    if kept is None:
        yield UNHEARD
    else:
        yield (
            "the booking is known, and nothing of it was to be told to this user since "
            f"{_at(since)}: none of the user's addresses is among its people, or nothing that "
            "matters to the user changed"
        )


def _headline(told: ToldUser) -> str:
    about = "test push" if told.uid is None else f"booking {told.uid}"
    return f"{_at(told.created_at)}  {words.titled(told.kind)}, as {told.role}, {about}"


def _told(told: ToldUser, now: datetime) -> Iterator[str]:
    why = f" ({words.explained(told.reason)})" if told.reason else ""
    match told.state:
        case NotificationState.WAITING:
            yield f"waits until {_at(told.due_at)}{why}"
        case NotificationState.RELEASED:
            if told.due_at > told.created_at:
                yield f"waited until {_at(told.due_at)}{why}"
            if not told.deliveries:
                yield "was given to phones that are not known any more"
        case _:
            said = words.said(told.state, words.NOTIFICATIONS)
            yield f"{said}: {words.explained(told.reason)}" if told.reason else said
    for delivery in told.deliveries:
        phone = f"{words.PLATFORMS[delivery.platform]} phone {delivery.phone}"
        yield f"{phone}: {_became(delivery, now)}"
        yield from (f"  attempt {_attempted(attempt)}" for attempt in delivery.attempts)


def _became(delivery: ToldDelivery, now: datetime) -> str:
    said = words.said(delivery.state, words.DELIVERIES)
    if delivery.state == DeliveryState.QUEUED:
        if delivery.reason:
            said += f", held back: {words.explained(delivery.reason)}"
        if delivery.due_at > now:
            said += f"; until {_at(delivery.due_at)} at the latest"
    elif delivery.reason:
        said += f": {words.explained(delivery.reason)}"
    if delivery.settled_at is not None:
        said += f", {_at(delivery.settled_at)}"
    if delivery.possibly_sent:
        said += "; may have been sent more than once, under one key, so that the phone shows one"
    return said


def _attempted(attempt: ToldAttempt) -> str:
    said = f"{attempt.number}, {_at(attempt.at)}: {words.said(attempt.outcome, words.OUTCOMES)}"
    if attempt.code:
        said += f", {words.explained(attempt.code)}"
    if attempt.receipt_code:
        said += f"; receipt: {words.explained(attempt.receipt_code)}"
    return said


def _at(at: datetime) -> str:
    return words.utc(at)
