"""Newer: of what is known here and what a file brings, which counts.

The newer one does, by the time at which it changed last; of two of the same time neither changes
the other. So a file can be taken twice, and an old one harms nothing.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from calbell.domain.booking import Booking
from calbell.domain.carried import (
    CarriedBooking,
    CarriedDevice,
    CarriedKey,
    CarriedPhone,
    CarriedSource,
    CarriedUser,
)

T = TypeVar("T")


class Outcome(StrEnum):
    """What becomes of a record. `NEWER`: what is here is newer and was left as it is."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NEWER = "newer"
    REFUSED = "refused"


class Met(Struct, Generic[T], frozen=True):
    """What is known here after a record was taken, and what it says where it was refused."""

    outcome: Outcome
    after: T
    reason: str | None = None


def meet_user(
    here: CarriedUser | None, brought: CarriedUser, removed_at: datetime | None = None
) -> Met[CarriedUser]:
    """The user. What he prefers is taken also from an older record where nothing is known of it.
    Whoever was removed here since his record was made stays so."""
    if here is None:
        if removed_at is not None and brought.refreshed_at <= removed_at:
            return Met(Outcome.NEWER, brought)
        return Met(Outcome.ADDED, brought)
    if brought.refreshed_at > here.refreshed_at:
        preferences = _known(brought.preferences, here.preferences)
        created_at = min(here.created_at, brought.created_at)
        return Met(
            Outcome.CHANGED, replace(brought, preferences=preferences, created_at=created_at)
        )
    if here.preferences is None and brought.preferences is not None:
        return Met(Outcome.CHANGED, replace(here, preferences=brought.preferences))
    return Met(_left(here.refreshed_at, brought.refreshed_at), here)


def meet_key(here: CarriedKey | None, brought: CarriedKey) -> Met[CarriedKey]:
    """The key with this hash. Once revoked, anywhere, it stays so."""
    if here is None:
        return Met(Outcome.ADDED, brought)
    if (here.user_id, here.role) != (brought.user_id, brought.role):
        return Met(Outcome.REFUSED, here, "the key is somebody else's here")
    after = replace(
        here,
        revoked_at=_earlier(here.revoked_at, brought.revoked_at),
        last_used_at=_later(here.last_used_at, brought.last_used_at),
    )
    return Met(Outcome.UNCHANGED if after == here else Outcome.CHANGED, after)


def meet_source(here: CarriedSource | None, brought: CarriedSource) -> Met[CarriedSource]:
    """The webhook with this path. Of two secrets the one that replaced the other counts."""
    if here is None:
        return Met(Outcome.ADDED, brought)
    heard_at = _later(here.last_event_at, brought.last_event_at)
    if here.secret == brought.secret:
        after = replace(here, last_event_at=heard_at)
        return Met(Outcome.UNCHANGED if after == here else Outcome.CHANGED, after)
    if brought.old_secret == here.secret:
        return Met(Outcome.CHANGED, replace(brought, last_event_at=heard_at))
    if here.old_secret == brought.secret:
        return Met(Outcome.NEWER, here)
    return Met(Outcome.REFUSED, here, "the source has another secret here")


def meet_booking(here: CarriedBooking | None, brought: CarriedBooking) -> Met[CarriedBooking]:
    """The booking. Where it is replaced its version grows, so that what was planned before is
    outdated."""
    if here is None:
        return Met(Outcome.ADDED, brought)
    if brought.updated_at > here.updated_at:
        return Met(Outcome.CHANGED, replace(brought, booking=_above(here.booking, brought.booking)))
    return Met(_left(here.updated_at, brought.updated_at), here)


def meet_device(
    here: CarriedDevice | None, phone: CarriedPhone | None, brought: CarriedDevice
) -> Met[CarriedDevice]:
    """The subscription of this user and token, and its phone, which may be here without it."""
    if here is not None and not brought.is_dated:
        return Met(Outcome.UNCHANGED, here)
    if here is None and phone is not None and _was_removed(phone, brought):
        return Met(Outcome.NEWER, replace(brought, phone=phone))
    met = _meet_phone(phone, brought)
    if here is None:
        return Met(Outcome.ADDED, replace(brought, phone=met))
    after = replace(here, phone=met)
    if brought.updated_at > here.updated_at:
        after = replace(
            after,
            platform=brought.platform,
            device_id=brought.device_id,
            updated_at=brought.updated_at,
            last_seen_at=brought.last_seen_at,
        )
    if after != here:
        return Met(Outcome.CHANGED, after)
    return Met(_left(here.updated_at, brought.updated_at), here)


def without_owner(brought: CarriedDevice) -> CarriedDevice:
    """The device where whoever has its phone now is not known here: the phone is as this user left
    it, and rings for nobody until its owner comes."""
    registered_at = min(brought.updated_at, brought.phone.registered_at)
    phone = replace(brought.phone, owner_user_id=None, registered_at=registered_at)
    return replace(brought, phone=phone)


def _was_removed(phone: CarriedPhone, brought: CarriedDevice) -> bool:
    """Whether the user removed the device here since the record was made: nobody registered the
    phone since, and it was left by its owner."""
    return (
        phone.owner_user_id is None
        and phone.registered_at == brought.phone.registered_at
        and brought.phone.owner_user_id == brought.user_id
    )


def _meet_phone(here: CarriedPhone | None, brought: CarriedDevice) -> CarriedPhone:
    """The phone belongs to whoever registered it last. Between two registrations it can be left and
    die, and come back from neither."""
    file = brought.phone
    if here is None:
        return file
    is_same_time = file.registered_at == here.registered_at
    if not brought.is_dated:
        # Rows of one file have one time: the last row of a token is its newest.
        return replace(here, owner_user_id=file.owner_user_id) if is_same_time else here
    project = _known(here.project, file.project)
    after = here
    if file.registered_at > here.registered_at:
        after, project = file, _known(file.project, here.project)
    elif is_same_time:
        is_agreed = here.owner_user_id == file.owner_user_id
        was_left = None in (here.owner_user_id, file.owner_user_id)
        after = replace(
            here,
            owner_user_id=None if was_left and not is_agreed else here.owner_user_id,
            dead_at=here.dead_at or file.dead_at,
            dead_code=here.dead_code if here.dead_at else file.dead_code,
        )
    newest = max((here, file), key=lambda one: (one.last_receipt_at or _NEVER, one is here))
    return replace(
        after,
        project=project,
        last_receipt_at=newest.last_receipt_at,
        last_receipt_code=newest.last_receipt_code,
    )


_NEVER = datetime.min.replace(tzinfo=UTC)


def _above(here: Booking, brought: Booking) -> Booking:
    return replace(brought, version=max(brought.version, here.version + 1))


def _known(first: str | None, second: str | None) -> str | None:
    return second if first is None else first


def _left(here: datetime, brought: datetime) -> Outcome:
    return Outcome.NEWER if here > brought else Outcome.UNCHANGED


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)
