"""What the operator's settings make of a push, from the environment to Expo."""

from pathlib import Path

from tests import payloads
from tests.acceptance.conftest import NewDatabase, Stands
from tests.acceptance.stand import Json, Meeting, Stand, notifications


def requested(stand: Stand, platform: str = "IOS") -> tuple[Meeting, Json]:
    """A booking that a host is asked to confirm, and what is sent to his phone."""
    host = stand.database.user()
    token = stand.phone(host, platform)
    meeting = Meeting(host)
    reason = "between Stan Stranger and me"
    stand.tell(meeting.webhook(payloads.requested, title=f"Chat {meeting.uid} {reason}"))
    stand.settled(meeting.uid)
    (sent,) = stand.expo.sent(token)
    return meeting, sent


def test_the_fields_of_the_app_are_those_of_the_settings(stands: Stands) -> None:
    stand = stands(
        "sqlite",
        CALBELL_DEEP_LINK="https://app.example/b/{uid}?from=push",
        CALBELL_ANDROID_CHANNEL="bookings",
        CALBELL_SOUND="bell.wav",
        CALBELL_REQUEST_CATEGORY="requests",
    )
    meeting, on_iphone = requested(stand)
    assert on_iphone["data"]["url"] == f"https://app.example/b/{meeting.uid}?from=push"
    assert (on_iphone["sound"], on_iphone["categoryId"]) == ("bell.wav", "requests")
    assert "channelId" not in on_iphone
    _, on_android = requested(stand, "ANDROID")
    assert on_android["channelId"] == "bookings"


def test_an_empty_setting_is_a_field_that_is_not_sent(stands: Stands) -> None:
    stand = stands(
        "sqlite", CALBELL_ANDROID_CHANNEL="", CALBELL_SOUND="", CALBELL_REQUEST_CATEGORY=""
    )
    for platform in ("IOS", "ANDROID"):
        _, shown = requested(stand, platform)
        assert {"channelId", "sound", "categoryId"}.isdisjoint(shown)


def test_only_the_roles_that_are_to_be_told_are_told(stands: Stands) -> None:
    stand = stands("sqlite", CALBELL_RECIPIENTS="hosts")
    host, cohost, guest = (stand.database.user() for _ in range(3))
    phones = [stand.phone(user) for user in (host, cohost, guest)]
    meeting = Meeting(host, guest)
    members = payloads.team(payloads.member(cohost.email, cohost.name))
    assert stand.tell(meeting.webhook(payloads.created, team=members))["recipients"] == 1
    (told,) = notifications(stand.settled(meeting.uid))
    assert (told["user_id"], told["role"]) == (cohost.id, "host")
    assert [len(stand.expo.screen(token)) for token in phones] == [0, 1, 0]


def test_without_names_a_push_says_when(stands: Stands) -> None:
    _, shown = requested(stands("sqlite", CALBELL_PRIVACY="no_names"))
    what, when, *_ = shown["body"].split("\n")
    assert (shown["title"], what) == ("Booking Requested", "Booking")
    assert ":" in when
    assert "Stan" not in shown["body"]


def test_the_least_a_push_says_is_that_something_happened(stands: Stands) -> None:
    _, shown = requested(stands("sqlite", CALBELL_PRIVACY="minimal"))
    assert (shown["title"], shown["body"]) == (
        "Booking Requested",
        "You have a new booking request",
    )


def test_an_operators_own_texts_are_what_phones_show(stands: Stands, tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text(
        '[booking_requested]\ntitle = "Somebody Asks"\nfirst_line = "{people} asks for {title}"\n'
    )
    meeting, shown = requested(stands("sqlite", CALBELL_TEXTS_DIR=str(tmp_path)))
    assert shown["title"] == "Somebody Asks"
    assert shown["body"].startswith(f"Stan Stranger asks for Chat {meeting.uid} between")


def test_a_text_that_cannot_be_used_stops_the_start(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "en.toml"
    file.write_text('[booking_confirmed]\ntitle = "On: {titel}"\n')
    ended = new_database("sqlite").run("serve", "--port=0", CALBELL_TEXTS_DIR=str(tmp_path))
    assert ended.code == 2
    assert ended.err == (
        f"calbell: CALBELL_TEXTS_DIR: {str(file)!r}: "
        "booking_confirmed.title: there is no place {titel} here; it has none\n"
    )
