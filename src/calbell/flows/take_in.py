"""Take in: an event and all that follows from it, in one transaction, before the answer."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from random import Random

from msgspec import Struct, structs

from calbell.domain.events import BookingEvent
from calbell.domain.fold import fold, replace
from calbell.domain.people import Directory
from calbell.domain.plan import Plan, Waiting, plan
from calbell.domain.veil import people_of
from calbell.flows.surroundings import Clock, Policy
from calbell.flows.tell import Effect, supersede, tell
from calbell.store import (
    bookings,
    events,
    notifications,
    removals,
    sources,
    users,
)
from calbell.store.bookings import KeptBooking
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.events import EventState, NewEvent
from calbell.store.lists import Lists

LONGEST_LIST = 64

Keep = Callable[[Connection, Sequence[NewEvent], datetime], Mapping[str, int]]
"""Keeps events as they are after all that followed from them was found; ids by public id."""


class Incoming(Struct, frozen=True, kw_only=True):
    """Something that a source sent, read as far as it can be.

    Without `event` it tells nothing of a booking: `state` says why. `key` makes a repetition
    known; `body_hash` tells a repetition from another body under the same key. `source_id` is the
    webhook that sent it, where it has a row. Without `received_at` it came just now; without
    `event_id` one is drawn.
    """

    trigger: str
    state: EventState
    event: BookingEvent | None
    reason: str | None
    key: str
    body_hash: str
    raw: bytes
    sent_at: datetime
    source_id: int | None = None
    received_at: datetime | None = None
    event_id: str | None = None


class TakenIn(Struct, frozen=True):
    """What a source is answered: the event's id, whether it was known before, and how many users
    it is told to.

    `is_other` says that the event with this id came under the same key with another body; what has
    come now is not kept.
    """

    event_id: str
    duplicate: bool
    recipients: int
    is_other: bool = False


class TakeIn:
    """Events are taken in lists: whatever waits is folded, planned and released in one
    transaction."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        clock: Clock,
        chance: Random,
        *,
        lanes: int,
        wake: Iterable[Callable[[], None]],
    ) -> None:
        self._wake = tuple(wake)
        self._keep = Lists[Incoming, TakenIn](
            database,
            lambda connection, items: take_in_many(connection, items, policy, clock(), chance),
            keys=concerns,
            size=LONGEST_LIST,
            lanes=lanes,
        )

    async def take_in(self, incoming: Incoming) -> TakenIn:
        """The event and all that follows from it are committed, and those who release and dispatch
        are awake."""
        taken = await self._keep(incoming)
        for wake in self._wake:
            wake()
        return taken


def concerns(incoming: Incoming) -> Iterable[str]:
    """What only one event of a list may touch: its key, its booking, and the one it replaces."""
    event = incoming.event
    uids = (event.uid, event.replaces) if event else ()
    return (f"key {incoming.key}", *(f"uid {uid}" for uid in uids if uid is not None))


def take_in_many(
    connection: Connection,
    incoming: Sequence[Incoming],
    policy: Policy,
    now: datetime,
    chance: Random,
) -> list[TakenIn]:
    """One unit of work: each event is kept, folded into its booking, and told to whom it concerns.

    No key and no booking may be concerned twice in the list.
    """
    known = events.known(connection, (item.key for item in incoming))
    fresh = {
        item.event_id or f"evt_{chance.getrandbits(96):024x}": item
        for item in incoming
        if item.key not in known
    }
    kept = follow(connection, fresh, policy, now, chance, events.insert_many)
    sources.heard(
        connection,
        ((i.source_id, i.received_at or now) for i in incoming if i.source_id is not None),
    )
    answers = {
        item.key: TakenIn(k.public_id, True, k.recipients, k.body_hash != item.body_hash)
        for item in incoming
        if (k := known.get(item.key))
    }
    answers |= {e.key: TakenIn(e.public_id, e.state is EventState.COPY, e.recipients) for e in kept}
    return [answers[item.key] for item in incoming]


def follow(
    connection: Connection,
    incoming: Mapping[str, Incoming],
    policy: Policy,
    now: datetime,
    chance: Random,
    keep: Keep,
) -> list[NewEvent]:
    """All that follows from these events, by their public ids: each is folded into its booking,
    kept by `keep`, and told to whom it concerns. The events as they were given to `keep`.

    No booking may be concerned twice in the list.
    """
    incoming = _veiled(connection, incoming)
    effects = _fold(connection, incoming, now)
    directory = _directory(connection, effects)
    plans = _plan(connection, effects, directory, policy, now)
    kept = _new_events(incoming, effects, plans, now)
    ids = keep(connection, kept, now)
    bookings.save_many(
        connection,
        (
            KeptBooking(effect.before.id, effect.fold.booking)
            for effect in effects
            if effect.fold.booking != effect.before.booking
        ),
        now,
    )
    supersede(connection, plans, ids, now)
    tell(connection, plans, directory, ids, policy, now, chance)
    return kept


