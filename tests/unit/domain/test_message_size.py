"""Size: what strangers wrote never fills a push."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell.domain.events import TimeSpan
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform
from calbell.expo.messages import MOST_BYTES, message_size
from calbell.flows.compose import App, Letter, write
from tests.unit.domain.builders import DAY, MONDAY, NOW, facts, reader

APP = App(
    deep_link="calcom://(tabs)/(bookings)/booking-detail?uid={uid}",
    android_channel="default",
    sound="default",
    request_category="calcom_booking_request_actions",
)
LONG = TimeSpan(MONDAY.start_at, MONDAY.start_at + DAY)
LONGEST_UID = 255
ONE_OF_EACH_SCRIPT = [
    '"',
    "\\",
    "/",
    "W",
    "é",
    "Ж",
    "ש",
    "漢",
    "한",
    "न",
    "🎉",
    "👨‍👩‍👧 ",
    "\0",
    "\u202e",
]


def size(
    text: str,
    uid: str,
    kind: PushEvent = PushEvent.BOOKING_RESCHEDULED,
    role: Role = Role.ORGANIZER,
    platform: Platform = Platform.ANDROID,
) -> int:
    """The size of a push in which every stranger's text is this one."""
    someone = Person(text, text)
    letter = Letter(
        token="ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]",
        platform=platform,
        key="k" * 64,
        kind=kind,
        facts=facts(
            uid=uid,
            title=text,
            times=LONG,
            old_times=MONDAY,
            place=text,
            organizer=someone,
            attendees=(someone,),
            reason=text,
        ),
        event_id="evt_" + 24 * "f",
        reader=reader(role, time_zone="America/New_York", time_format=12),
        written_at=NOW,
        expires_at=NOW,
    )
    return message_size(write(letter, APP))


@pytest.mark.parametrize("kind", list(PushEvent))
@pytest.mark.parametrize("char", ONE_OF_EACH_SCRIPT)
def test_a_push_full_of_one_character_fits(char: str, kind: PushEvent) -> None:
    for role in Role:
        for platform in Platform:
            assert size(char * 2000, "u" * LONGEST_UID, kind, role, platform) <= MOST_BYTES


# Cal.com's uids are short words of ASCII letters and digits. In the link every other byte of a uid
# takes three: 255 letters of another script would fill the push by themselves.
uids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=LONGEST_UID)
scripts = st.text(st.characters(exclude_categories=()))


@settings(deadline=None)
@given(scripts, st.integers(1, 500), uids, st.sampled_from(PushEvent), st.sampled_from(Role))
def test_no_text_makes_a_push_too_big(
    text: str, times: int, uid: str, kind: PushEvent, role: Role
) -> None:
    assert size(text * times, uid, kind, role) <= MOST_BYTES


@pytest.mark.parametrize("char", ['"', "\\", "%", " "])
def test_the_longest_uid_of_what_takes_most_in_a_link_fits(char: str) -> None:
    assert size('"' * 2000, char * LONGEST_UID) <= MOST_BYTES
