"""Whether a phone that Expo calls gone is believed to be."""

from datetime import UTC, datetime, timedelta

import pytest

from calbell.domain.sightings import CONFIRMED_AFTER, Sighting, is_wave, sighting

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answered", "gone", "wave"),
    [(0, 0, False), (19, 19, False), (20, 20, True), (40, 20, True), (41, 20, False)],
)
def test_many_at_once_are_a_wave(answered: int, gone: int, wave: bool) -> None:
    assert is_wave([(answered, gone)]) is wave
    assert is_wave([(1, at >= answered - gone) for at in range(answered)]) is wave


def test_the_newest_are_a_wave_however_much_went_well_before() -> None:
    assert is_wave([(10, 10), (10, 10), (5000, 0)])
    assert is_wave([(10, 0), (10, 0), (10, 10), (10, 10), (5000, 0)])
    assert not is_wave([(10, 0), (10, 0), (1, 0), (10, 10), (10, 10), (5000, 0)])


def test_a_wave_is_not_looked_for_far_back() -> None:
    wave = [(100, 100)] * 40
    assert is_wave([(100, 0)] * 10 + wave)
    assert not is_wave([(100, 0)] * 11 + wave)


@pytest.mark.parametrize(
    ("in_wave", "suspected_at", "meaning"),
    [
        (False, None, Sighting.GONE),
        (False, NOW, Sighting.GONE),
        (True, None, Sighting.DOUBTED),
        (True, NOW - CONFIRMED_AFTER + timedelta(seconds=1), Sighting.DOUBTED),
        (True, NOW - CONFIRMED_AFTER, Sighting.GONE),
    ],
)
def test_in_a_wave_a_phone_is_gone_when_it_still_is_a_day_later(
    in_wave: bool, suspected_at: datetime | None, meaning: Sighting
) -> None:
    assert sighting(in_wave=in_wave, suspected_at=suspected_at, asked_at=NOW) is meaning