def _veiled(connection: Connection, incoming: Mapping[str, Incoming]) -> Mapping[str, Incoming]:
    """The events without users who were removed; what names one is not kept as it came."""
    told = (item.event for item in incoming.values() if item.event is not None)
    # Nobody is named before it is known that anybody was removed.
    veil = removals.veil_for(
        connection, (person.email for event in told for person in people_of(event))
    )
    if veil is None:
        return incoming
    return {
        id_: structs.replace(item, event=veil.over_event(item.event), raw=b"")
        if item.event is not None
        and any(one.email in veil.addresses for one in people_of(item.event))
        else item
        for id_, item in incoming.items()
    }


def _fold(connection: Connection, fresh: Mapping[str, Incoming], now: datetime) -> list[Effect]:
    told = [(event_id, item.event) for event_id, item in fresh.items() if item.event is not None]
    uids = {uid for _, event in told for uid in (event.uid, event.replaces) if uid is not None}
    rows = bookings.open_many(connection, uids, now)
    effects = []
    for event_id, event in told:
        row = rows[event.uid]
        effects.append(Effect(event_id, event, row, fold(row.booking, event)))
        if event.replaces is not None:
            old = rows[event.replaces]
            effects.append(Effect(event_id, event, old, replace(old.booking, event)))
    return effects


def _plan(
    connection: Connection,
    effects: Sequence[Effect],
    directory: Directory,
    policy: Policy,
    now: datetime,
) -> list[tuple[Effect, Plan]]:
    changing = [effect for effect in effects if not effect.fold.is_copy]
    waiting = notifications.waiting_of(
        connection, (effect.before.id for effect in changing if effect.before.booking.version)
    )
    heard = _heard(connection, changing, waiting)
    return [
        (
            effect,
            plan(
                effect.fold.booking,
                effect.fold.changes,
                directory,
                waiting.get(effect.before.id, ()),
                policy.rules,
                heard=heard.get(effect.before.id, ()),
                event_at=effect.event.sent_at,
                now=now,
            ),
        )
        for effect in changing
    ]


def _heard(
    connection: Connection, effects: Iterable[Effect], waiting: Mapping[int, Iterable[Waiting]]
) -> Mapping[int, Collection[int]]:
    """Who was told of bookings that are over now, where there is somebody who may not have been."""
    over = [
        effect.before.id
        for effect in effects
        if effect.fold.booking.is_over
        and any(one.planned.held for one in waiting.get(effect.before.id, ()))
    ]
    return notifications.heard_of(connection, over) if over else {}


def _directory(connection: Connection, effects: Iterable[Effect]) -> Directory:
    """The users among all people whom these bookings and their changes name, where they change."""
    return users.directory_of(
        connection,
        (
            person
            for effect in effects
            if not effect.fold.is_copy
            for person in (
                *effect.fold.booking.people,
                *(change.attendee for change in effect.fold.changes),
            )
        ),
    )


def _new_events(
    fresh: Mapping[str, Incoming],
    effects: Iterable[Effect],
    plans: Iterable[tuple[Effect, Plan]],
    now: datetime,
) -> list[NewEvent]:
    """The events to keep. One that had an effect on no booking is a copy."""
    own = {
        effect.event_id: effect
        for effect in effects
        if effect.before.booking.uid == effect.event.uid
    }
    told: dict[str, set[int]] = {event_id: set() for event_id in fresh}
    changing = set[str]()
    for effect, planned in plans:
        changing.add(effect.event_id)
        told[effect.event_id].update(item.user_id for item in planned.news)
    return [
        NewEvent(
            public_id=event_id,
            source_id=item.source_id,
            trigger=item.trigger,
            kind=item.event.kind if item.event else None,
            booking_id=own[event_id].before.id if item.event else None,
            state=EventState.COPY if item.event and event_id not in changing else item.state,
            reason=item.reason,
            recipients=len(told[event_id]),
            sent_at=item.sent_at,
            received_at=item.received_at or now,
            actor=item.event.actor if item.event else None,
            key=item.key,
            body_hash=item.body_hash,
            raw=item.raw,
        )
        for event_id, item in fresh.items()
    ]
