"""What a phone shows."""

from collections.abc import Callable
from typing import Any

import pytest

from calbell.simulator.phones import Platform
from calbell.simulator.service import PushService

Send = Callable[[object], tuple[int, Any]]
Titles = Callable[[str], list[object]]

IOS, ANDROID = Platform.IOS, Platform.ANDROID


@pytest.fixture
def titles(service: PushService) -> Titles:
    """The titles that the phone shows, oldest first."""
    return lambda token: [shown.message.title for shown in service.displayed(token)]


def test_a_notification_is_shown_as_it_was_sent_at_its_time(
    service: PushService, send: Send
) -> None:
    token = service.add_device().token
    service.advance(60)
    _, body = send({"to": token, "title": "Booked", "data": {"eventId": "e1"}})
    (shown,) = service.displayed(token)
    assert (shown.ticket_id, shown.shown_at) == (body["data"]["id"], service.now)
    assert (shown.message.title, shown.message.data) == ("Booked", {"eventId": "e1"})
    assert not shown.blank


@pytest.mark.parametrize(
    ("life", "shows"),
    [
        ({"ttl": 60}, False),
        ({"ttl": 61}, True),
        ({"expiration": 1_786_000_060}, False),
        ({"expiration": 1_786_000_061}, True),
        ({"ttl": 61, "expiration": 1}, True),
        ({"ttl": 60, "expiration": 2_000_000_000}, False),
        ({}, True),
    ],
    ids=str,
)
def test_s48_an_offline_phone_shows_later_what_still_lives(
    service: PushService, send: Send, titles: Titles, life: dict[str, float], shows: bool
) -> None:
    token = service.add_device().token
    service.change_device(token, offline=True)
    send({"to": token, "title": "Booked"} | life)
    service.advance(60)
    assert titles(token) == []
    service.change_device(token, offline=False)
    assert titles(token) == (["Booked"] if shows else [])


def test_s48_the_providers_keep_a_message_for_four_weeks(
    service: PushService, send: Send, titles: Titles
) -> None:
    token = service.add_device().token
    service.change_device(token, offline=True)
    send({"to": token, "title": "Old"})
    service.advance(28 * 24 * 3600)
    service.change_device(token, offline=False)
    assert titles(token) == []


def test_s48_the_receipt_of_what_was_never_displayed_is_ok(
    service: PushService, send: Send, get_receipts: Send
) -> None:
    token = service.add_device().token
    service.change_device(token, offline=True)
    ticket = send({"to": token, "title": "Booked", "ttl": 1})[1]["data"]["id"]
    service.advance(2)
    service.change_device(token, offline=False)
    assert service.displayed(token) == ()
    assert get_receipts([ticket])[1]["data"] == {ticket: {"status": "ok"}}


@pytest.mark.parametrize(
    ("platform", "offline", "key", "shown"),
    [
        (IOS, False, "collapseId", ["between", "second"]),
        (IOS, True, "collapseId", ["between", "second"]),
        (IOS, False, "tag", ["first", "between", "second"]),
        (ANDROID, False, "collapseId", ["first", "between", "second"]),
        (ANDROID, True, "collapseId", ["between", "second"]),
        (ANDROID, False, "tag", ["between", "second"]),
        (ANDROID, True, "tag", ["between", "second"]),
    ],
)
def test_s49_a_later_push_replaces_an_earlier_one_with_its_key(
    service: PushService,
    send: Send,
    titles: Titles,
    platform: Platform,
    offline: bool,
    key: str,
    shown: list[str],
) -> None:
    token = service.add_device(platform).token
    service.change_device(token, offline=offline)
    send({"to": token, "title": "first", key: "k"})
    send({"to": token, "title": "between", key: "other"})
    send({"to": token, "title": "second", key: "k"})
    service.change_device(token, offline=False)
    assert titles(token) == shown


def test_s50_android_does_not_display_what_is_for_a_channel_it_lacks(
    service: PushService, send: Send, get_receipts: Send, titles: Titles
) -> None:
    token = service.add_device(ANDROID, channels=["default", "urgent"]).token
    ids = [
        send({"to": token, "title": channel, "channelId": channel})[1]["data"]["id"]
        for channel in ("default", "urgent", "misspelt")
    ]
    service.advance(2)
    assert titles(token) == ["default", "urgent"]
    assert {each["status"] for each in get_receipts(ids)[1]["data"].values()} == {"ok"}
    service.change_device(token, channels=["misspelt"])
    send({"to": token, "title": "again", "channelId": "misspelt"})
    assert titles(token) == ["default", "urgent", "again"]


def test_s50_channels_do_not_matter_on_ios(
    service: PushService, send: Send, titles: Titles
) -> None:
    token = service.add_device(IOS).token
    send({"to": token, "title": "Booked", "channelId": "misspelt"})
    assert titles(token) == ["Booked"]


def test_s50_data_alone_with_a_channel_is_a_blank_row_on_android(
    service: PushService, send: Send
) -> None:
    token = service.add_device(ANDROID).token
    send({"to": token, "data": {"eventId": "e1"}, "channelId": "default"})
    assert [shown.blank for shown in service.displayed(token)] == [True]


@pytest.mark.parametrize(
    ("content", "blank"),
    [
        ({"title": "a"}, False),
        ({"subtitle": "a"}, False),
        ({"body": "a"}, False),
        ({"icon": "bell"}, True),
        ({"title": ""}, True),
    ],
    ids=str,
)
def test_a_row_without_words_is_blank(
    service: PushService, send: Send, content: dict[str, str], blank: bool
) -> None:
    token = service.add_device(ANDROID).token
    send({"to": token} | content)
    assert [shown.blank for shown in service.displayed(token)] == [blank]


@pytest.mark.parametrize("platform", Platform)
def test_data_alone_is_silent(service: PushService, send: Send, platform: Platform) -> None:
    token = service.add_device(platform).token
    send({"to": token, "data": {"eventId": "e1"}, "contentAvailable": True})
    assert service.displayed(token) == ()


def test_an_app_that_is_removed_loses_what_waited_for_it(service: PushService, send: Send) -> None:
    token = service.add_device().token
    service.change_device(token, offline=True)
    send({"to": token, "title": "Booked"})
    service.advance(2)
    service.change_device(token, registered=False)
    service.change_device(token, registered=True, offline=False)
    assert service.displayed(token) == ()
