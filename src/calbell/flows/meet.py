"""Meet: records of a file and what is known here, a list at a time, each in one unit of work.

What becomes of a record is decided in `domain/newer.py`. A `trial` decides and changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from calbell.domain.carried import (
    CarriedBooking,
    CarriedDevice,
    CarriedKey,
    CarriedSource,
    CarriedUser,
    fault_of,
)
from calbell.domain.newer import (
    Outcome,
    meet_booking,
    meet_device,
    meet_key,
    meet_source,
    meet_user,
    without_owner,
)
from calbell.domain.plan import Rules
from calbell.domain.push_events import PushEvent
from calbell.flows.remind import remind
from calbell.store import (
    carried_bookings,
    carried_devices,
    carried_people,
    notifications,
    removals,
)
from calbell.store.connection import Connection

R = TypeVar("R", CarriedUser, CarriedKey, CarriedDevice, CarriedSource, CarriedBooking)


class Item(Struct, Generic[R], frozen=True):
    """A record and the line on which it stands."""

    line: int
    record: R


class Became(Struct, frozen=True):
    """What became of the record of a line; `reason` says what of it was not taken."""

    line: int
    outcome: Outcome
    reason: str | None = None


class _Kept(Generic[R]):
    """What a list adds and changes, by key. What it adds and then changes is added."""

    def __init__(self) -> None:
        self.added: dict[object, R] = {}
        self.changed: dict[object, R] = {}

    def take(self, key: object, outcome: Outcome, after: R) -> bool:
        """Whether there is anything to keep."""
        if outcome is Outcome.ADDED or (outcome is Outcome.CHANGED and key in self.added):
            self.added[key] = after
        elif outcome is Outcome.CHANGED:
            self.changed[key] = after
        return outcome in (Outcome.ADDED, Outcome.CHANGED)


def meet_users(
    connection: Connection, items: Sequence[Item[CarriedUser]], now: datetime, trial: bool
) -> list[Became]:
    """The users are known as the newer of file and database has them. An address that another user
    has stays his, unless what the file says is newer."""
    here = carried_people.known_users(connection, (item.record.id for item in items))
    removed = carried_people.removed_users(connection, (item.record.id for item in items))
    holders = carried_people.holders(connection, (a for i in items for a in i.record.addresses))
    kept, told = _Kept[CarriedUser](), list[Became]()
    claimed: dict[int, dict[str, bool]] = {}
    for item in items:
        if (fault := fault_of(item.record)) is not None:
            told.append(Became(item.line, Outcome.REFUSED, fault))
            continue
        id_ = item.record.id
        met = meet_user(here.get(id_), item.record, removed.get(id_))
        reason = None
        if kept.take(met.after.id, met.outcome, met.after):
            user = here[met.after.id] = met.after
            claimed[user.id] = {}
            for rank, address in enumerate(user.addresses):
                holder, since = holders.get(address, (user.id, user.refreshed_at))
                if holder == user.id or user.refreshed_at > since:
                    holders[address] = (user.id, user.refreshed_at)
                    claimed[user.id][address] = rank == 0
                else:
                    reason = f"an address of the user is user {holder}'s here and stays his"
        told.append(Became(item.line, met.outcome, reason))
    if not trial:
        added, changed = list(kept.added.values()), list(kept.changed.values())
        addresses = {
            address: (user_id, is_primary)
            for user_id, theirs in claimed.items()
            for address, is_primary in theirs.items()
            if holders[address][0] == user_id
        }
        carried_people.keep_users(connection, added, changed, addresses, now)
    return told


def meet_keys(
    connection: Connection,
    items: Sequence[Item[CarriedKey]],
    promised: Collection[int],
    trial: bool,
) -> list[Became]:
    """The keys open what they opened before. `promised` are users who would be known by now."""
    here = carried_people.known_keys(connection, (item.record.hash for item in items))
    users = carried_people.known_user_ids(connection, (item.record.user_id for item in items))
    removed = _removed(connection, items)
    kept, told = _Kept[CarriedKey](), list[Became]()
    for item in items:
        key = item.record
        if key.user_id in removed and key.user_id not in promised:
            told.append(Became(item.line, Outcome.NEWER))
            continue
        fault = fault_of(key) or _missing(key.user_id, users, promised)
        if fault is not None:
            told.append(Became(item.line, Outcome.REFUSED, fault))
            continue
        met = meet_key(here.get(key.hash), key)
        if kept.take(key.hash, met.outcome, met.after):
            here[key.hash] = met.after
        told.append(Became(item.line, met.outcome, met.reason))
    if not trial:
        added, changed = list(kept.added.values()), list(kept.changed.values())
        carried_people.keep_keys(connection, added, changed)
    return told


def meet_sources(
    connection: Connection,
    items: Sequence[Item[CarriedSource]],
    promised: Collection[int],
    trial: bool,
) -> list[Became]:
    """The webhooks' paths and secrets are known."""
    here = carried_people.known_sources(connection, (item.record.path for item in items))
    users = carried_people.known_user_ids(connection, (item.record.user_id for item in items))
    removed = _removed(connection, items)
    kept, told = _Kept[CarriedSource](), list[Became]()
    for item in items:
        source = item.record
        if source.user_id in removed and source.user_id not in promised:
            told.append(Became(item.line, Outcome.NEWER))
            continue
        if (fault := _missing(source.user_id, users, promised)) is not None:
            told.append(Became(item.line, Outcome.REFUSED, fault))
            continue
        met = meet_source(here.get(source.path), source)
        if kept.take(source.path, met.outcome, met.after):
            here[source.path] = met.after
        told.append(Became(item.line, met.outcome, met.reason))
    if not trial:
        carried_people.keep_sources(connection, kept.added.values(), kept.changed.values())
    return told


