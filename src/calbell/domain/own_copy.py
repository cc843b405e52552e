"""Own copy: what is kept of one person, in a form for that person to read.

It has nothing that opens anything, and nothing of others beyond what the person takes part in: of
the people who share a booking with seats, and of whoever has the person's old phone now, it does
not tell.
"""

from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from calbell.domain.booking import Booking, Status
from calbell.domain.carried import CarriedBooking, CarriedDevice, CarriedKey, CarriedUser
from calbell.domain.events import TimeSpan
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.push_tokens import masked
from calbell.domain.subscription import Platform


def _tag(name: str) -> str:
    return name.removeprefix("Own").lower()


class _Record(Struct, frozen=True, omit_defaults=True, tag_field="type", tag=_tag):
    """What has a line of its own. It says its type, and only what is known."""


class OwnKey(_Record, frozen=True, kw_only=True):
    """A key, by its last characters."""

    hint: str
    name: str
    created_at: datetime
    expires_on: date | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class OwnDevice(_Record, frozen=True, kw_only=True):
    """A phone. Where it is somebody else's by now it does not ring for this person, and its token,
    which reaches whoever has it, is not shown."""

    id: int | None
    token: str
    platform: Platform
    device_id: str
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime | None = None
    is_yours: bool
    dead_at: datetime | None = None
    dead_code: str | None = None
    last_receipt_at: datetime | None = None
    last_receipt_code: str | None = None
    project: str | None = None


class OwnBooking(_Record, frozen=True, kw_only=True):
    """A booking in which the person has a part."""

    uid: str
    part: Role
    status: Status | None = None
    title: str = ""
    times: TimeSpan | None = None
    place: str | None = None
    organizer: Person | None = None
    hosts: tuple[Person, ...] = ()
    attendees: tuple[Person, ...] = ()
    seats: int | None = None
    replaced_by_uid: str | None = None
    updated_at: datetime


class OwnDelivery(Struct, frozen=True, omit_defaults=True):
    """What became of a notification on one phone."""

    platform: Platform
    state: str
    reason: str | None = None
    settled_at: datetime | None = None


class OwnNotification(_Record, frozen=True, kw_only=True):
    """What was to be said to the person, and what became of it. Without an `uid` it was a test."""

    uid: str | None = None
    part: Role
    kind: PushEvent
    title: str = ""
    state: str
    reason: str | None = None
    created_at: datetime
    due_at: datetime
    deliveries: tuple[OwnDelivery, ...] = ()


def own_key(key: CarriedKey) -> OwnKey:
    """The key without its hash."""
    return OwnKey(
        hint=key.hint,
        name=key.name,
        created_at=key.created_at,
        expires_on=key.expires_on,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )


def own_device(device: CarriedDevice) -> OwnDevice:
    """The device as its user may see it."""
    is_yours = device.phone.owner_user_id == device.user_id
    return OwnDevice(
        id=device.id,
        token=device.token if is_yours else masked(device.token),
        platform=device.platform,
        device_id=device.device_id,
        created_at=device.created_at,
        updated_at=device.updated_at,
        last_seen_at=device.last_seen_at,
        is_yours=is_yours,
        dead_at=device.phone.dead_at if is_yours else None,
        dead_code=device.phone.dead_code if is_yours else None,
        last_receipt_at=device.phone.last_receipt_at if is_yours else None,
        last_receipt_code=device.phone.last_receipt_code if is_yours else None,
        project=device.phone.project if is_yours else None,
    )


def own_booking(carried: CarriedBooking, user: CarriedUser) -> OwnBooking | None:
    """The booking as this user may see it; `None` where he has no part in it."""
    booking = carried.booking
    part = _part(booking, user)
    if part is None:
        return None
    if part is Role.ATTENDEE and booking.seats is not None:
        mine = tuple(person for person in booking.attendees if person.email in user.addresses)
        booking = replace(booking, attendees=mine)
    return OwnBooking(
        uid=booking.uid,
        part=part,
        status=booking.status,
        title=booking.title,
        times=booking.times,
        place=booking.place,
        organizer=booking.organizer,
        hosts=booking.hosts,
        attendees=booking.attendees,
        seats=booking.seats,
        replaced_by_uid=booking.replaced_by_uid,
        updated_at=carried.updated_at,
    )


def _part(booking: Booking, user: CarriedUser) -> Role | None:
    """By id or address for an organizer or host, by address alone for an attendee, as in
    `people.Directory`: an id that an event names counts before the address beside it."""

    def is_he(person: Person) -> bool:
        if person.user_id is not None:
            return person.user_id == user.id
        return person.email in user.addresses

    if booking.organizer is not None and is_he(booking.organizer):
        return Role.ORGANIZER
    if any(map(is_he, booking.hosts)):
        return Role.HOST
    if any(person.email in user.addresses for person in booking.attendees):
        return Role.ATTENDEE
    return None
