"""The scene: a thousand users with keys and phones, and the bookings that they get.

Users and phones are made through the store and bookings through the intake, so that the database
holds what it would hold in use. A booking tells two phones: of every two, one is of an organizer
with two phones and a guest from outside, one of an organizer and a guest with a phone each.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from tests import payloads

from calbell.calcom.signature import sign
from calbell.domain.subscription import Platform, Registration
from calbell.flows.grant import grant
from calbell.flows.receive import incoming_webhook
from calbell.flows.surroundings import Policy
from calbell.flows.take_in import take_in_many
from calbell.store import subscriptions, users
from calbell.store.connection import Connection
from calbell.store.database import run_once
from calbell.store.users import Profile

USERS = 1000
SECRET = "the secret of the benchmark"
PHONES_OF_A_BOOKING = 2

_AT_ONCE = 200
_ZONES = ("Europe/London", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
_LOCALES = ("en", "de", "en", "ja")


def add_users(connection: Connection, now: datetime, chance: Random) -> list[str]:
    """A thousand users exist; a key of each."""
    return run_once(connection, _users, now, chance)


def _users(connection: Connection, now: datetime, chance: Random) -> list[str]:
    for number in range(USERS):
        profile = Profile(
            id=user_id(number),
            name=_name(number),
            username=None,
            time_zone=_ZONES[number % len(_ZONES)],
            locale=_LOCALES[number % len(_LOCALES)],
            time_format=24 if number % 2 else 12,
            source="bench",
            addresses=(_address(number),),
            created_at=now,
        )
        users.save(connection, profile, now)
    return [
        grant(connection, user_id(number), None, "bench", None, now, chance).key
        for number in range(USERS)
    ]


def add_phones(connection: Connection, now: datetime, per_user: int) -> None:
    """Each user has registered so many phones, `token(number)` with a number below all of them:
    the phone belongs to user `number % USERS`."""
    registrations = [
        Registration(user_id(number % USERS), token(number), platform(number), f"device-{number}")
        for number in range(USERS * per_user)
    ]
    for start in range(0, len(registrations), _AT_ONCE):
        run_once(
            connection, subscriptions.register_many, registrations[start : start + _AT_ONCE], now
        )


def add_booking_phones(connection: Connection, now: datetime) -> None:
    """Users with even numbers have two phones, the others one."""
    add_phones(connection, now, 1)
    second = [
        Registration(user_id(number), token(USERS + number), platform(number + 1), "second")
        for number in range(0, USERS, 2)
    ]
    run_once(connection, subscriptions.register_many, second, now)


def token(number: int) -> str:
    """A push token."""
    return f"ExponentPushToken[{number:022d}]"


def platform(number: int) -> Platform:
    """Half of the phones are iPhones."""
    return Platform.ANDROID if number % 4 > 1 else Platform.IOS


def organizer_of(number: int) -> payloads.Json:
    """A user as the organizer of a booking."""
    return payloads.organizer(id=user_id(number), name=_name(number), email=_address(number))


def guest_of(number: int) -> payloads.Json:
    """A user as who booked."""
    return payloads.attendee(email=_address(number), name=_name(number))


def bookings(number: int, now: datetime) -> Iterator[bytes]:
    """Bodies of BOOKING_CREATED, each of another booking that begins within the next month."""
    for at in range(number):
        pair = at // 2
        organizer = (2 * pair if at % 2 else 2 * pair + 1) % USERS
        guest = (organizer + 2) % USERS
        start = now.replace(minute=0, second=0, microsecond=0) + timedelta(
            days=2 + at % 28, minutes=15 * (at % 32)
        )
        yield payloads.body(
            payloads.created(
                uid=f"bench{at:07d}",
                organizer=organizer_of(organizer),
                attendees=[payloads.attendee() if at % 2 else guest_of(guest)],
                start=start,
                end=start + timedelta(minutes=30),
                sent_at=now,
            )
        )


def take_in_bookings(connection: Connection, number: int, now: datetime, chance: Random) -> None:
    """So many bookings were taken in: their deliveries are queued."""
    incoming = [incoming_webhook(body, now) for body in bookings(number, now)]
    for start in range(0, number, _AT_ONCE):
        run_once(
            connection, take_in_many, incoming[start : start + _AT_ONCE], Policy(), now, chance
        )


def webhook(body: bytes) -> bytes:
    """The request that brings a body, signed, as Cal.com sends it."""
    return request(
        "/webhooks/cal",
        body,
        f"X-Cal-Signature-256: {sign(body, SECRET)}\r\nUser-Agent: node",
    )


def request(path: str, body: bytes, headers: str) -> bytes:
    """A whole POST of JSON on a connection that is kept."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n{headers}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def user_id(number: int) -> int:
    """The id of a user."""
    return 100_000 + number


def _name(number: int) -> str:
    return f"User Number{number}"


def _address(number: int) -> str:
    return f"user{number}@example.com"
