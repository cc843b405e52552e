"""Size: what strangers wrote never fills a push."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from calbell.config.languages import read_languages
from calbell.domain.events import Payment, TimeSpan
from calbell.domain.people import Person, Role
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform
from calbell.domain.wording import Voice, texts_of
from calbell.expo.messages import MOST_BYTES, PushMessage, message_size
from calbell.flows.compose import App, Letter, write
from tests.unit.domain.builders import DAY, MONDAY, NOW, facts, reader

LANGUAGES = read_languages()
APP = App(
    deep_link="calcom://(tabs)/(bookings)/booking-detail?uid={uid}",
    android_channel="default",
    sound="default",
    request_category="calcom_booking_request_actions",
)
LONG = TimeSpan(MONDAY.start_at, MONDAY.start_at + DAY)
LONGEST_UID = 255
BELL = "\N{BELL}"
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


def push(
    text: str,
    uid: str,
    kind: PushEvent = PushEvent.BOOKING_RESCHEDULED,
    role: Role = Role.HOST,
    platform: Platform = Platform.ANDROID,
    app: App = APP,
    locale: str = "en",
) -> PushMessage:
    """A push in which every stranger's text is this one."""
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
            attendees=(someone, someone),
            attendee=someone if kind is PushEvent.BOOKING_SEAT_CANCELLED else None,
            added=(someone, someone),
            seats=10,
            attendee_count=1000,
            payment=Payment(10**14, "KWD"),
            old_place=text + "!",
            old_organizer=someone,
            reason=text,
        ),
        event_id="evt_" + 24 * "f",
        reader=reader(role, time_zone="America/New_York", locale=locale, time_format=12),
        written_at=NOW,
        expires_at=NOW,
    )
    return write(letter, app)


def size(
    text: str,
    uid: str,
    kind: PushEvent = PushEvent.BOOKING_RESCHEDULED,
    role: Role = Role.HOST,
    platform: Platform = Platform.ANDROID,
) -> int:
    return message_size(push(text, uid, kind, role, platform))


@pytest.mark.parametrize("kind", list(PushEvent))
@pytest.mark.parametrize("char", ONE_OF_EACH_SCRIPT)
def test_a_push_full_of_one_character_fits(char: str, kind: PushEvent) -> None:
    for role in Role:
        for platform in Platform:
            assert size(char * 2000, "u" * LONGEST_UID, kind, role, platform) <= MOST_BYTES


# Whatever the operator allowed, and whatever a source calls a booking.
uids = st.text(min_size=1, max_size=LONGEST_UID)
scripts = st.text(st.characters(exclude_categories=()))
APPS = [
    APP,
    replace(APP, voice=Voice(texts_of({}, LANGUAGES))),
    replace(APP, deep_link="app:" + "{uid}" * 99),
    replace(APP, deep_link="app://" + "\N{SNOWMAN}" * 494),
    App("a:{uid}", "漢" * 100, BELL * 100, '"' * 100),
    replace(
        APP,
        voice=Voice(
            texts_of(
                {
                    language: {
                        "booking_rescheduled.title": BELL * 200,
                        "booking_seat_cancelled.title": BELL * 200,
                        "lines.seat_title": BELL * 190 + "{title}",
                        "lines.booking": '"' * 180 + "{title}{people}",
                    }
                    for language in ("en", *LANGUAGES)
                },
                LANGUAGES,
            )
        ),
    ),
]


@settings(deadline=None)
@given(
    scripts,
    st.integers(1, 500),
    uids,
    st.sampled_from(PushEvent),
    st.sampled_from(Role),
    st.sampled_from(APPS),
    st.sampled_from(["en", *LANGUAGES]),
)
@example(BELL, 500, BELL * LONGEST_UID, PushEvent.BOOKING_RESCHEDULED, Role.HOST, APPS[-1], "fr")
@example(
    '"', 500, "\x01" * LONGEST_UID, PushEvent.BOOKING_SEAT_CANCELLED, Role.HOST, APPS[-1], "fr"
)
def test_no_text_makes_a_push_too_big(
    text: str, times: int, uid: str, kind: PushEvent, role: Role, app: App, locale: str
) -> None:
    message = push(text * times, uid, kind, role, app=app, locale=locale)
    assert message_size(message) <= MOST_BYTES
    assert message.title
    assert message.body
    assert message.data.booking_uid == uid


@pytest.mark.parametrize("char", ['"', "\\", "%", " "])
def test_the_longest_uid_of_what_takes_most_in_a_link_fits(char: str) -> None:
    assert size('"' * 2000, char * LONGEST_UID) <= MOST_BYTES


def test_of_what_is_too_much_the_last_lines_go_first() -> None:
    whole = push("N" * 2000, "u").body.split("\n")
    left = set[int]()
    for letters in range(100, 215):
        message = push("N" * 2000, BELL * letters)
        kept = message.body.split("\n")
        assert kept == whole[: len(kept)]
        assert message.data.url is not None
        # The longest line is a reason of 300 bytes: no line goes that had room.
        assert len(kept) == len(whole) or message_size(message) > MOST_BYTES - 350
        left.add(len(kept))
    assert left == {3, 4, 5, len(whole)}


def test_without_room_for_the_link_the_uid_is_still_there() -> None:
    message = push("N" * 2000, BELL * LONGEST_UID)
    assert message.data.url is None
    assert message.data.booking_uid == BELL * LONGEST_UID
    assert message.body.startswith("NNN")


def test_what_fits_is_left_as_it_is() -> None:
    body = push('"' * 2000, "u" * LONGEST_UID).body.split("\n")
    assert [line[0] for line in body] == ['"', "M", "W", '"', "R", "O"]
