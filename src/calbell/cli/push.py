"""`calbell push`."""

import asyncio
import time
from collections.abc import Callable, Iterable
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated

import uvloop
from cyclopts import Parameter

from calbell.cli.context import Units, database, settings
from calbell.cli.failures import Failure
from calbell.cli.output import narrate
from calbell.config import Settings
from calbell.domain.push_events import PushEvent
from calbell.expo.words import in_words
from calbell.flows import rehearse
from calbell.flows.clocks import system_clock
from calbell.flows.rehearse import Rehearsal
from calbell.store import bookings, story, users
from calbell.store.connection import StoreUnavailable
from calbell.store.story import ToldDelivery

if TYPE_CHECKING:
    from calbell.wiring import Service

TICKET_PATIENCE_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.2
PENDING = {"queued", "sending"}


def push(
    *,
    user: int,
    event: Annotated[PushEvent, Parameter(name_transform=str)] = PushEvent.BOOKING_CONFIRMED,
    uid: str | None = None,
    preview: bool = False,
    wait_receipt: bool = False,
) -> int:
    """Send a test push to a user's phones and wait for Expo's tickets.

    A running `calbell serve` sends it; where none runs, this command does so itself. It exits with
    0 only if Expo took every push.

    Parameters
    ----------
    user
        Whose phones.
    event
        What the push tells of.
    uid
        About this booking, in which the user has a part; about a sample without it.
    preview
        Only show the exact messages and their size.
    wait_receipt
        Wait for the receipts too: a quarter of an hour, unless CALBELL_RECEIPT_DELAY_SECONDS says
        otherwise.
    """
    found = settings()
    with database(found) as units:
        if units.run(users.find, user) is None:
            raise Failure(f"there is no user {user}: add it with calbell users add")
        rehearsal = Rehearsal(user, event, uid)
        try:
            if uid is not None:
                _require_part(units, found, rehearsal)
            if preview:
                return _preview(units, found, rehearsal)
            return uvloop.run(_push(units, found, rehearsal, wait_receipt))
        except rehearse.CannotRehearse as error:
            raise Failure(str(error)) from None


def _require_part(units: Units, found: Settings, rehearsal: Rehearsal) -> None:
    """A `Failure` unless the push can be about the booking that was asked for."""
    from calbell.choices import policy_of

    if units.run(bookings.by_uid, rehearsal.uid or "") is None:
        raise Failure(f"nothing was ever heard of booking {rehearsal.uid}")
    if units.run(rehearse.prepare, rehearsal, policy_of(found), system_clock()).is_sample:
        raise Failure(f"user {rehearsal.user_id} has no part in booking {rehearsal.uid}")


def _preview(units: Units, found: Settings, rehearsal: Rehearsal) -> int:
    from calbell.choices import app_of, policy_of
    from calbell.expo.messages import MOST_BYTES, encode, message_size

    prepared = units.run(rehearse.prepare, rehearsal, policy_of(found), system_clock())
    for message in rehearse.messages(prepared, app_of(found)):
        narrate(f"{message.title}\n{message.body}\n", markup=False)
        narrate(encode(message).decode(), markup=False)
        narrate(f"{message_size(message)} of {MOST_BYTES} bytes\n", markup=False)
    return 0


async def _push(units: Units, found: Settings, rehearsal: Rehearsal, wait_receipt: bool) -> int:
    from calbell.choices import policy_of
    from calbell.wiring import Service

    rehearsed = units.run(
        rehearse.rehearse, rehearsal, policy_of(found), system_clock(), SystemRandom()
    )
    id_ = rehearsed.notification_id
    if rehearsed.prepared.asleep:
        narrate(f"phones that cannot be rung: {rehearsed.prepared.asleep}")
    service = await _own_service(Service(found))
    try:
        told = await _wait(units, id_, TICKET_PATIENCE_SECONDS, lambda d: d.state in PENDING)
        if wait_receipt:
            patience = found.receipt_delay.total_seconds() * 2 + TICKET_PATIENCE_SECONDS
            told = await _wait(units, id_, patience, lambda d: d.state in PENDING | {"accepted"})
    finally:
        if service is not None:
            await service.stop()
    return _report(told, wait_receipt)


async def _own_service(service: "Service") -> "Service | None":
    """A service in this process, unless another process serves the database: then that one
    sends."""
    try:
        await service.start(serves=True, delivers=True)
    except StoreUnavailable:
        return None
    return service


async def _wait(
    units: Units, notification_id: int, patience: float, is_pending: Callable[[ToldDelivery], bool]
) -> tuple[ToldDelivery, ...]:
    """What became of the push, when nothing of it is pending or patience is over."""
    deadline = time.monotonic() + patience
    while True:
        told = units.run(story.of_notification, notification_id)
        if not any(map(is_pending, told)) or time.monotonic() > deadline:
            return told
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _report(told: Iterable[ToldDelivery], wait_receipt: bool) -> int:
    good = {"accepted", "delivered"} if not wait_receipt else {"delivered"}
    arrived = True
    for delivery in told:
        last = delivery.attempts[-1] if delivery.attempts else None
        code = (last.receipt_code if last and last.receipt_code != "ok" else None) or (
            last.code if last else None
        )
        because = f": {in_words(code)}" if code else ""
        narrate(f"{delivery.platform} phone {delivery.phone}: {delivery.state}{because}")
        arrived = arrived and delivery.state in good
    return 0 if arrived else 1
