"""Preferences: what was chosen, over the operator's defaults."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calbell.domain.preferences import Choices, ChosenHours, Preferences, effective, merged
from calbell.domain.privacy import Privacy, at_least, stricter
from calbell.domain.push_events import PushEvent
from calbell.domain.quiet_hours import QuietHours, Weekday
from tests.unit.domain.builders import HOUR, MINUTE

NIGHT = QuietHours(start=time(22), end=time(7))
DEFAULTS = Preferences(reminders=(HOUR,), quiet_hours=NIGHT, privacy=Privacy.NO_NAMES)


def test_the_defaults_count_for_whoever_chose_nothing() -> None:
    assert effective(None, DEFAULTS) == effective(Choices(), DEFAULTS) == DEFAULTS
    assert effective(None, Preferences(), "Asia/Tokyo") == Preferences()


def test_quiet_hours_are_those_of_the_users_zone_unless_another_is_chosen() -> None:
    found = effective(None, DEFAULTS, "Asia/Tokyo").quiet_hours
    assert found is not None
    assert found.time_zone == "Asia/Tokyo"
    chosen = Choices(quiet_hours=ChosenHours(time_zone="Europe/Berlin"))
    found = effective(chosen, DEFAULTS, "Asia/Tokyo").quiet_hours
    assert found is not None
    assert (found.start, found.time_zone) == (time(22), "Europe/Berlin")


def test_single_things_of_the_operators_quiet_hours_can_be_chosen_otherwise() -> None:
    chosen = Choices(quiet_hours=ChosenHours(end="06:30", weekdays=(Weekday.MONDAY,), passive=True))
    assert effective(chosen, DEFAULTS).quiet_hours == QuietHours(
        start=time(22), end=time(6, 30), weekdays=frozenset({Weekday.MONDAY}), passive=True
    )


@pytest.mark.parametrize(
    "hours",
    [
        ChosenHours(passive=True),
        ChosenHours(start="22:00"),
        ChosenHours(start="22:00", end="22:00"),
        ChosenHours(start="25:00", end="07:00"),
    ],
)
def test_without_two_times_there_are_no_quiet_hours(hours: ChosenHours) -> None:
    assert effective(Choices(quiet_hours=hours), Preferences()).quiet_hours is None


def test_no_reminders_are_a_choice_too() -> None:
    assert effective(Choices(reminders=()), DEFAULTS).reminders == ()
    assert effective(Choices(reminders=(5,)), DEFAULTS).reminders == (5 * MINUTE,)


def test_events_are_wanted_unless_they_or_all_are_switched_off() -> None:
    some = effective(Choices(events={"BOOKING_CANCELLED": False, "X": False}), DEFAULTS)
    assert [kind for kind in PushEvent if not some.wants(kind)] == [PushEvent.BOOKING_CANCELLED]
    none = effective(Choices(enabled=False), DEFAULTS)
    assert not any(map(none.wants, PushEvent))


@pytest.mark.parametrize("chosen", [None, *Privacy])
@pytest.mark.parametrize("least", Privacy)
def test_privacy_is_never_less_than_the_operators(chosen: Privacy | None, least: Privacy) -> None:
    found = effective(Choices(privacy=chosen), Preferences(privacy=least)).privacy
    assert found in at_least(least)
    assert found == stricter(chosen or Privacy.FULL, least)


values = st.recursive(
    st.none() | st.booleans() | st.integers(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


def has_none(value: object) -> bool:
    if isinstance(value, dict):
        return any(one is None or has_none(one) for one in value.values())
    return False


@given(objects, objects)
def test_a_patch_twice_is_a_patch_once_and_nothing_is_left_of_null(
    before: dict[str, object], patch: dict[str, object]
) -> None:
    chosen = merged({}, before)
    assert not has_none(chosen)
    after = merged(chosen, patch)
    assert not has_none(after)
    assert merged(after, patch) == after
    assert all(after.get(name) == chosen[name] for name in chosen.keys() - patch.keys())


def test_an_object_is_merged_and_a_list_replaced() -> None:
    before: dict[str, object] = {"a": {"x": 1, "y": 2}, "b": [1, 2]}
    assert merged(before, {"a": {"x": None, "z": 3}, "b": [3]}) == {"a": {"y": 2, "z": 3}, "b": [3]}
    assert merged(before, {"a": {"x": None, "y": None}}) == {"b": [1, 2]}
    assert before == {"a": {"x": 1, "y": 2}, "b": [1, 2]}
