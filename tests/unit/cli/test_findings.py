"""What the doctor makes of what it finds: what is wrong is said, with what to do."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from calbell.calcom.http import Answer, Answered, NoAnswer
from calbell.cli import findings
from calbell.cli.findings import Finding, State
from calbell.config import Admit, AuthMethod, Secret, Settings
from calbell.domain.holds import Held
from calbell.domain.subscription import Platform
from calbell.store.events import NotedRefusal
from calbell.store.sources import Source
from calbell.store.sweeps import Sweep
from calbell.store.upkeep import Depth

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def said(status: int, value: object) -> Answered:
    return Answered(status, {}, json.dumps(value).encode())


def bad(found: Iterable[Finding]) -> list[tuple[str, State]]:
    """Whatever is not fine; and it always says what to do."""
    listed = list(found)
    assert all(bool(one.remedy) == (one.state is not State.OK) for one in listed)
    return [(one.check, one.state) for one in listed if one.state is not State.OK]


def test_settings_that_leave_doors_open_are_said() -> None:
    assert bad(findings.of_settings(Settings())) == []
    hosted = Settings(auth=(AuthMethod.CALCOM,))
    assert bad(findings.of_settings(hosted)) == [("admission", State.WARNING)]
    for closed in (
        Settings(auth=(AuthMethod.CALCOM,), admit=Admit.KNOWN),
        Settings(auth=(AuthMethod.CALCOM,), calcom_api_url="https://cal.example.com/v2"),
    ):
        assert bad(findings.of_settings(closed)) == []
    assert bad(findings.of_settings(Settings(metrics_open=True))) == [("metrics", State.WARNING)]
    bare = Settings(admin_token=Secret("x" * 16), public_url="http://push.example.com")
    assert bad(findings.of_settings(bare)) == [("console", State.WARNING)]


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (said(200, {"status": "ok"}), State.OK, "is ready"),
        (said(503, {"status": "unavailable", "reason": "it is full"}), State.WRONG, "it is full"),
        (said(200, {"hello": 1}), State.WRONG, "something else answers"),
        (Answered(404, {}, b"<html>"), State.WRONG, "something else answers"),
        (NoAnswer("timeout"), State.WRONG, "timeout"),
    ],
)
def test_a_public_url_that_does_not_lead_here_is_said(
    answer: Answer, state: State, words: str
) -> None:
    found = findings.of_public_url(Settings(public_url="https://push.example.com"), answer)
    assert found.state is state
    assert words in found.said


@pytest.mark.parametrize(
    ("answer", "has_key", "state"),
    [
        (said(200, {"data": {"id": 1}}), True, State.OK),
        (said(401, {"error": {"message": "no"}}), False, State.OK),
        (said(401, {"error": {"message": "no"}}), True, State.WRONG),
        (said(404, {"error": {"message": "no"}}), True, State.WRONG),
        (Answered(200, {}, b"<html>"), False, State.WRONG),
        (Answered(401, {}, b"nginx"), False, State.WRONG),
        (Answered(502, {}, b""), True, State.WARNING),
        (NoAnswer("no connection"), True, State.WRONG),
    ],
)
def test_a_wrong_address_or_key_of_cal_com_is_said(
    answer: Answer, has_key: bool, state: State
) -> None:
    found = findings.of_calcom("https://api.cal.com/v2", answer, has_key=has_key)
    assert found.state is state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, State.OK),
        (401, State.WRONG),
        (404, State.WRONG),
        (429, State.WARNING),
        (503, State.WARNING),
        (None, State.WRONG),
    ],
)
def test_what_expo_answers_is_judged(status: int | None, state: State) -> None:
    for has_token in (True, False):
        found = findings.of_expo("https://exp.host", status, has_token=has_token)
        assert found.state is state


def test_a_clock_that_is_off_is_said_to_the_second() -> None:
    for seconds, state in (
        (0.9, State.OK),
        (-4, State.OK),
        (10, State.WARNING),
        (-90, State.WRONG),
    ):
        found = findings.of_clock("Expo", timedelta(seconds=seconds))
        assert found is not None
        assert found.state is state
    assert findings.of_clock("Expo", None) is None


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Wed, 25 Nov 2026 12:00:00 GMT", timedelta()),
        ("Wed, 25 Nov 2026 11:59:59 GMT", timedelta()),
        ("Wed, 25 Nov 2026 11:58:00 GMT", timedelta(seconds=119)),
        ("Wed, 25 Nov 2026 12:01:00 GMT", timedelta(seconds=-60)),
        ("soon", None),
    ],
)
def test_a_date_has_whole_seconds(date: str, ahead: timedelta | None) -> None:
    assert findings.ahead_of({"date": date}, NOW) == ahead
    assert findings.ahead_of({}, NOW) is None


def test_a_slow_database_and_one_that_promises_less_are_said() -> None:
    ms = timedelta(milliseconds=1)
    assert bad(findings.of_database("SQLite", ms, ())) == []
    assert bad(findings.of_database("SQLite", 60 * ms, ())) == [("database", State.WARNING)]
    slow = findings.of_database("PostgreSQL", 900 * ms, (("fsync", "set it"),))
    assert bad(slow) == [("database", State.WRONG), ("durability", State.WRONG)]


def test_deliveries_that_nobody_makes_are_said() -> None:
    assert bad([findings.of_queue(Depth(3, NOW - timedelta(minutes=1)), NOW)]) == []
    assert bad([findings.of_queue(Depth(0, None), NOW)]) == []
    assert bad([findings.of_queue(Depth(3, NOW - HOUR), NOW)]) == [("delivery", State.WRONG)]


def test_what_is_held_is_said_with_what_to_mend() -> None:
    assert bad(findings.of_holds(())) == []
    phones = Held(False, "@a/b", Platform.ANDROID, "InvalidCredentials", NOW)
    every = Held(True, None, None, "UNAUTHORIZED", NOW)
    told = list(findings.of_holds((phones, every)))
    assert [one.state for one in told] == [State.WRONG, State.WRONG]
    assert "credentials at Expo" in told[0].remedy
    assert "CALBELL_EXPO_ACCESS_TOKEN" in told[1].remedy


def test_refusals_of_the_last_day_say_what_differs() -> None:
    old = NotedRefusal(NOW - timedelta(days=2), "bad_signature", 1)
    assert bad(findings.of_refusals((old,), NOW)) == []
    fresh = [NotedRefusal(NOW - HOUR, reason, 1) for reason in ("no_signature", "bad_signature")]
    told = list(findings.of_refusals([old, *fresh, fresh[1]], NOW))
    assert [one.said for one in told] == [
        "2 refused since yesterday: bad_signature",
        "1 refused since yesterday: no_signature",
    ]
    assert all("calbell connect" in one.remedy for one in told)


def source(scope: str, heard: datetime | None = NOW) -> Source:
    return Source(
        id=1,
        path="p",
        secret="s",
        old_secret=None,
        old_until=None,
        scope=scope,
        user_id=None,
        remote_id=None,
        last_event_at=heard,
    )


def test_webhooks_that_are_missing_silent_or_not_enough_are_said() -> None:
    by_hand = Settings(webhook_secrets=(Secret("x"),))

    def told(
        *known: Source, settings: Settings | None = None, last: datetime | None = NOW
    ) -> list[tuple[str, State]]:
        return bad(findings.of_sources(settings or Settings(), known, last, NOW))

    assert told() == [("webhooks", State.WRONG)]
    assert told(settings=by_hand) == []
    assert told(settings=by_hand, last=None) == [("webhooks", State.WARNING)]
    assert told(settings=by_hand, last=NOW - timedelta(days=8)) == [("webhooks", State.WARNING)]
    assert told(source("organization:1")) == []
    assert told(source("organization:1", None)) == [("webhooks", State.WARNING)]
    assert told(source("user")) == [("webhooks", State.WARNING)]
    assert told(source("user"), source("organization:1")) == []
    assert told(source("user"), settings=by_hand) == []


def test_a_comparison_that_fails_or_repairs_much_is_said() -> None:
    settings = Settings(calcom_api_key=Secret("k"))

    def told(repaired: int = 0, **more: object) -> list[tuple[str, State]]:
        known: dict[str, object] = {"finished_at": NOW, "failure": None, "failed_at": None}
        sweep = Sweep(watermark=None, due_at=NOW, sees="all", **{**known, **more})  # type: ignore[arg-type]
        return bad(findings.of_sweep(settings, sweep, repaired, NOW))

    assert told() == []
    assert told(3) == [("lost webhooks", State.WARNING)]
    assert told(finished_at=None) == [("reconciling", State.WARNING)]
    assert told(finished_at=NOW - 3 * HOUR) == [("reconciling", State.WARNING)]
    assert told(failure="timeout", failed_at=NOW) == [("reconciling", State.WRONG)]
    off = Sweep(
        watermark=None, due_at=NOW, finished_at=None, sees=None, failure=None, failed_at=None
    )
    assert bad(findings.of_sweep(Settings(), off, 0, NOW)) == []
