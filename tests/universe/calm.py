"""What must be when all trouble is over: everything works at once as if there had been none."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from calbell.simulator.projects import Credentials, KeyState
from tests.universe.bookings import Bookings
from tests.universe.broken import Broken
from tests.universe.choices import UNDONE, asleep, quiet_ends
from tests.universe.expo import Expo
from tests.universe.happenings import Known
from tests.universe.heard import TAKES
from tests.universe.instance import Instance, Mood
from tests.universe.ledger import Ledger
from tests.universe.nature import Nature, Sight
from tests.universe.people import People, PhoneInHand, Resident

DAY = timedelta(days=1)
PROMPTLY = timedelta(seconds=5)
NOTICED_WITHIN = timedelta(seconds=2)
HELD_FOR = timedelta(hours=1)
MENDED_WITHIN = timedelta(minutes=6)
"""A probe comes every five minutes."""

A_WHILE = timedelta(minutes=3)


class World(Protocol):
    """In which it is calm."""

    nature: Nature
    expo: Expo
    people: People
    bookings: Bookings
    instance: Instance
    ledger: Ledger
    happened: Counter[str]

    def now(self) -> datetime:
        """The time."""

    def set_clock(self, skew: timedelta) -> None:
        """The machine's clock is wrong by so much from now on."""


async def all_is_well(world: World) -> None:
    """All that must work does."""
    await _what_was_held_is_tried(world)
    await _news_rings_at_once(world)
    await _only_what_is_broken_waits(world)
    await _who_sleeps_is_told_when_he_wakes(world)
    if world.nature.sight is not Sight.NOTHING:
        await _what_is_late_was_told(world)
    if world.nature.clock_jumps:
        await _all_is_well_whatever_the_clock_says(world)


async def _what_was_held_is_tried(world: World) -> None:
    """What receipts showed to be broken, long ago maybe, is held until a push was tried and its
    receipt shows the contrary."""
    await world.people.all_open_the_app()
    for resident in _host_and_guest(world):
        await world.people.choose(resident, UNDONE)
    await _booked(world)
    await asyncio.sleep(MENDED_WITHIN.total_seconds())


async def _news_rings_at_once(world: World) -> None:
    """In calm weather a booking rings at once on every phone of its people, once."""
    known = await _booked(world)
    await asyncio.sleep(PROMPTLY.total_seconds())
    _check_rung(world, known, lambda _: True)


async def _only_what_is_broken_waits(world: World) -> None:
    """While one project's key for one platform is broken its phones wait, and others do not;
    when it is mended they ring, once."""
    host = next(iter(world.people.residents))
    broken = next((p for p in world.people.in_use() if p.owner == host), None)
    if broken is None:
        return
    world.happened[f"credentials {KeyState.MISSING}"] += 1
    credentials = Credentials(**{broken.platform.lower(): KeyState.MISSING})
    world.expo.set_project(broken.project, credentials=credentials)
    known = await _booked(world)
    await asyncio.sleep(PROMPTLY.total_seconds())
    _check_rung(
        world, known, lambda p: (p.project, p.platform) != (broken.project, broken.platform)
    )
    await asyncio.sleep(HELD_FOR.total_seconds())
    world.expo.set_project(broken.project, credentials=Credentials())
    await asyncio.sleep(MENDED_WITHIN.total_seconds())
    _check_rung(world, known, lambda _: True)


async def _who_sleeps_is_told_when_he_wakes(world: World) -> None:
    """What can wait rings for others at once, and for him when his quiet hours end, once."""
    sleeper, _ = _host_and_guest(world)
    await world.people.choose(sleeper, asleep(world.now(), sleeper.zone))
    hours = sleeper.wishes.hours
    assert hours is not None
    known = await _booked(world)
    await asyncio.sleep(PROMPTLY.total_seconds())
    _check_rung(world, known, lambda p: p.owner != sleeper.id)
    ends_in = quiet_ends(hours, world.now(), sleeper.zone) - world.now()
    await asyncio.sleep((ends_in + PROMPTLY).total_seconds())
    _check_rung(world, known, lambda _: True)
    await world.people.choose(sleeper, UNDONE)


async def _what_is_late_was_told(world: World) -> None:
    """A booking whose webhook does not come rings when it is looked up, whatever the clock said
    the last time, and not again when the webhook comes after all."""
    spell = world.nature.sweeps_every + TAKES
    if world.nature.clock_jumps:
        world.set_clock(DAY)
        await asyncio.sleep(spell.total_seconds())
        world.set_clock(timedelta())
        await asyncio.sleep(NOTICED_WITHIN.total_seconds())
    host, guest = _host_and_guest(world)
    known, send = world.bookings.one_that_is_late(host.id, guest.id)
    await asyncio.sleep(spell.total_seconds())
    _check_rung(world, known, lambda _: True)
    await send()
    await asyncio.sleep(PROMPTLY.total_seconds())
    _check_rung(world, known, lambda _: True)
    if world.nature.sight is Sight.ORGANISATION:
        await _what_was_hidden_is_told(world, spell)


async def _what_was_hidden_is_told(world: World, spell: timedelta) -> None:
    """What the key could not see for a while rings when it can, although what it could see then
    was younger."""
    owner, second, third, *_ = world.people.residents
    await world.people.choose(world.people.residents[third], UNDONE)
    world.instance.becomes(Mood.DEMOTING)
    hidden, _ = world.bookings.one_that_is_late(second, third)
    await asyncio.sleep(A_WHILE.total_seconds())
    seen, _ = world.bookings.one_that_is_late(owner, second)
    # Once it is refused what it could see before.
    await asyncio.sleep((spell + world.nature.sweeps_every).total_seconds())
    _check_rung(world, seen, lambda _: True)
    _check_rung(world, hidden, lambda _: False)
    world.instance.becomes()
    await asyncio.sleep(spell.total_seconds())
    _check_rung(world, hidden, lambda _: True)


async def _all_is_well_whatever_the_clock_says(world: World) -> None:
    """It still rings at once, a moment after the clock was set."""
    for hours in (-1, 0, 3, 0):
        world.set_clock(timedelta(hours=hours))
        await asyncio.sleep(NOTICED_WITHIN.total_seconds())
        known = await _booked(world)
        await asyncio.sleep(PROMPTLY.total_seconds())
        _check_rung(world, known, lambda _: True)


async def _booked(world: World) -> Known:
    host, guest = _host_and_guest(world)
    return await world.bookings.one_for_sure(host.id, guest.id)


def _host_and_guest(world: World) -> tuple[Resident, Resident]:
    host, guest, *_ = world.people.residents.values()
    return host, guest


def _check_rung(world: World, known: Known, rings: Callable[[PhoneInHand], bool]) -> None:
    """Of the phones of those who have a part in it exactly those that should have rung."""
    expected = sorted(
        phone.token
        for phone in world.people.in_use()
        if phone.owner in known.parts and rings(phone)
    )
    rung = sorted(
        handed.token
        for deliveries in world.ledger.handed.values()
        for handed in deliveries
        if handed.uid == known.uid
    )
    if rung != expected:
        raise Broken(f"in calm weather {len(rung)} phones ring instead of {len(expected)}")
