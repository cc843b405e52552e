"""What becomes of the webhooks of a Cal.com whose bookings are looked up as well, and of Cal.com
itself: losses, outages, and a day on which much happens at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Protocol

from tests.universe.instance import Instance, Mood, series_of_strangers
from tests.universe.nature import Nature, Sight
from tests.universe.virtual_time import VirtualLoop
from tests.universe.weather import Weather

A_STEP = 600.0
LATEST = timedelta(hours=20)


class Fate(StrEnum):
    """What becomes of a webhook."""

    LOST = "webhook lost"
    LATE = "webhook late"
    AGAIN = "webhook again"
    ONCE = "webhook sent"


class Place(Protocol):
    """Where webhooks are lost."""

    loop: VirtualLoop
    nature: Nature
    weather: Weather
    instance: Instance
    happened: Counter[str]

    def now(self) -> datetime:
        """The time."""

    def tell(self, what: str) -> None:
        """It is part of the story."""


class Losses:
    """Webhooks that are lost are made up for where bookings are looked up: only there does it
    happen on purpose."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._chance = Random(f"{seed} losses")
        self._loses_all = 0
        self._number = 0
        self._is_at_work = place.nature.sight is not Sight.NOTHING

    def fate(self) -> Fate:
        """Of the next webhook."""
        if not self._is_at_work or self._place.weather.is_over:
            return Fate.ONCE
        if self._loses_all:
            self._place.happened["webhook lost in an outage"] += 1
            return Fate.LOST
        drawn = self._chance.random()
        for fate, share in ((Fate.LOST, 0.08), (Fate.LATE, 0.06), (Fate.AGAIN, 0.05)):
            if drawn < share:
                self._place.happened[fate] += 1
                return fate
            drawn -= share
        return Fate.ONCE

    def delay(self) -> float:
        """Seconds after which one that is late comes."""
        return self._chance.choice((90.0, 3600.0, LATEST.total_seconds())) * self._chance.random()

    async def go_on(self) -> None:
        """Something goes wrong from time to time, until all trouble is over."""
        if not self._is_at_work:
            return
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._sender_is_down,
            self._door_is_shut,
            self._instance_is_away,
            self._instance_is_away,
            self._key_is_refused,
            self._others_are_busy,
            self._much_happens,
        ]
        if self._place.nature.sight is Sight.ORGANISATION:
            kinds.append(self._owner_is_demoted)
        while not self._place.weather.is_over:
            await asyncio.sleep(
                self._chance.expovariate(1 / (60 * 3600 * self._place.nature.sleepy))
            )
            await self._chance.choice(kinds)()

    async def _sender_is_down(self) -> None:
        """Cal.com books, and tells nobody."""
        self._note("Cal.com's sender down")
        await self._all_are_lost(1, 24)

    async def _door_is_shut(self) -> None:
        """Whatever stands before Calbell lets nothing in, and it can go out."""
        self._note("door shut")
        await self._all_are_lost(1, 24)

    async def _all_are_lost(self, least_hours: float, most_hours: float) -> None:
        self._loses_all += 1
        await self._lasts(least_hours, most_hours)
        self._loses_all -= 1

    async def _instance_is_away(self) -> None:
        mood = self._chance.choice((Mood.AWAY, Mood.SILENT, Mood.BROKEN))
        self._note("Cal.com away")
        longest = self._chance.choice((4, 4, 4, 30))
        await self._is(mood, 0.5, longest, loses=self._chance.random() < 0.7)

    async def _key_is_refused(self) -> None:
        """It was revoked by mistake."""
        self._note("key refused")
        await self._is(Mood.SHUT, 0.5, 48, loses=self._chance.random() < 0.5)

    async def _owner_is_demoted(self) -> None:
        """Whose key it is may see the bookings of the organisation no more, for a while."""
        self._note("owner demoted")
        await self._is(Mood.DEMOTING, 0.5, 12, loses=self._chance.random() < 0.5)

    async def _others_are_busy(self) -> None:
        """Others use the same key for all that it allows."""
        self._note("others busy")
        await self._is(Mood.WELL, 0.5, 6, busy=self._chance.choice((100, 119, 130)))

    async def _much_happens(self) -> None:
        """Somebody books for months to come, in one moment."""
        self._note("much at once")
        place, chance = self._place, self._chance
        self._number += 1
        start = place.now().replace(second=0, microsecond=0) + timedelta(days=chance.randrange(9))
        number = chance.choice((49, 51, 60, 130))
        place.tell(f"{number} are booked at once")
        self._loses_all += 1
        for booked in series_of_strangers(f"s{self._number}", number, start, place.now()):
            place.instance.bookings[booked.uid] = booked
        await self._lasts(0.1, 2)
        self._loses_all -= 1

    async def _is(
        self,
        mood: Mood,
        least_hours: float,
        most_hours: float,
        *,
        busy: int = 0,
        loses: bool = False,
    ) -> None:
        place = self._place
        place.tell(f"Cal.com is {mood}{', with others busy' if busy else ''}")
        self._loses_all += loses
        place.instance.becomes(mood, busy=busy)
        await self._lasts(least_hours, most_hours)
        place.instance.becomes()
        self._loses_all -= loses
        place.tell("Cal.com is well")

    async def _lasts(self, least_hours: float, most_hours: float) -> None:
        """So long, short spans more often, but never into calm weather for ever."""
        hours = least_hours + (most_hours - least_hours) * self._chance.random() ** 3
        left = 3600.0 * hours
        while left > 0 and not self._place.weather.is_over:
            await asyncio.sleep(min(left, A_STEP))
            left -= A_STEP

    def _note(self, kind: str) -> None:
        self._place.happened[kind] += 1
        self._place.tell(kind)
