"""Replaying: what older versions could not read becomes what it is, and nothing is told twice."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from typing_extensions import override

from calbell.flows.receive import incoming_webhook
from calbell.flows.replay import Replay, Replayed, take_in_again
from calbell.flows.take_in import TakenIn, take_in_many
from calbell.store import bookings, events, migrate
from calbell.store.connection import Connection
from calbell.store.database import InlineDatabase, ThreadedDatabase
from calbell.store.events import EventState, Refusal
from calbell.store.sqlite import SqliteEngine
from tests import payloads
from tests.contract.test_take_in import END, POLICY, START, Intake, created, said
from tests.contract.world import LATER, NOW

LONG_AGO = NOW - timedelta(days=365)


class Archive(Intake):
    """A world with events of an older version, which could read less."""

    def once_unreadable(
        self, body: dict[str, object] | bytes, state: EventState = EventState.UNREADABLE
    ) -> TakenIn:
        """The event is kept as one that nobody could read."""
        raw = body if isinstance(body, bytes) else payloads.body(body)
        incoming = structs.replace(
            incoming_webhook(raw, self.now), state=state, event=None, trigger="", reason="no idea"
        )
        return self.run(take_in_many, [incoming], POLICY, self.now, self.chance)[0]

    def replay(self, at: datetime | None = None, *, unreadable: bool = True) -> Replayed:
        replay = Replay(
            InlineDatabase(self.connection), POLICY, lambda: at or self.now + MOMENT, self.chance
        )
        return asyncio.run(replay.replay(LONG_AGO, unreadable=unreadable, progress=lambda *_: None))

    def listed(self, **more: Any) -> list[tuple[str, str, str | None]]:
        return [
            (e.trigger, e.state, e.reason)
            for e in self.run(events.newest, LONG_AGO, 100, **{"unreadable": False, **more})
        ]


MOMENT = timedelta(milliseconds=1)


def archive(connection: Connection) -> Archive:
    world = Archive(connection)
    world.chance = Random(7)
    world.user(7, "host@example.com")
    world.user(8, "guest@example.com")
    world.register(7, "host-1")
    world.register(8, "guest-1")
    return world


@pytest.fixture
def world(connection: Connection) -> Archive:
    return archive(connection)


def test_an_unreadable_event_that_can_be_read_becomes_an_ordinary_one(world: Archive) -> None:
    taken = world.once_unreadable(created())
    assert world.listed() == [("", "unreadable", "no idea")]
    done = world.replay()
    assert done == Replayed(total=1, mended=1, recipients=2)
    assert world.listed() == [("BOOKING_CREATED", "taken", None)]
    (event,) = world.story("b1").events
    assert (event.event_id, event.kind, event.received_at) == (taken.event_id, "created", NOW)
    assert ("BOOKING_CONFIRMED", 8, "released", None) in world.told("b1")
    assert ("BOOKING_REMINDER", 7, "waiting", None) in world.told("b1")
    assert world.states() == [("queued", None, 0, 0)] * 2
    assert world.take(created()) == [TakenIn(taken.event_id, True, 2)]


def test_replaying_again_changes_nothing(world: Archive) -> None:
    world.once_unreadable(created())
    world.replay()
    before = world.listed(), world.told("b1"), world.states()
    assert world.replay() == Replayed()
    assert world.replay(unreadable=False) == Replayed(total=1, unchanged=1)
    assert (world.listed(), world.told("b1"), world.states()) == before


def test_what_is_stale_by_now_is_not_told(world: Archive) -> None:
    world.once_unreadable(created(start=NOW + timedelta(days=9), end=NOW + timedelta(days=10)))
    assert world.replay(NOW + timedelta(days=2)).mended == 1
    news = {state for kind, _, state, _ in world.told("b1") if kind == "BOOKING_CONFIRMED"}
    assert news == {"expired"}
    assert world.states() == []


def test_what_was_overtaken_meanwhile_is_a_copy(world: Archive) -> None:
    world.once_unreadable(created())
    world.take(created(sent_at=NOW + timedelta(seconds=1)))
    deliveries = world.states()
    assert world.replay() == Replayed(total=1, mended=1)
    assert {state for _, state, _ in world.listed()} == {"taken", "copy"}
    assert world.states() == deliveries


def test_what_still_nobody_can_read_stays_as_it_is(world: Archive) -> None:
    world.once_unreadable(b'{"triggerEvent":"BOOKING_CREATED"}')
    assert world.replay() == Replayed(total=1, unreadable=1)
    assert world.listed(unreadable=True) == [("", "unreadable", "no idea")]


def test_what_turns_out_to_tell_nothing_is_ignored(world: Archive) -> None:
    world.once_unreadable(payloads.ping())
    assert world.replay() == Replayed(total=1, mended=1)
    assert world.listed() == [("PING", "ignored", None)]


def test_what_an_older_version_ignored_is_told_when_all_are_replayed(world: Archive) -> None:
    world.once_unreadable(created(), EventState.IGNORED)
    assert world.replay() == Replayed()
    assert world.replay(unreadable=False) == Replayed(total=1, mended=1, recipients=2)
    assert world.listed() == [("BOOKING_CREATED", "taken", None)]


def test_events_of_one_booking_follow_each_other_in_their_order(world: Archive) -> None:
    world.once_unreadable(created())
    world.once_unreadable(payloads.cancelled(**said(sent_at=NOW + MOMENT)))  # type: ignore[arg-type]
    world.once_unreadable(created(uid="b2"))
    world.now = NOW + MOMENT
    assert world.replay().mended == 3
    told = [kind for kind, user, _, _ in world.told("b1") if user == 8]
    assert told == ["BOOKING_CONFIRMED", "BOOKING_REMINDER", "BOOKING_CANCELLED"]
    assert all(one.standing.superseded for one in world.due(LATER)[:2])


def test_one_that_fails_does_not_keep_its_neighbours_from_it(world: Archive) -> None:
    for uid in ("b1", "b2", "b3"):
        world.once_unreadable(created(uid=uid))

    class Fragile(InlineDatabase):
        @override
        async def run(self, unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if 2 in args[0]:
                raise ValueError("a booking that breaks something")
            return await super().run(unit, *args, **kwargs)

    replay = Replay(Fragile(world.connection), POLICY, lambda: LATER, world.chance)
    done = asyncio.run(replay.replay(LONG_AGO, unreadable=True, progress=lambda *_: None))
    assert (done.total, done.mended, done.failed) == (3, 2, 1)


def test_two_replays_at_once_mend_each_event_once(
    world: Archive, connect: Callable[[], Connection], engine: Any
) -> None:
    for n in range(150):
        world.once_unreadable(created(uid=f"b{n}"))
    stores = [ThreadedDatabase(engine) for _ in range(2)]
    told: list[tuple[int, int]] = []

    async def both() -> list[Replayed]:
        runs = (
            Replay(store, POLICY, lambda: LATER, Random(seed)).replay(
                LONG_AGO, unreadable=True, progress=lambda d, n: told.append((d.total, n))
            )
            for seed, store in enumerate(stores)
        )
        return await asyncio.gather(*runs)

    try:
        done = asyncio.run(both())
    finally:
        for store in stores:
            store.close()
    assert sum(one.mended for one in done) == 150
    assert {state for _, state, _ in world.listed()} == {"taken"}
    assert len(world.states()) == 300
    assert all(number >= total for total, number in told)


def test_only_what_came_since_then_is_replayed(world: Archive) -> None:
    world.once_unreadable(created())
    world.now = LATER
    world.once_unreadable(created(uid="b2"))
    database = InlineDatabase(world.connection)
    replay = Replay(database, POLICY, lambda: LATER + MOMENT, world.chance)
    done = asyncio.run(replay.replay(LATER, unreadable=True, progress=lambda *_: None))
    assert done.mended == 1
    assert world.run(bookings.by_uid, "b1") is None
    assert [e.state for e in world.run(events.newest, LATER, 9, unreadable=False)] == ["taken"]


def test_refusals_are_listed_newest_first_and_the_last_thousand_are_kept(world: Archive) -> None:
    for n in range(3):
        noted = [Refusal("bad_signature", n * 400 + i) for i in range(400)]
        world.run(events.note_refusals, noted, NOW)
    found = world.run(events.last_refusals, 2000)
    assert [one.size for one in found] == list(range(1199, 199, -1))
    assert (found[0].at, found[0].reason) == (NOW, "bad_signature")


SENT = st.integers(0, 600).map(lambda s: NOW - timedelta(seconds=s))
BODIES = st.one_of(
    SENT.map(lambda at: created(sent_at=at)),
    SENT.map(lambda at: payloads.requested(**said(sent_at=at))),  # type: ignore[arg-type]
    SENT.map(lambda at: payloads.cancelled(**said(sent_at=at))),  # type: ignore[arg-type]
    SENT.map(lambda at: payloads.rejected(**said(sent_at=at))),  # type: ignore[arg-type]
    SENT.map(
        lambda at: payloads.rescheduled(
            **said(uid="b2", old_uid="b1", old_start=START, old_end=END, sent_at=at)  # type: ignore[arg-type]
        )
    ),
    SENT.map(lambda at: payloads.paid(**said(sent_at=at))),  # type: ignore[arg-type]
    SENT.map(lambda at: payloads.recording_ready(**said(sent_at=at))),  # type: ignore[arg-type]
    st.just(payloads.ping()),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(bodies=st.lists(BODIES, max_size=8))
def test_whatever_was_taken_in_well_changes_nothing_when_it_is_replayed(
    bodies: list[dict[str, object]],
) -> None:
    connection = SqliteEngine(":memory:").connect()
    migrate.migrate(connection, NOW)
    world = archive(connection)
    for body in bodies:
        world.take(body)

    def all_there_is() -> object:
        kept = [world.run(bookings.by_uid, uid) for uid in ("b1", "b2")]
        told = [world.told(one.booking.uid) for one in kept if one]
        return kept, told, world.states(), world.listed()

    before = all_there_is()
    done = world.replay(unreadable=False)
    assert all_there_is() == before
    assert done == Replayed(total=len(world.listed()), unchanged=len(world.listed()))


def test_an_event_that_is_gone_meanwhile_is_passed_over(world: Archive) -> None:
    assert world.run(take_in_again, [4711], POLICY, NOW, world.chance) == Replayed()
