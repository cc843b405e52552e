"""Places: where a booking is, as it may be shown."""

import pytest

from calbell.domain.wording.where import LONGEST_PLACE, place_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        ("Room 1,\n2nd floor", "Room 1, 2nd floor"),
        ("integrations:daily", "Cal Video"),
        ("integrations:google:meet", "Google Meet"),
        ("integrations:zoom", "Zoom"),
        ("integrations:office365_video", "Microsoft Teams"),
        ("integrations:unheard_of", ""),
        ("inPerson", ""),
        ("userPhone", ""),
        ("https://meet.example.com/abc", "https://meet.example.com/abc"),
        ("https://zoom.example.com/j/1?pwd=secret", "https://zoom.example.com/j/1"),
        ("https://meet.example.com/abc#pwd=secret", "https://meet.example.com/abc"),
        ("http://[broken/abc?pwd=secret", "http://[broken/abc"),
        ("Zoom: HTTPS://z.example/1?pwd=x, room 2", "Zoom: HTTPS://z.example/1 room 2"),
        ("What now? #1", "What now? #1"),
        ("+49 30 1234", "+49 30 1234"),
    ],
)
def test_a_place_is_shown_where_it_is_one(text: str | None, expected: str) -> None:
    assert place_of(text) == expected


def test_a_long_place_is_cut() -> None:
    assert len(place_of("Straße " * 200).encode()) <= LONGEST_PLACE
