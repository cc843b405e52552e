"""A start after a night off: what is stale is not sent, what is still news is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from calbell.store.connection import Connection
from calbell.store.statements import Statement
from calbell.store.times import span_ms
from tests import payloads
from tests.acceptance.programs import until
from tests.acceptance.stand import Json, Meeting, Stand, notifications, with_unit
from tests.crash.conftest import SlowExpo

NIGHT = timedelta(hours=9)
TIMES = {
    "events": ("sent_at", "received_at"),
    "notifications": ("due_at", "expires_at", "created_at", "settled_at"),
    "deliveries": ("due_at", "expires_at", "lease_until", "created_at", "settled_at"),
    "attempts": ("at", "receipt_due_at", "receipt_at"),
    "projects": ("free_at", "backoff_until"),
}
NOBODY = "http://127.0.0.1:9"


def pass_time(connection: Connection, span: timedelta) -> None:
    """Everything that the database knows of happened, or is due, so much earlier: so much time has
    passed since."""
    for table, columns in TIMES.items():
        shifts = ", ".join(f"{column} = {column} - {span_ms(span)}" for column in columns)
        sql = f"update {table} set {shifts}"
        connection.count(Statement("shift", "", (), (), (), sql, sql, returns_rows=False))


def outcome(story: Json, kind: str) -> list[tuple[str, str | None]]:
    """The state and reason of the news of this kind, and of each of its deliveries."""
    (told,) = [one for one in notifications(story) if one["kind"] == kind]
    both = [told, *told["deliveries"]]
    return [(one["state"], one["reason"]) for one in both]


def test_after_a_night_off_each_is_judged_anew(
    new_stand: Callable[..., Stand], slow_expo: SlowExpo
) -> None:
    # Nobody is at Expo's address: everything stays queued, and was certainly not sent.
    stand = new_stand(
        CALBELL_DEFAULT_REMINDER_MINUTES="60",
        CALBELL_EXPO_BASE_URL=NOBODY,
    )
    host = stand.database.user()
    token = stand.phone(host)
    now = datetime.now(UTC).replace(microsecond=0)
    meetings = {"over": 2.0, "soon": NIGHT / timedelta(hours=1) + 0.5, "far": 48.0}
    uids = dict[str, str]()
    for name, hours in meetings.items():
        meeting = Meeting(host)
        meeting.start = now + timedelta(hours=hours)
        stand.tell(meeting.webhook(payloads.created))
        uids[name] = meeting.uid
    until(lambda: "queued" in stand.deliveries_by_state() or None, "deliveries that wait")
    stand.stop()
    assert stand.deliveries_by_state() == {"queued": 3}

    with_unit(stand.database.url, pass_time, NIGHT)
    stand.variables["CALBELL_EXPO_BASE_URL"] = slow_expo.url
    stand.start()
    judged = {"delivered": 3, "expired": 1}
    until(lambda: stand.deliveries_by_state() == judged or None, "all that was due to be judged")
    until(lambda: stand.notifications_by_state()["waiting"] == 1 or None, "one to wait")
    stories = {name: stand.timeline(uid) for name, uid in uids.items()}
    news, reminder = "BOOKING_CONFIRMED", "BOOKING_REMINDER"
    released, (state, reason) = outcome(stories["over"], news)
    assert (released, state) == (("released", None), "expired")
    assert reason in ("went_stale", "NOT_TRANSMITTED"), "how far it had come before"
    assert outcome(stories["over"], reminder) == [("expired", None)]
    for name in ("soon", "far"):
        assert outcome(stories[name], news) == [("released", None), ("delivered", None)]
    assert outcome(stories["soon"], reminder) == [("released", None), ("delivered", None)]
    assert outcome(stories["far"], reminder) == [("waiting", None)]
    shown = [one["data"] for one in slow_expo.screen(token)]
    rung = [(data["bookingUid"], data["notificationEvent"]) for data in shown]
    expected = [(uids["soon"], news), (uids["far"], news), (uids["soon"], reminder)]
    assert sorted(rung) == sorted(expected)
    said = stand.database.run("status").out
    assert "3 delivered, 1 expired" in said
    assert "1 expired, 4 released, 1 waiting" in said
