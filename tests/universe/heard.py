"""What must hold of news and of what is known, however it was heard of: nobody is told twice of one
change, nor of what did not happen, nor of what is old; and where bookings are looked up at Cal.com,
in the end all is known and told that the key can see."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec import json

from calbell.config import Settings
from calbell.store.times import from_ms, to_ms
from tests.booked import LENGTH, Booked
from tests.universe.bookings import Bookings
from tests.universe.broken import require
from tests.universe.database import SharedConnection
from tests.universe.expo import Handed
from tests.universe.happenings import Change, Known
from tests.universe.instance import OWNER, Instance
from tests.universe.machines import Machines
from tests.universe.nature import Nature, Sight
from tests.universe.people import People
from tests.universe.weather import Weather

CAUSES: Final = {
    "BOOKING_REQUESTED": ("requested",),
    "BOOKING_CONFIRMED": ("created", "rescheduled"),
    "BOOKING_RESCHEDULED": ("created", "rescheduled"),
    "BOOKING_REJECTED": ("rejected",),
    "BOOKING_CANCELLED": ("cancelled",),
    "BOOKING_RESCHEDULE_REQUESTED": ("cancelled",),
    "BOOKING_LOCATION_CHANGED": ("relocated",),
    "BOOKING_REASSIGNED": ("reassigned",),
    "BOOKING_GUESTS_ADDED": ("invited",),
    "PAYMENT_RECEIVED": ("paid",),
    "RECORDING_READY": ("recording_ready",),
    "TRANSCRIPT_READY": ("transcript_ready",),
}
"""What has to have happened for it to be told. Who looks a booking up may call it otherwise than
the webhook would: that is the same news."""

NEWS: Final = {
    trigger: tuple(event for event, causes in CAUSES.items() if trigger in causes)
    for trigger in sorted({cause for causes in CAUSES.values() for cause in causes})
}
STANDINGS: Final = ("requested", "created", "rescheduled", "rejected", "cancelled")
OF_DETAILS: Final = ("relocated", "reassigned", "invited")

FRESH_FOR = timedelta(days=1)
KEPT_FOR = timedelta(days=7)
"""How long after its end a booking is surely still known."""

TAKES = timedelta(minutes=90)
"""How long, beside the pause between two sweeps, it may take until all was seen: what the key can
see is believed for an hour, and what is refused is asked for again."""

_KNOWN = """
select b.uid, b.status, b.replaced_by_uid, b.start_at, b.people, b.place
from bookings b where b.status is not null
"""
_TOLD = """
select n.user_id, n.kind, n.state, n.created_at from notifications n
join bookings b on b.id = n.booking_id where b.uid = ?
"""
_NEW_REPAIRS = """
select coalesce(max(id), 0), sum(trigger_name = 'RECONCILED' and state = 'taken')
from events where id > ?
"""


class Listening(Protocol):
    """Who is listened to."""

    settings: Settings
    nature: Nature
    connection: SharedConnection
    weather: Weather
    machines: Machines
    instance: Instance
    people: People
    bookings: Bookings
    skew: timedelta
    set_at: datetime
    happened: Counter[str]

    def now(self) -> datetime:
        """The time."""


class Heard:
    """Compares what is told and known with what happened at Cal.com."""

    def __init__(self, universe: Listening) -> None:
        self._universe = universe
        self._keys: dict[tuple[str, int, str, tuple[str, ...]], set[str]] = {}
        self._counted = 0

    # At each hand-over.

    def witness(self, handed: Handed, user_id: int, left: datetime) -> None:
        """It did happen, not long ago, and each time it did is told once on this phone."""
        causes = CAUSES.get(handed.event)
        if causes is None:
            return
        happened = self._universe.bookings.known[handed.uid].changes
        changes = [change for change in happened if change.trigger in causes]
        require(bool(changes), f"told of what did not happen: {handed.event}")
        if not self._universe.nature.clock_jumps:
            # What is looked up says when it changed last, and not what it was that changed.
            is_looked_up = self._universe.settings.calcom_api_key is not None
            newest = happened[-1] if is_looked_up else changes[-1]
            require(left < newest.at + FRESH_FOR, f"old news: of {newest.at:%d %H:%M}")
        keys = self._keys.setdefault((handed.uid, user_id, handed.token, causes), set())
        keys.add(handed.key)
        require(len(keys) <= len(changes), f"told {len(keys)} times of {len(changes)} changes")

    # Every few hours.

    def look(self) -> None:
        """Where both sides have been well for long enough, nothing is missing."""
        self._forget()
        universe = self._universe
        if universe.settings.calcom_api_key is None:
            return
        self._count()
        well_since, now = self._well_since(), universe.now()
        spell = universe.nature.sweeps_every + TAKES
        if well_since is None or now - well_since < spell:
            return
        universe.happened["compared with Cal.com"] += 1
        rows = {row[0]: row[1:] for row in universe.connection.ask(_KNOWN)}
        for booked in universe.instance.shows():
            settled_by = max(booked.updated_at, well_since) + spell
            is_there = booked.start + LENGTH + KEPT_FOR > now
            if settled_by > now or not is_there:
                continue
            known = universe.bookings.known.get(booked.uid)
            row = rows.get(booked.uid)
            if not self._was_no_news(booked, settled_by):
                # Else its webhook may have come when nobody looked any more.
                is_known = row is not None or booked.to_uid is not None
                require(is_known, f"nothing is known of {booked.uid}")
                if row is not None:
                    self._check_known(booked, known, *row)
            if known is not None:
                self._check_told(known, booked, now, well_since, spell)

    def _well_since(self) -> datetime | None:
        """Since when Cal.com has answered, and somebody been there to ask."""
        universe = self._universe
        found = (
            universe.weather.calm_since,
            universe.machines.delivering_since,
            universe.instance.well_since if universe.instance.is_well else None,
            universe.set_at,
        )
        known = [at for at in found if at is not None]
        return max(known) if len(known) == len(found) else None

    def _was_no_news(self, booked: Booked, seen_by: datetime) -> bool:
        """Whether it was over, or its end old, before it had to be seen."""
        if seen_by + self._universe.skew >= booked.start:
            return True
        ended = booked.status in ("cancelled", "rejected")
        return ended and seen_by + abs(self._universe.skew) >= booked.updated_at + FRESH_FOR

    def _check_known(
        self,
        booked: Booked,
        known: Known | None,
        status: str,
        replaced_by: str | None,
        start_ms: int,
        people: str,
        place: str,
    ) -> None:
        """It stands as it does at Cal.com, and so do its details while it does."""
        uid = booked.uid
        if booked.to_uid is not None:
            is_over = replaced_by is not None or status in ("cancelled", "rejected")
            require(is_over, f"{uid} was moved and is {status}")
            return
        require(status == booked.status, f"{uid} is {booked.status} and not {status}")
        require(replaced_by is None, f"{uid} was moved nowhere")
        require(from_ms(start_ms) == booked.start, f"{uid} is at {booked.start:%d %H:%M}")
        if status not in ("accepted", "pending") or self._universe.nature.clock_jumps:
            return
        if not place.startswith("integrations:"):
            require(place == booked.place, f"{uid} is at another place")
        if known is not None and all(
            self._universe.people.residents[id_].left_at is None for id_ in known.parts
        ):
            named = json.decode(people)
            host, guests = named["organizer"].get("user_id"), named.get("attendees", [])
            require(host == booked.host["id"], f"{uid} is held by another one")
            require(
                {one["email"] for one in guests} == {one["email"] for one in booked.attendees},
                f"{uid} has other guests",
            )

    def _check_told(
        self,
        known: Known,
        booked: Booked,
        now: datetime,
        well_since: datetime,
        spell: timedelta,
    ) -> None:
        """What happened last, if that is no old news, everybody knows whom it concerns."""
        if booked.to_uid is not None or self._universe.nature.clock_jumps:
            return
        told = self._universe.connection.ask(_TOLD, known.uid)
        *before, standing = (one for one in known.changes if one.trigger in STANDINGS)
        # Who has just become the host may be told the end of it as the former one would be.
        there = before[-1].people if before else standing.people
        self._check_all_told(known, standing, there & standing.people, told, now)
        details = [change for change in known.changes if change.trigger in OF_DETAILS]
        if not details or details[-1] is not known.changes[-1]:
            # A webhook may have brought it, which is no news.
            return
        sees_all = self._universe.nature.sight is Sight.ORGANISATION
        was_seen = sees_all or OWNER in known.changes[-2].people
        was_known = was_seen and details[-1].at > max(standing.at, well_since) + spell
        if was_known and booked.status == "accepted" and details[-1].at + spell < now:
            self._check_all_told(known, details[-1], details[-1].people, told, now)

    def _check_all_told(
        self,
        known: Known,
        change: Change,
        people: frozenset[int],
        told: list[tuple[int, str, str, int]],
        now: datetime,
    ) -> None:
        if now >= min(change.at + FRESH_FOR, known.start_at + LENGTH):
            return
        residents = self._universe.people.residents
        after = to_ms(change.at)
        heard = {
            user_id
            for user_id, kind, state, made_at in told
            if kind in NEWS[change.trigger] and state != "expired" and made_at >= after
        }
        for user_id in sorted(people & known.people):
            if residents[user_id].is_settled_since(change.at):
                what = f"{known.uid} was {change.trigger}"
                require(user_id in heard, f"{what}, and user {user_id} was not told")

    def _count(self) -> None:
        ((newest, repaired),) = self._universe.connection.ask(_NEW_REPAIRS, self._counted)
        self._counted = max(newest, self._counted)
        self._universe.happened["sweep repaired"] += repaired or 0

    def _forget(self) -> None:
        known = self._universe.bookings.known
        for told in tuple(self._keys):
            if told[0] not in known:
                del self._keys[told]
