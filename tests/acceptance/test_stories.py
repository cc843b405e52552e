"""Calbell lives through the stories that people tell of Expo, as the simulator plays them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import payloads
from tests.acceptance.conftest import NewDatabase
from tests.acceptance.programs import command, until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Meeting, Stand, User, deliveries, states

Play = Callable[[str], Stand]

AT_ONCE = {"CALBELL_RETRY_BASE_SECONDS": "0.1", "CALBELL_RETRY_MAX_SECONDS": "0.1"}


@pytest.fixture
def play(tmp_path: Path, new_database: NewDatabase) -> Iterator[Play]:
    """`play(story)` is a Calbell that lives through it."""
    with ExitStack() as ends:

        def begun(story: str) -> Stand:
            expo = Expo.start(tmp_path, f"--scenario={story}")
            ends.callback(expo.program.stop)
            stand = Stand(new_database("sqlite"), expo, AT_ONCE)
            ends.callback(stand.stop)
            return stand

        yield begun


def booked(stand: Stand, host: User) -> Meeting:
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    return meeting


def shown(stand: Stand, token: str) -> int:
    """How many notifications are on the phone's screen."""
    return len(stand.expo.screen(token))


def test_504_but_delivered_is_sent_again_and_shown_once(play: Play) -> None:
    stand = play("504-but-delivered")
    host = stand.database.user()
    token = stand.phone(host)
    for number in range(1, 4):
        assert states(stand.settled(booked(stand, host).uid)) == ["delivered"]
        assert shown(stand, token) == number
    assert stand.expo.statuses()[:2] == [504, 200]
    assert len(stand.expo.sent(token)) > 3


def test_an_hour_of_503_delays_the_news_and_loses_nothing(play: Play) -> None:
    stand = play("hour-of-503")
    host = stand.database.user()
    token = stand.phone(host)
    stand.expo.advance(60)
    meetings = [booked(stand, host) for _ in range(3)]
    until(lambda: stand.expo.statuses().count(503) >= 3 or None, "three refusals")
    assert shown(stand, token) == 0
    stand.expo.advance(3600)
    for meeting in meetings:
        assert states(stand.settled(meeting.uid)) == ["delivered"]
    assert shown(stand, token) == 3


def test_late_receipts_are_waited_for(play: Play) -> None:
    stand = play("late-receipts")
    host = stand.database.user()
    stand.phone(host)
    meeting = booked(stand, host)
    until(lambda: states(stand.timeline(meeting.uid)) == ["accepted"] or None, "the ticket")
    stand.expo.advance(1800)
    assert states(stand.settled(meeting.uid)) == ["delivered"]
    assert stand.expo.statuses() == [200]


def test_broken_credentials_hold_one_platform_until_they_are_mended(play: Play) -> None:
    stand = play("credentials")
    host = stand.database.user()
    iphone, android = stand.phone(host), stand.phone(host, "ANDROID")
    stand.expo.advance(60)
    meeting = booked(stand, host)

    def refused() -> bool | None:
        found = {one["platform"]: one for one in deliveries(stand.timeline(meeting.uid))}
        codes = [attempt["code"] for attempt in found["ANDROID"]["attempts"]]
        return (found["IOS"]["state"], "InvalidCredentials" in codes) == ("delivered", True) or None

    until(refused, "Android to be refused, and not iOS")
    assert [shown(stand, token) for token in (iphone, android)] == [1, 0]
    stand.expo.advance(600)
    assert states(stand.settled(meeting.uid)) == ["delivered", "delivered"]
    assert [shown(stand, token) for token in (iphone, android)] == [1, 1]


def test_tokens_that_were_said_to_be_dead_live_again_when_they_register(play: Play) -> None:
    stand = play("dead-tokens")
    host = stand.database.user()
    tokens = [stand.phone(host) for _ in range(5)]
    first = stand.settled(booked(stand, host).uid)
    assert states(first) == ["delivered", *["unregistered"] * 4]
    stand.expo.advance(300)
    for token in tokens:
        stand.register(host, token)
    assert states(stand.settled(booked(stand, host).uid)) == ["delivered"] * 5


def test_429_at_a_full_hour_is_sent_again_without_doubt(play: Play) -> None:
    stand = play("full-hours")
    host = stand.database.user()
    token = stand.phone(host)
    now = datetime.fromisoformat(stand.expo.control("GET", "")["now"]).astimezone(UTC)
    stand.expo.advance(3600 - now.timestamp() % 3600)
    meeting = booked(stand, host)
    until(lambda: 429 in stand.expo.statuses() or None, "a refusal")
    stand.expo.advance(10)
    (one,) = deliveries(stand.settled(meeting.uid))
    assert (one["state"], one["possibly_sent"]) == ("delivered", False)
    assert shown(stand, token) == 1


def test_a_wrong_scenario_stops_the_start_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('about = "mine"\n\n[[fault]]\nfault = "F05"\ntimes = "all"')
    ended = command(["expo-simulator", "--scenario=own.toml"], tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == 'calbell: own.toml, line 5: "times" must be a number.\n'
    ended = command(["expo-simulator", "--scenario=nowhere.toml"], tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "scenarios that come with the simulator: 504-but-delivered, " in ended.err


def test_the_help_names_every_story(tmp_path: Path) -> None:
    from calbell.simulator.scenario import told_stories

    said = " ".join(command(["expo-simulator", "--help"], tmp_path).out.split())
    for story in told_stories():
        assert story in said


def test_a_bare_simulator_answers_and_keeps_no_log(tmp_path: Path) -> None:
    expo = Expo.start(tmp_path, "--bare")
    body = b'[{"to":["ExponentPushToken[ok]"' + b',"ExponentPushToken[ok]"' * 99 + b"]}]"
    for _ in range(7):
        answer = expo.raw("POST", "/--/api/v2/push/send", body).json()
        assert len(answer["data"]) == 100
    ids = [ticket["id"] for ticket in answer["data"]]
    expo.advance(1)
    receipts = expo.raw("POST", "/--/api/v2/push/getReceipts", f'{{"ids":["{ids[0]}"]}}'.encode())
    assert receipts.json()["data"] == {ids[0]: {"status": "ok"}}
    assert expo.statuses() == []
    expo.program.stop()
