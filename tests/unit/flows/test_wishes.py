"""What an operator is shown of a user's preferences."""

from datetime import time, timedelta

from calbell.domain.preferences import Preferences
from calbell.domain.privacy import Privacy
from calbell.domain.push_events import PushEvent
from calbell.domain.quiet_hours import QuietHours, Weekday
from calbell.flows.wishes import described


def test_whoever_chose_nothing_is_told_everything() -> None:
    assert dict(described(Preferences())) == {
        "pushes": "on",
        "switched off": "nothing",
        "quiet hours": "none",
        "reminders": "none",
        "own actions": "not told",
        "privacy": "full",
    }


def test_everything_that_was_chosen_is_said() -> None:
    chosen = Preferences(
        enabled=False,
        off=frozenset({PushEvent.RECORDING_READY, PushEvent.BOOKING_REMINDER}),
        quiet_hours=QuietHours(
            start=time(22),
            end=time(7, 30),
            weekdays=frozenset({Weekday.SUNDAY, Weekday.MONDAY}),
            time_zone="Asia/Tokyo",
            passive=True,
        ),
        reminders=(timedelta(minutes=10), timedelta(hours=1)),
        own_actions=True,
        privacy=Privacy.MINIMAL,
    )
    assert dict(described(chosen)) == {
        "pushes": "all switched off",
        "switched off": "BOOKING_REMINDER, RECORDING_READY",
        "quiet hours": "22:00-07:30; on monday, sunday; Asia/Tokyo; iPhones without a sound",
        "reminders": "10, 60 min before the start",
        "own actions": "told",
        "privacy": "minimal",
    }


def test_hours_that_begin_on_no_day_are_said_so() -> None:
    never = QuietHours(start=time(22), end=time(7), weekdays=frozenset())
    assert dict(described(Preferences(quiet_hours=never)))["quiet hours"] == (
        "22:00-07:00; on no day"
    )
