"""Preferences: what a user wants to be told, and when; the operator's defaults where he has not
chosen."""

import re
from collections.abc import Mapping
from datetime import time, timedelta

from msgspec import Struct, field

from calbell.domain.privacy import Privacy, stricter
from calbell.domain.push_events import PushEvent
from calbell.domain.quiet_hours import QuietHours, Weekday

TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
LONGEST_BEFORE = 40_320
"""Minutes between a reminder and the start: four weeks."""

MOST_REMINDERS = 10


class Preferences(Struct, frozen=True, kw_only=True):
    """What counts for a user. `off` is news that he does not want; `reminders` are the spans before
    the start at which he is reminded; with `own_actions` he is also told what he did himself."""

    enabled: bool = True
    off: frozenset[PushEvent] = frozenset()
    quiet_hours: QuietHours | None = None
    reminders: tuple[timedelta, ...] = ()
    own_actions: bool = False
    privacy: Privacy = Privacy.FULL

    def wants(self, kind: PushEvent) -> bool:
        """Whether news of this kind is switched on."""
        return self.enabled and kind not in self.off


class ChosenHours(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a user chose of his quiet hours. Times of day are `HH:MM`."""

    start: str | None = field(default=None, name="from")
    end: str | None = field(default=None, name="to")
    weekdays: tuple[Weekday, ...] | None = None
    time_zone: str | None = None
    passive: bool | None = None


class Choices(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a user chose, in the form in which the API takes it. Where it is `None`, or not there,
    the operator's default counts."""

    enabled: bool | None = None
    events: dict[str, bool] | None = None
    quiet_hours: ChosenHours | None = None
    reminders: tuple[int, ...] | None = None
    own_actions: bool | None = None
    privacy: Privacy | None = None


def effective(
    choices: Choices | None, defaults: Preferences, time_zone: str | None = None
) -> Preferences:
    """What counts for a user of this time zone. Nobody is told more than the operator allows."""
    if choices is None:
        if defaults.quiet_hours is None:
            return defaults
        choices = _NOTHING
    events = choices.events or {}
    return Preferences(
        enabled=_or(choices.enabled, defaults.enabled),
        off=frozenset(kind for kind in PushEvent if not events.get(kind, kind not in defaults.off)),
        quiet_hours=_hours(choices.quiet_hours or _NO_HOURS, defaults.quiet_hours, time_zone),
        reminders=(
            defaults.reminders
            if choices.reminders is None
            else tuple(timedelta(minutes=minutes) for minutes in choices.reminders)
        ),
        own_actions=_or(choices.own_actions, defaults.own_actions),
        privacy=stricter(privacy_of(choices), defaults.privacy),
    )


def privacy_of(choices: Choices | None) -> Privacy:
    """What the user chose himself."""
    return (choices and choices.privacy) or Privacy.FULL


_NOTHING = Choices()
_NO_HOURS = ChosenHours()


def _or(chosen: bool | None, default: bool) -> bool:
    return default if chosen is None else chosen


def _hours(
    chosen: ChosenHours, default: QuietHours | None, time_zone: str | None
) -> QuietHours | None:
    """There are none where nobody said from when to when."""
    start = _time(chosen.start) if chosen.start or default is None else default.start
    end = _time(chosen.end) if chosen.end or default is None else default.end
    if start is None or end is None or start == end:
        return None
    given = default or QuietHours(start=start, end=end)
    return QuietHours(
        start=start,
        end=end,
        weekdays=given.weekdays if chosen.weekdays is None else frozenset(chosen.weekdays),
        time_zone=chosen.time_zone or given.time_zone or time_zone,
        passive=_or(chosen.passive, given.passive),
    )


def _time(text: str | None) -> time | None:
    return time.fromisoformat(text) if text is not None and TIME_OF_DAY.fullmatch(text) else None


class Mistake(Struct, frozen=True):
    """What is wrong with choices, taken together; `name` is whose fault it is."""

    name: str
    rule: str
    text: str


def mistake_in(choices: Choices, defaults: Preferences) -> Mistake | None:
    """Why these choices mean nothing."""
    chosen = choices.quiet_hours
    if chosen is None:
        return None
    default = defaults.quiet_hours
    start = chosen.start or (default and f"{default.start:%H:%M}")
    end = chosen.end or (default and f"{default.end:%H:%M}")
    if chosen.weekdays == () and None in (start, end):
        return None
    for name, said in (("from", start), ("to", end)):
        if said is None:
            text = f"quietHours.{name} should be given: there is no default"
            return Mistake(f"quietHours.{name}", "isDefined", text)
    if start == end:
        text = "quietHours.to must not be the same as quietHours.from"
        return Mistake("quietHours.to", "notEquals", text)
    return None


def merged(chosen: Mapping[str, object], patch: Mapping[str, object]) -> dict[str, object]:
    """What was chosen after a JSON merge patch (RFC 7396): what is not named stays, and what is
    `None` is not chosen any more."""
    after = dict(chosen)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            before = after.get(name)
            after[name] = merged(before if isinstance(before, dict) else {}, value)
            if not after[name]:
                del after[name]
        else:
            after[name] = value
    return after