def meet_devices(
    connection: Connection,
    items: Sequence[Item[CarriedDevice]],
    promised: Collection[int],
    project_ids: Mapping[str, int],
    now: datetime,
    trial: bool,
) -> list[Became]:
    """The devices ring for whoever registered them last."""
    known = carried_devices.known(connection, ((i.record.user_id, i.record.token) for i in items))
    users = carried_people.known_user_ids(
        connection, (id_ for i in items for id_ in (i.record.user_id, i.record.phone.owner_user_id))
    )
    here = known.devices
    phones = {token: phone for token, (_, phone) in known.phones.items()}
    removed = _removed(connection, items)
    kept, told = _Kept[CarriedDevice](), list[Became]()
    for item in items:
        device = item.record
        if device.user_id in removed and device.user_id not in promised:
            told.append(Became(item.line, Outcome.NEWER))
            continue
        fault = fault_of(device) or _missing(device.user_id, users, promised)
        if fault is not None:
            told.append(Became(item.line, Outcome.REFUSED, fault))
            continue
        if _missing(device.phone.owner_user_id, users, promised):
            device = without_owner(device)
        key, phone = (device.user_id, device.token), phones.get(device.token)
        subscription = here.get(key)
        if subscription is not None and phone is not None:
            # An earlier line may have told more of the phone that they share.
            subscription = replace(subscription, phone=phone)
        met = meet_device(subscription, phone, device)
        if kept.take(key, met.outcome, met.after):
            here[key], phones[device.token] = met.after, met.after.phone
        told.append(Became(item.line, met.outcome))
    if not trial:
        tokens = {device.token for d in (kept.added, kept.changed) for device in d.values()}
        touched = {token: phones[token] for token in tokens}
        ids = carried_devices.keep_phones(connection, touched, known.phones, project_ids, now)
        added, changed = list(kept.added.values()), list(kept.changed.values())
        carried_devices.keep_subscriptions(connection, added, changed, ids)
    return told


def meet_bookings(
    connection: Connection,
    items: Sequence[Item[CarriedBooking]],
    rules: Rules,
    now: datetime,
    trial: bool,
) -> tuple[list[Became], int]:
    """The bookings are known as the newer of file and database has them, and their reminders wait;
    how many were added. What waited for one that was replaced is planned anew."""
    uids = [item.record.booking.uid for item in items]
    known = carried_bookings.known(connection, uids)
    here = {uid: one.carried for uid, one in known.items()}
    veil = removals.veil_for(connection, (p.email for i in items for p in i.record.booking.people))
    kept, told = _Kept[CarriedBooking](), list[Became]()
    for item in items:
        uid, brought = item.record.booking.uid, item.record
        if veil is not None:
            brought = replace(brought, booking=veil.over_booking(brought.booking))
        met = meet_booking(here.get(uid), brought)
        if kept.take(uid, met.outcome, met.after):
            here[uid] = met.after
        told.append(Became(item.line, met.outcome))
    if trial or not (kept.added or kept.changed):
        return told, 0
    carried_bookings.keep(connection, kept.added.values(), kept.changed.values())
    changed = [known[uid].id for uid in known if uid in kept.changed]
    waiting = notifications.waiting_of(connection, changed)
    notifications.supersede_waiting(
        connection,
        (
            (one.id, None)
            for several in waiting.values()
            for one in several
            if one.planned.kind is PushEvent.BOOKING_REMINDER
        ),
        now,
    )
    touched = [uid for uid in uids if uid in kept.added or uid in kept.changed]
    found = carried_bookings.known(connection, touched).values()
    return told, remind(connection, [one.kept for one in found], rules, now)


def remind_page(
    connection: Connection, after: int, number: int, rules: Rules, now: datetime
) -> tuple[int | None, int]:
    """The reminders of the next bookings to come wait for all who have a part in them. Where to go
    on, and how many were added."""
    page = carried_bookings.page_to_come(connection, after, number, now)
    if not page:
        return None, 0
    found = carried_bookings.known(connection, (one.carried.booking.uid for one in page))
    kept = [one.kept for one in found.values()]
    return page[-1].id, remind(connection, kept, rules, now)


def _removed(
    connection: Connection,
    items: Sequence[Item[CarriedKey]]
    | Sequence[Item[CarriedSource]]
    | Sequence[Item[CarriedDevice]],
) -> Collection[int]:
    """Which users of these were removed here: with what was theirs."""
    user_ids = {item.record.user_id for item in items}
    return carried_people.removed_users(connection, (id_ for id_ in user_ids if id_ is not None))


def _missing(user_id: int | None, users: Collection[int], promised: Collection[int]) -> str | None:
    if user_id is None or user_id in users or user_id in promised:
        return None
    return f"there is no user {user_id}"
