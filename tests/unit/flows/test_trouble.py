"""What is wrong is said in words, with what to do about it."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from calbell.domain.holds import Held
from calbell.domain.subscription import Platform
from calbell.flows.trouble import troubles
from calbell.store.notices import Callback
from calbell.store.overview import Queue, Refused, Seen
from calbell.store.sweeps import Sweep
from calbell.store.tallies import Tallied
from calbell.store.upkeep import Depth, Storage

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
NO_NOTICE = Callback(waiting=0, in_vain=0, oldest_at=None, given_up=0, failure=None, failed_at=None)
WELL = Seen(
    depth=Depth(3, NOW - timedelta(seconds=1)),
    sending=0,
    receipts_due=Depth(0, None),
    to_expo=(),
    to_receipt=(),
    last_attempt_at=NOW,
    queues=(),
    held=(),
    refused=(),
    unreadable=0,
    last_event_at=NOW,
    last_failures=(),
    users=1,
    phones=1,
    phones_gone=0,
    has_sources=False,
    sweep=Sweep(
        watermark=NOW,
        due_at=NOW,
        finished_at=NOW,
        sees="every booking",
        failure=None,
        failed_at=None,
    ),
    callback=NO_NOTICE,
    storage=Storage(1, None),
    tallied=Tallied({}, NOW),
)


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert troubles(WELL, NOW, hears_all=True) == []


QUEUE = Queue(
    project="@acme/app",
    due=5,
    oldest_due_at=NOW,
    free_at=NOW,
    paused_until=NOW + timedelta(minutes=2),
    sent=0,
)


@pytest.mark.parametrize(
    ("changes", "words", "remedy", "is_urgent"),
    [
        (
            {"depth": Depth(1, NOW - timedelta(minutes=9))},
            "1 delivery is waiting, the oldest for 9 min 0 s",
            "calbell worker",
            True,
        ),
        (
            {"held": (Held(False, "@acme/app", Platform.IOS, "InvalidCredentials", NOW),)},
            "iOS pushes of project @acme/app are held since 2026-11-25 12:00:00 UTC",
            "eas credentials",
            True,
        ),
        (
            {"held": (Held(True, None, None, "UNAUTHORIZED", NOW),)},
            "nothing is sent since 2026-11-25 12:00:00 UTC: Expo does not accept the access token",
            "CALBELL_EXPO_ACCESS_TOKEN",
            True,
        ),
        (
            {"held": (Held(False, "@acme/app", None, "UNAUTHORIZED", NOW),)},
            "nothing is sent to project @acme/app since 2026-11-25 12:00:00 UTC: Expo does not",
            "CALBELL_EXPO_ACCESS_TOKEN",
            True,
        ),
        (
            {"sweep": structs.replace(WELL.sweep, failure="status 401", failed_at=NOW)},
            "cannot be compared with Cal.com's: status 401",
            "lost webhook",
            False,
        ),
        (
            {
                "callback": Callback(
                    waiting=3,
                    in_vain=2,
                    oldest_at=NOW - timedelta(hours=2),
                    given_up=0,
                    failure="timeout",
                    failed_at=NOW,
                )
            },
            "has not taken a notice for 2 h 0 min: timeout",
            "calbell doctor",
            False,
        ),
        ({"queues": (QUEUE,)}, "project @acme/app is paused for 2 min 0 s", "by itself", True),
        (
            {"receipts_due": Depth(9, NOW - timedelta(hours=1))},
            "receipts are 1 h 0 min late",
            "whether Expo can be reached",
            False,
        ),
        ({"unreadable": 2}, "2 events could not be understood", "replay", False),
        (
            {"refused": (Refused("bad_signature", 3, NOW),)},
            "3 webhooks were refused within a day, the last 0 s ago: no secret here",
            "the same secret",
            False,
        ),
        ({"last_event_at": None}, "no event has ever come in", "make a booking", False),
        (
            {"last_event_at": NOW - timedelta(days=4)},
            "no event has come in for 4 d 0 h",
            "still active",
            False,
        ),
        ({"users": 0}, "there is no user", "calbell users add", False),
        (
            {"tallied": Tallied({"deliveries": {(NOW, "failed"): 30, (NOW, "x"): 70}}, NOW)},
            "30 of the 100 deliveries of this day went to nobody",
            "last failures",
            False,
        ),
    ],
)
def test_each_trouble_has_words_and_a_remedy(
    changes: dict[str, object], words: str, remedy: str, is_urgent: bool
) -> None:
    (found,) = troubles(structs.replace(WELL, **changes), NOW, hears_all=True)
    assert words in found.words
    assert remedy in found.remedy
    assert found.is_urgent is is_urgent


def test_a_service_that_nobody_can_tell_anything_is_in_trouble() -> None:
    (found,) = troubles(WELL, NOW, hears_all=False)
    assert "no webhook can come in" in found.words
    assert not troubles(structs.replace(WELL, has_sources=True), NOW, hears_all=False)


def test_what_is_urgent_comes_first() -> None:
    seen = structs.replace(WELL, unreadable=1, depth=Depth(1, NOW - timedelta(hours=1)))
    assert [one.is_urgent for one in troubles(seen, NOW, hears_all=True)] == [True, False]
