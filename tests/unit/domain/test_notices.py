"""Notices: of what there are any, that they keep their ids, and how they are signed."""

import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from calbell.domain.delivery import DeliveryState, Withdrawal
from calbell.domain.holds import Held
from calbell.domain.notices import (
    Fate,
    HeldProject,
    Notice,
    Reason,
    Unreachable,
    Way,
    device_gone,
    headers_of,
    turned,
    unreachable,
)
from calbell.domain.notification import NotificationState, Suppression
from calbell.domain.push_events import PushEvent
from calbell.domain.subscription import Platform

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
GONE = Way(DeliveryState.UNREGISTERED, "DeviceNotRegistered")
FAILED = Way(DeliveryState.FAILED, "MessageTooBig")
EXPIRED = Way(DeliveryState.EXPIRED, "went_stale")
LOGGED_OUT = Way(DeliveryState.WITHDRAWN, Withdrawal.DEVICE_REMOVED)


def fate(*ways: Way, reason: str | None = None, is_superseded: bool = False) -> Fate:
    return Fate(
        notification_id=5,
        made_at=NOW,
        user_id=7,
        event=PushEvent.BOOKING_CONFIRMED,
        booking_uid="b1",
        event_id="evt_1",
        state=NotificationState.RELEASED if ways else NotificationState.SUPPRESSED,
        reason=reason,
        is_superseded=is_superseded,
        ways=ways,
    )


def reasons(notice: Notice | None) -> tuple[Reason, ...]:
    assert notice is not None
    assert isinstance(notice.data, Unreachable)
    return notice.data.reasons


def test_news_for_which_there_is_no_phone_is_told_of() -> None:
    assert reasons(unreachable(fate(reason=Suppression.NO_DEVICE), NOW)) == (
        Reason("suppressed", "no_device"),
    )


def test_news_that_came_through_nowhere_is_told_of_with_each_reason_once() -> None:
    told = unreachable(fate(GONE, EXPIRED, GONE, FAILED, LOGGED_OUT), NOW)
    assert [one.state for one in reasons(told)] == [
        "expired",
        "failed",
        "unregistered",
        "withdrawn",
    ]


def test_news_that_nobody_got_round_to_say_in_time_is_told_of() -> None:
    late = structs.replace(fate(), state=NotificationState.EXPIRED)
    assert reasons(unreachable(late, NOW)) == (Reason("expired", "went_stale"),)


@pytest.mark.parametrize(
    "other",
    [
        Way(state, None)
        for state in (
            DeliveryState.QUEUED,
            DeliveryState.SENDING,
            DeliveryState.ACCEPTED,
            DeliveryState.DELIVERED,
            DeliveryState.UNKNOWN,
        )
    ]
    + [
        Way(DeliveryState.WITHDRAWN, Withdrawal.SUPERSEDED),
        Way(DeliveryState.WITHDRAWN, Withdrawal.SWITCHED_OFF),
        Way(DeliveryState.UNREGISTERED, "DeviceNotRegistered", may_have_rung=True),
    ],
    ids=lambda way: f"{way.state}-{way.reason}",
)
def test_as_long_as_one_phone_may_ring_or_may_have_rung_nothing_is_told(other: Way) -> None:
    assert unreachable(fate(GONE, other), NOW) is None


@pytest.mark.parametrize("reason", [one for one in Suppression if one is not Suppression.NO_DEVICE])
def test_what_was_not_to_be_said_is_not_missed(reason: Suppression) -> None:
    assert unreachable(fate(reason=reason), NOW) is None


def test_what_a_later_change_made_pointless_is_not_missed() -> None:
    assert unreachable(fate(GONE, is_superseded=True), NOW) is None


def gone(at: datetime = NOW) -> Notice:
    token = "ExponentPushToken[abcdefgh]"
    return device_gone(3, 7, Platform.IOS, "phone", token, "DeviceNotRegistered", at)


def test_a_notice_keeps_its_id_and_another_one_has_another() -> None:
    assert gone().id == gone().id
    assert gone().body == gone().body
    assert gone().id != gone(NOW + timedelta(milliseconds=1)).id


def test_a_gone_phone_is_named_without_its_token() -> None:
    assert json.loads(gone().body) == {
        "id": gone().id,
        "kind": "device.gone",
        "createdAt": "2026-11-25T12:00:00.000Z",
        "data": {
            "userId": 7,
            "platform": "IOS",
            "deviceId": "phone",
            "token": "ExponentPushToken[abc…]",
            "code": "DeviceNotRegistered",
        },
    }


def broken(
    project: str | None = "@a/app", code: str = "InvalidCredentials", since: datetime = NOW
) -> Held:
    return Held(project is None, project, Platform.IOS, code, since)


def held(notice: Notice) -> HeldProject:
    assert isinstance(notice.data, HeldProject)
    return notice.data


def test_a_project_is_told_of_when_it_is_held_and_again_when_that_is_over() -> None:
    (begin,) = turned([], [broken()], NOW)
    (end,) = turned([broken()], [], NOW)
    assert (held(begin).state, held(end).state) == ("held", "lifted")
    assert held(begin).project == "@a/app"
    assert "push credentials" in held(begin).remedy
    assert begin.about != end.about


def test_the_access_token_has_a_remedy_of_its_own() -> None:
    (begin,) = turned([], [broken(None, "UNAUTHORIZED")], NOW)
    assert held(begin).remedy == "mend CALBELL_EXPO_ACCESS_TOKEN"
    assert held(begin).everything


def test_what_is_shown_in_two_ways_begins_with_the_first_and_ends_with_the_last() -> None:
    first, second = broken(), broken(since=NOW + timedelta(hours=1))
    assert list(turned([first], [first, second], NOW)) == []
    assert list(turned([first, second], [second], NOW)) == []
    assert len(list(turned([second], [], NOW))) == 1


def test_a_request_is_signed_over_its_time_and_its_body() -> None:
    headers = headers_of("ntc_1", b'{"a":1}', "secret", NOW)
    signed = f"{int(NOW.timestamp())}.".encode() + b'{"a":1}'
    right = hmac.digest(b"secret", signed, "sha256").hex()
    assert headers["calbell-signature"] == f"v1={right}"
    assert headers["calbell-timestamp"] == str(int(NOW.timestamp()))
    assert headers["calbell-notice"] == "ntc_1"
