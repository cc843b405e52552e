"""Wishes: preferences in words, for operators."""

from collections.abc import Iterator
from datetime import timedelta

from calbell.domain.preferences import Preferences
from calbell.domain.quiet_hours import QuietHours, Weekday


def described(preferences: Preferences) -> Iterator[tuple[str, str]]:
    """What counts for a user, with the operator's defaults: labels and words."""
    yield "pushes", "on" if preferences.enabled else "all switched off"
    yield "switched off", ", ".join(sorted(preferences.off)) or "nothing"
    hours = preferences.quiet_hours
    yield "quiet hours", "none" if hours is None else _hours(hours)
    minutes = ", ".join(str(span // timedelta(minutes=1)) for span in preferences.reminders)
    yield "reminders", f"{minutes} min before the start" if minutes else "none"
    yield "own actions", "told" if preferences.own_actions else "not told"
    yield "privacy", preferences.privacy


def _hours(hours: QuietHours) -> str:
    days = [day for day in Weekday if day in hours.weekdays]
    said = [f"{hours.start:%H:%M}-{hours.end:%H:%M}"]
    if len(days) < len(Weekday):
        said.append(f"on {', '.join(days)}" if days else "on no day")
    if hours.time_zone is not None:
        said.append(hours.time_zone)
    if hours.passive:
        said.append("iPhones without a sound")
    return "; ".join(said)
