"""What residents choose of what they are told, and the wall clock by which they sleep."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from random import Random
from typing import TypeAlias, assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

Patch: TypeAlias = dict[str, object]

QUARTER = timedelta(minutes=15)
LONGEST_CHANGE = timedelta(hours=1)
"""By which clocks are set forward and back."""

DEFAULT_REMINDERS = (30,)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
KINDS = (
    "BOOKING_CONFIRMED",
    "BOOKING_CANCELLED",
    "BOOKING_RESCHEDULED",
    "BOOKING_REQUESTED",
    "BOOKING_REMINDER",
    "PAYMENT_RECEIVED",
    "RECORDING_READY",
)


class Hours(Struct, frozen=True, kw_only=True):
    """Quiet hours: from quarter to quarter by the clock on the wall of a zone, beginning on these
    days."""

    start: time
    end: time
    days: tuple[str, ...] = DAYS
    zone: str | None = None

    def shows_quiet(self, wall: datetime) -> bool:
        """Whether the clock on the wall shows a quiet time."""
        today = DAYS[wall.weekday()] in self.days
        yesterday = DAYS[wall.weekday() - 1] in self.days
        clock = wall.time().replace(tzinfo=None)
        if self.start < self.end:
            return today and self.start <= clock < self.end
        return (today and self.start <= clock) or (yesterday and clock < self.end)


class Wishes(Struct, frozen=True, kw_only=True):
    """All that somebody chose."""

    enabled: bool = True
    off: frozenset[str] = frozenset()
    hours: Hours | None = None
    passive: bool = False
    reminders: tuple[int, ...] = DEFAULT_REMINDERS
    own_actions: bool = False

    def wants(self, kind: str) -> bool:
        """Whether he is to be told of this at all."""
        return self.enabled and kind not in self.off


class Choice(Struct, frozen=True):
    """What is sent to choose it, and its name in the story."""

    name: str
    patch: Patch


class Kind(StrEnum):
    """What there is to choose."""

    QUIET_HOURS = "quiet hours"
    NO_QUIET_HOURS = "no quiet hours"
    PASSIVE = "passive"
    OFF = "off"
    ON = "on"
    ALL_OFF = "all off"
    ALL_ON = "all on"
    REMINDERS = "reminders"
    OWN_ACTIONS = "own actions"


UNDONE = Choice(
    "nothing",
    dict.fromkeys(("enabled", "events", "quietHours", "reminders", "ownActions")),
)


def drawn(chance: Random, zones: tuple[str, ...]) -> Choice:
    """What somebody chooses next; quiet hours more than anything else, and those often from or to
    an hour at which clocks are changed."""
    kind = chance.choices(tuple(Kind), (10, 1, 3, 2, 2, 1, 3, 3, 2))[0]
    return Choice(kind, _patch(kind, chance, zones))


def _patch(kind: Kind, chance: Random, zones: tuple[str, ...]) -> Patch:
    match kind:
        case Kind.QUIET_HOURS:
            return {"quietHours": _hours(chance, zones)}
        case Kind.NO_QUIET_HOURS:
            return {"quietHours": None}
        case Kind.PASSIVE:
            return {"quietHours": {"passive": chance.random() < 0.7}}
        case Kind.OFF:
            return {"events": dict.fromkeys(chance.sample(KINDS, chance.randrange(1, 4)), False)}
        case Kind.ON:
            return {"events": dict.fromkeys(KINDS, True)}
        case Kind.ALL_OFF:
            return {"enabled": False}
        case Kind.ALL_ON:
            return {"enabled": True}
        case Kind.REMINDERS:
            return {"reminders": chance.sample((5, 20, 60, 90, 240, 1440), chance.randrange(4))}
        case Kind.OWN_ACTIONS:
            return {"ownActions": chance.random() < 0.7}
        case _:
            assert_never(kind)


def _hours(chance: Random, zones: tuple[str, ...]) -> Patch:
    quarters = chance.randrange(8, 60)
    edge = chance.choice((chance.randrange(96), chance.randrange(80, 96), chance.randrange(4, 13)))
    start = edge if chance.random() < 0.7 else edge - quarters
    days = list(DAYS) if chance.random() < 0.5 else chance.sample(DAYS, chance.randrange(1, 7))
    return {
        "from": _clock(start),
        "to": _clock(start + quarters),
        "weekdays": days,
        "timeZone": chance.choice((None, None, *zones[:2], chance.choice(zones))),
    }


def asleep(now: datetime, zone: str) -> Choice:
    """Who chooses this sleeps since about an hour, and for about two more."""
    walls = (at.astimezone(ZoneInfo(zone)) for at in (now - 4 * QUARTER, now + 8 * QUARTER))
    start, end = (wall.hour * 4 + wall.minute // 15 for wall in walls)
    hours = {"from": _clock(start), "to": _clock(end)}
    return Choice("to sleep", {"quietHours": hours})


def _clock(quarter: int) -> str:
    hour, rest = divmod(quarter % 96, 4)
    return f"{hour:02d}:{rest * 15:02d}"


def after(wishes: Wishes, patch: Patch) -> Wishes:
    """What somebody with these wishes has when he chose something more."""
    for name, value in patch.items():
        match name, value:
            case "enabled", _:
                wishes = structs.replace(wishes, enabled=value is not False)
            case "events", dict():
                off = {kind for kind in {*wishes.off, *value} if not value.get(kind, False)}
                wishes = structs.replace(wishes, off=frozenset(off))
            case "events", None:
                wishes = structs.replace(wishes, off=frozenset())
            case "quietHours", None:
                wishes = structs.replace(wishes, hours=None, passive=False)
            case "quietHours", dict():
                passive = bool(value.get("passive", wishes.passive))
                hours = _hours_after(wishes.hours, value)
                wishes = structs.replace(wishes, hours=hours, passive=passive)
            case "reminders", list():
                wishes = structs.replace(wishes, reminders=tuple(value))
            case "reminders", None:
                wishes = structs.replace(wishes, reminders=DEFAULT_REMINDERS)
            case "ownActions", _:
                wishes = structs.replace(wishes, own_actions=bool(value))
            case _:
                raise NotImplementedError(name)
    return wishes


def _hours_after(before: Hours | None, patch: Patch) -> Hours | None:
    if "from" not in patch:
        return before
    days, zone = patch.get("weekdays", before and before.days), patch.get("timeZone")
    assert zone is None or isinstance(zone, str)
    if "timeZone" not in patch and before is not None:
        zone = before.zone
    return Hours(
        start=time.fromisoformat(str(patch["from"])),
        end=time.fromisoformat(str(patch["to"])),
        days=tuple(days) if isinstance(days, list | tuple) else DAYS,
        zone=zone,
    )


def _walls(at: datetime, zone: str) -> list[datetime]:
    """What the clock shows, what it would show if it had not been set within the last hour, and
    what it would if it had been set already that will be within the next one."""
    return [
        (at - shift).astimezone(ZoneInfo(zone)).replace(tzinfo=None) + shift
        for shift in (timedelta(), LONGEST_CHANGE, -LONGEST_CHANGE)
    ]


def surely_quiet(hours: Hours, at: datetime, home: str) -> bool:
    """Whether it is quiet for who lives there, however one reads a clock that was just set."""
    return all(map(hours.shows_quiet, _walls(at, hours.zone or home)))


def maybe_quiet(hours: Hours, at: datetime, home: str) -> bool:
    """Whether it is, or is within the hour, quiet for who lives there, in one of the ways to read
    a clock that was just set. Within the night in which it is set back it is quiet twice."""
    within = (at + quarters * QUARTER for quarters in range(4))
    return any(
        hours.shows_quiet(wall) for one in within for wall in _walls(one, hours.zone or home)
    )


def quiet_ends(hours: Hours, at: datetime, home: str) -> datetime:
    """When what is quiet now is not any more, however one reads the clock."""
    past = timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)
    end = at - past
    while maybe_quiet(hours, end, home):
        end += QUARTER
    return end
