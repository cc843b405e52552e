"""From a booking's webhook to what a phone shows, through the real programs."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests import payloads
from tests.acceptance.conftest import EngineName, Stands
from tests.acceptance.programs import until
from tests.acceptance.stand import (
    APP_PUSH,
    Json,
    Meeting,
    Stand,
    User,
    deliveries,
    notifications,
    states,
)


def about(stand: Stand, token: str, uid: str) -> list[Json]:
    """What the phone shows of a booking, oldest first."""
    return [shown for shown in stand.expo.screen(token) if shown["data"]["bookingUid"] == uid]


def events_shown(stand: Stand, token: str, uid: str) -> list[str]:
    return [shown["data"]["notificationEvent"] for shown in about(stand, token, uid)]


def test_a_user_made_by_commands_hears_of_a_booking(own_stand: Callable[..., Stand]) -> None:
    stand = own_stand()
    database = stand.database
    email, name = "Wilma@Example.com", "Wilma Wholeway"
    database.private |= {email, email.lower(), name}
    made = database.run(
        "users", "add", "--id=5", f"--email={email}", "--email=w2@example.com",
        f"--name={name}", "--time-zone=Europe/Berlin", "--time-format=24",
    )  # fmt: skip
    assert (made.code, made.out, made.err) == (0, "user 5 is kept\n", "")
    key = database.run("keys", "create", "--user=5", "--name=phone").out.removesuffix("\n")
    assert key.startswith("cal_")
    assert len(key) == len("cal_") + 32
    database.private.add(key.removeprefix("cal_"))
    user = User(5, email.lower(), name, key)
    iphone, android = stand.phone(user), stand.phone(user, "ANDROID")

    meeting = Meeting(user)
    meeting.start = meeting.start.replace(hour=21, minute=15, second=0)
    taken = stand.tell(meeting.webhook(payloads.created))
    assert (taken["duplicate"], taken["recipients"]) == (False, 1)
    story = stand.settled(meeting.uid)
    assert story["status"] == "accepted"
    (event,) = story["events"]
    assert (event["event_id"], event["trigger"]) == (taken["eventId"], "BOOKING_CREATED")
    (told,) = event["notifications"]
    assert (told["user_id"], told["role"], told["kind"], told["state"]) == (
        5,
        "organizer",
        "BOOKING_CONFIRMED",
        "released",
    )
    assert sorted(one["platform"] for one in told["deliveries"]) == ["ANDROID", "IOS"]
    for one in told["deliveries"]:
        assert (one["state"], one["possibly_sent"]) == ("delivered", False)
        (attempt,) = one["attempts"]
        assert attempt["ticket_id"]
        assert (attempt["outcome"], attempt["receipt_code"]) == ("accepted", "ok")
    assert iphone not in json.dumps(story)

    (on_iphone,), (on_android,) = (about(stand, token, meeting.uid) for token in (iphone, android))
    for shown in (on_iphone, on_android):
        assert shown["title"] == "Booking Confirmed"
        assert f"Chat about {meeting.uid}" in shown["body"]
        assert "22:15" in shown["body"]
        assert (shown["sound"], shown["priority"]) == ("default", "high")
        assert shown["data"] == {
            "url": f"calcom://(tabs)/(bookings)/booking-detail?uid={meeting.uid}",
            "bookingUid": meeting.uid,
            "notificationEvent": "BOOKING_CONFIRMED",
            "eventId": taken["eventId"],
        }
        assert 0 < shown["expiration"] - datetime.now(UTC).timestamp() <= 24 * 3600
    assert on_android["channelId"] == "default"
    assert "channelId" not in on_iphone
    assert len({on_iphone["collapseId"], on_android["tag"]}) == 2


def test_organizer_hosts_and_guests_are_told_each_once(stand: Stand) -> None:
    host, cohost, guest, stranger = (stand.database.user() for _ in range(4))
    phones = {user.id: stand.phone(user) for user in (host, cohost, guest, stranger)}
    meeting = Meeting(host, guest)
    meeting.guests.append(payloads.attendee(host.email.upper(), host.name))
    members = payloads.team(payloads.member(cohost.email, cohost.name))
    assert stand.tell(meeting.webhook(payloads.created, team=members))["recipients"] == 3
    story = stand.settled(meeting.uid)
    told = {one["user_id"]: one["role"] for one in notifications(story)}
    assert told == {host.id: "organizer", cohost.id: "host", guest.id: "attendee"}
    shown = {id_: len(about(stand, token, meeting.uid)) for id_, token in phones.items()}
    assert shown == {host.id: 1, cohost.id: 1, guest.id: 1, stranger.id: 0}


def test_whoever_cancels_is_not_told_that_he_did(stand: Stand) -> None:
    host, guest = stand.database.user(), stand.database.user()
    phones = [stand.phone(user) for user in (host, guest)]
    meeting = Meeting(host, guest)
    stand.tell(meeting.webhook(payloads.created))
    stand.settled(meeting.uid)
    stand.tell(meeting.webhook(payloads.cancelled, cancelledBy=host.email))
    assert stand.settled(meeting.uid)["status"] == "cancelled"
    assert [events_shown(stand, token, meeting.uid) for token in phones] == [
        ["BOOKING_CONFIRMED"],
        ["BOOKING_CONFIRMED", "BOOKING_CANCELLED"],
    ]


def test_a_request_can_be_confirmed_from_the_hosts_phone_only(stand: Stand) -> None:
    host, guest = stand.database.user(), stand.database.user()
    phones = [stand.phone(user) for user in (host, guest)]
    meeting = Meeting(host, guest)
    stand.tell(meeting.webhook(payloads.requested))
    stand.settled(meeting.uid)
    (on_hosts,), (on_guests,) = (about(stand, token, meeting.uid) for token in phones)
    assert on_hosts["categoryId"] == "calcom_booking_request_actions"
    assert "categoryId" not in on_guests
    stand.tell(meeting.webhook(payloads.rejected))
    stand.settled(meeting.uid)
    assert events_shown(stand, phones[0], meeting.uid) == ["BOOKING_REQUESTED", "BOOKING_REJECTED"]


def test_events_out_of_order_tell_what_is_true(stand: Stand) -> None:
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    created = meeting.webhook(payloads.created, sent_at=datetime.now(UTC) - timedelta(minutes=1))
    stand.tell(meeting.webhook(payloads.cancelled))
    assert stand.tell(created)["recipients"] == 0
    assert stand.settled(meeting.uid)["status"] == "cancelled"
    assert events_shown(stand, token, meeting.uid) == ["BOOKING_CANCELLED"]


def test_a_user_without_a_phone_is_told_nothing_and_the_timeline_says_why(stand: Stand) -> None:
    host = stand.database.user()
    meeting = Meeting(host)
    assert stand.tell(meeting.webhook(payloads.created))["recipients"] == 1
    (told,) = notifications(stand.timeline(meeting.uid))
    assert (told["state"], told["reason"], told["deliveries"]) == ("suppressed", "no_device", [])


def test_a_booking_that_moved_to_a_new_uid_takes_its_news_along(
    engine: EngineName, stands: Stands
) -> None:
    stand = stands(engine, CALBELL_RETRY_BASE_SECONDS="3", CALBELL_RETRY_MAX_SECONDS="3")
    # Expo's 429 keeps the first news here, so that it still waits when it is outdated.
    host = stand.database.user()
    token = stand.phone(host)
    fault = {"fault": "F01", "token": token, "options": {"retry_after": 1}}
    stand.expo.control("POST", "/faults", fault)
    old, new = Meeting(host), Meeting(host)
    stand.tell(old.webhook(payloads.created))
    stand.tell(
        new.webhook(
            payloads.rescheduled,
            old_uid=old.uid,
            start=new.start + timedelta(hours=1),
            end=new.start + timedelta(hours=2),
            old_start=old.start,
            old_end=old.start + timedelta(minutes=30),
        )
    )
    after = stand.settled(old.uid)
    assert after["replaced_by_uid"] == new.uid
    (told,) = notifications(after)
    assert told["superseded"]
    assert [(one["state"], one["reason"]) for one in deliveries(after)] == [
        ("withdrawn", "superseded")
    ]
    assert states(stand.settled(new.uid)) == ["delivered"]
    assert events_shown(stand, token, old.uid) == []
    assert events_shown(stand, token, new.uid) == ["BOOKING_RESCHEDULED"]


def test_only_the_phone_of_who_registered_last_rings(stand: Stand) -> None:
    first, second = stand.database.user(), stand.database.user()
    token = stand.phone(first)
    own = stand.phone(first)
    stand.register(second, token)
    meeting = Meeting(first, second)
    stand.tell(meeting.webhook(payloads.created))
    story = stand.settled(meeting.uid)
    told = {one["user_id"]: len(one["deliveries"]) for one in notifications(story)}
    assert told == {first.id: 1, second.id: 1}
    assert [len(about(stand, one, meeting.uid)) for one in (token, own)] == [1, 1]

    # The first user's row is there all the same, and wakes up when he registers again.
    stand.register(first, token)
    later = Meeting(first, second)
    stand.tell(later.webhook(payloads.created))
    told = {
        one["user_id"]: len(one["deliveries"]) for one in notifications(stand.settled(later.uid))
    }
    assert told == {first.id: 2, second.id: 0}
    assert stand.ask("DELETE", APP_PUSH, {"token": token}, key=second.key).status == 200
    assert stand.ask("DELETE", APP_PUSH, {"token": token}, key=first.key).status == 200


def test_shared_phones_ring_for_all_their_users(engine: EngineName, stands: Stands) -> None:
    stand = stands(engine, CALBELL_TOKEN_OWNERSHIP="shared")
    first, second = stand.database.user(), stand.database.user()
    token = stand.phone(first)
    stand.register(second, token)
    meeting = Meeting(first, second)
    stand.tell(meeting.webhook(payloads.created))
    assert states(stand.settled(meeting.uid)) == ["delivered", "delivered"]
    assert len(about(stand, token, meeting.uid)) == 2


def test_a_phone_that_is_gone_is_not_asked_again_until_it_registers(stand: Stand) -> None:
    host = stand.database.user()
    token = stand.phone(host)
    stand.expo.unregister(token)
    dead, silent, alive = Meeting(host), Meeting(host), Meeting(host)
    stand.tell(dead.webhook(payloads.created))
    (gone,) = deliveries(stand.settled(dead.uid))
    assert (gone["state"], gone["attempts"][-1]["code"]) == ("unregistered", "DeviceNotRegistered")
    stand.tell(silent.webhook(payloads.created))
    (told,) = notifications(stand.settled(silent.uid))
    assert (told["state"], told["reason"]) == ("suppressed", "no_device")
    assert len(stand.expo.sent(token)) == 1

    stand.expo.reinstall(token)
    stand.register(host, token)
    stand.tell(alive.webhook(payloads.created))
    assert states(stand.settled(alive.uid)) == ["delivered"]
    assert len(about(stand, token, alive.uid)) == 1


def test_a_phone_whose_receipt_says_that_it_is_gone_is_not_asked_again(stand: Stand) -> None:
    host = stand.database.user()
    token = f"ExponentPushToken[late-gone-{stand.database.url[:6]}-{host.id}]"
    stand.register(host, token, "ANDROID")
    meetings = [Meeting(host), Meeting(host)]
    for meeting, state in zip(meetings, ("unregistered", None), strict=True):
        stand.tell(meeting.webhook(payloads.created))
        found = [one["state"] for one in deliveries(stand.settled(meeting.uid))]
        assert found == ([state] if state else [])
    assert len(stand.expo.sent(token)) == 1


def test_phones_of_two_expo_projects_in_one_request_are_told_apart(
    own_stand: Callable[..., Stand],
) -> None:
    stand = own_stand()
    host, guest = stand.database.user(), stand.database.user()
    tokens = [stand.phone(host), stand.phone(guest, project="@simulator/second")]
    for _ in range(2):
        meeting = Meeting(host, guest)
        stand.tell(meeting.webhook(payloads.created))
        story = stand.settled(meeting.uid)
        assert states(story) == ["delivered", "delivered"]
        assert not any(one["possibly_sent"] for one in deliveries(story))
        assert [len(about(stand, token, meeting.uid)) for token in tokens] == [1, 1]
    # The first request taught whose they are: after it each went with its own kind, once.
    assert [len(stand.expo.sent(token)) for token in tokens] == [3, 3]


def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_key(stand: Stand) -> None:
    host = stand.database.user()
    token = stand.phone(host)
    stand.expo.control("POST", "/faults", {"fault": "F05", "token": token})
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    (one,) = deliveries(stand.settled(meeting.uid))
    assert (one["state"], one["possibly_sent"]) == ("delivered", True)
    sent = stand.expo.sent(token)
    assert len(sent) == 2
    assert len({message["collapseId"] for message in sent}) == 1
    assert len(about(stand, token, meeting.uid)) == 1


def test_reminders_wait_and_are_superseded_when_the_booking_is_cancelled(
    engine: EngineName, stands: Stands
) -> None:
    stand = stands(engine, CALBELL_DEFAULT_REMINDER_MINUTES="10,60")
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    stand.tell(meeting.webhook(payloads.created))
    waiting = reminders(stand.settled(meeting.uid))
    assert [one["state"] for one in waiting] == ["waiting", "waiting"]
    due = sorted(datetime.fromisoformat(one["due_at"]) for one in waiting)
    assert due == [meeting.start - timedelta(minutes=60), meeting.start - timedelta(minutes=10)]

    stand.tell(meeting.webhook(payloads.cancelled, cancelledBy=None))
    ended = reminders(stand.settled(meeting.uid))
    assert [one["state"] for one in ended] == ["superseded", "superseded"]
    assert events_shown(stand, token, meeting.uid) == ["BOOKING_CONFIRMED", "BOOKING_CANCELLED"]


def test_a_reminder_whose_time_comes_rings(engine: EngineName, stands: Stands) -> None:
    stand = stands(engine, CALBELL_DEFAULT_REMINDER_MINUTES="10,60")
    host = stand.database.user()
    token = stand.phone(host)
    meeting = Meeting(host)
    meeting.start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10, seconds=3)
    stand.tell(meeting.webhook(payloads.created))

    def rung() -> Json | None:
        story = stand.settled(meeting.uid)
        return story if len(deliveries(story)) == 2 else None

    assert states(until(rung, "the reminder")) == ["delivered", "delivered"]
    assert events_shown(stand, token, meeting.uid) == ["BOOKING_CONFIRMED", "BOOKING_REMINDER"]


def reminders(story: Json) -> list[Json]:
    return [one for one in notifications(story) if one["kind"] == "BOOKING_REMINDER"]
