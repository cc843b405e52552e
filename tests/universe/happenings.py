"""What happens to bookings at Cal.com, and what it would say of it."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from tests import payloads
from tests.booked import LENGTH, Booked
from tests.universe.instance import Instance
from tests.universe.people import People

TITLE = "30 min between Ada Host and Bob Guest"
QUIET = frozenset({"relocated", "reassigned", "invited"})
"""Changes that Cal.com has no webhook for."""

_Made: TypeAlias = Callable[[datetime], dict[str, Any]]


class Change(Struct, frozen=True):
    """What happened to a booking at Cal.com, by the name of its webhook, when, and who had a part
    in it then."""

    trigger: str
    at: datetime
    people: frozenset[int]


class Known(Struct):
    """What the world itself knows of one uid: its host and guests, who of all has or had a part in
    it, when it begins, and since when it does not take place any more, as far as Cal.com was told
    that this is known here; when it was to begin before it was moved, and who moved or cancelled
    it. `is_told`: something was sent about it."""

    uid: str
    host: int
    guests: tuple[int, ...]
    parts: frozenset[int]
    start_at: datetime
    over_at: datetime | None = None
    is_told: bool = False
    old_start_at: datetime | None = None
    doer: int | None = None
    changes: list[Change] = []

    @property
    def people(self) -> frozenset[int]:
        """Who has a part in it now."""
        return frozenset((self.host, *self.guests))


class Said(Struct, frozen=True):
    """A change and its webhook, what it is about, and what does not take place any more because of
    it."""

    trigger: str
    known: Known
    ends: Known | None
    made: _Made


class Scene(Protocol):
    """Where it happens."""

    people: People
    instance: Instance
    happened: Counter[str]

    def now(self) -> datetime:
        """The time."""

    def tell(self, what: str) -> None:
        """It is part of the story."""


class Happenings:
    """Makes things so, whoever is told of them."""

    def __init__(self, scene: Scene, chance: Random) -> None:
        self._scene = scene
        self._chance = chance

    def happens(self, said: Said) -> None:
        """It is so at Cal.com, whoever is told of it."""
        known, now, chance = said.known, self._scene.now(), self._chance
        bookings = self._scene.instance.bookings
        booked = bookings.get(known.uid)
        others = [one for one in self._scene.people.residents if one not in known.people]
        trigger = said.trigger if others or said.trigger not in QUIET else "relocated"
        by = None if known.doer is None else self._address(known.doer)
        if trigger == "rescheduled":
            assert said.ends is not None
            old = said.ends
            known.host, known.guests, known.parts = old.host, old.guests, old.parts
            bookings[known.uid] = bookings[old.uid].moves(known.uid, known.start_at, now, by)
        elif booked is None:
            booked = bookings[known.uid] = self._booked(known, now)
            booked.status = "pending" if trigger == "requested" else "accepted"
        elif trigger == "created":
            booked.status = "accepted"
            booked.touch(now)
        elif trigger in ("rejected", "cancelled"):
            booked.ends(trigger, now, by if trigger == "cancelled" else None)
        elif trigger == "relocated":
            booked.place = f"https://meet.example.com/{known.uid}/{len(known.changes)}"
            booked.touch(now)
        elif trigger == "reassigned":
            known.host = chance.choice(others)
            known.parts |= known.people
            booked.host = self._host(known.host)
            booked.touch(now)
        elif trigger == "invited":
            guest = chance.choice(others)
            known.guests = (*known.guests, guest)
            known.parts |= known.people
            booked.attendees = [*booked.attendees, self._guest(guest)]
            booked.touch(now)
        else:
            # What was paid or recorded is no part of it.
            booked.touch(now)
        known.changes = [*known.changes, Change(trigger, now, known.people)]
        if trigger in QUIET:
            self._scene.happened[f"quietly {trigger}"] += 1
            self._scene.tell(f"{known.uid} is {trigger}")

    def _booked(self, known: Known, now: datetime) -> Booked:
        guests = [self._guest(guest) for guest in known.guests]
        host = self._host(known.host)
        return Booked(known.uid, host, guests, now, start=known.start_at, title=TITLE)

    def _host(self, id_: int) -> dict[str, Any]:
        return {"id": id_, "name": "Ada Host", "email": self._address(id_)}

    def _guest(self, id_: int) -> dict[str, Any]:
        return {"name": "Bob Guest", "email": self._address(id_)}

    def _address(self, id_: int) -> str:
        return self._scene.people.residents[id_].address

    def made(self, trigger: str, known: Known, **more: Any) -> _Made:
        def made(at: datetime) -> dict[str, Any]:
            booked = self._scene.instance.bookings[known.uid]
            if trigger in ("created", "rescheduled"):
                more["metadata"] = {"videoCallUrl": booked.place}
            if any(change.trigger == "relocated" for change in known.changes):
                more["location"] = booked.place
            envelope: dict[str, Any] = getattr(payloads, trigger)(
                uid=known.uid,
                organizer=payloads.organizer(**booked.host),
                attendees=[payloads.attendee(**one) for one in booked.attendees],
                start=known.start_at,
                end=known.start_at + LENGTH,
                sent_at=at,
                **more,
            )
            return envelope

        return made
