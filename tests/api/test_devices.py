"""`/v1/me/devices`: users see how their own phones are, and try them."""

import json
from datetime import timedelta

import pytest
from msgspec import structs

from calbell.config import Secret, Settings, TokenOwnership
from calbell.domain.events import TimeSpan
from calbell.domain.push_tokens import token_hash
from calbell.domain.sightings import Sighting
from calbell.store import sources, subscriptions, upkeep, users
from calbell.store.subscriptions import Seen
from tests import payloads
from tests.api.desk import APP_PUSH, GOOD, TOKEN, Desk, Said

DEVICES, TEST = "/v1/me/devices", "/v1/me/devices/test"
SECRET = "webhook-secret-for-tests"


@pytest.fixture
def desk() -> Desk:
    return Desk(Settings(webhook_secrets=(Secret(SECRET),)))


def register(desk: Desk, key: str, name: str = "aaaaaaaaaaaaaaaaaaaaaa", **changes: object) -> int:
    body = {**GOOD, "token": f"ExponentPushToken[{name}]", **changes}
    said = desk.ask("POST", APP_PUSH, body, key=key)
    assert said.status == 201
    id_: int = said.json()["data"]["id"]
    return id_


def phone_id(desk: Desk) -> int:
    return desk.run(subscriptions.phones_of, [7])[7][0].phone_id


def health(desk: Desk, key: str) -> dict[str, object]:
    (device,) = desk.ask("GET", DEVICES, key=key).json()["data"]
    found: dict[str, object] = device["health"]
    return found


def test_a_user_sees_all_his_devices_with_masked_tokens(desk: Desk) -> None:
    key = desk.user()
    first = register(desk, key, platform="ANDROID")
    desk.later(minutes=5)
    register(desk, key, platform="IOS", deviceId="d2")
    register(desk, desk.user(8), "bbbbbbbbbb")
    said = desk.ask("GET", DEVICES, key=key)
    assert said.status == 200
    assert TOKEN.encode() not in said.body
    assert said.json()["data"] == [
        {
            "id": first,
            "type": "APP_PUSH",
            "platform": "IOS",
            "identifier": "ExponentPushToken[aaa…]",
            "deviceId": "d2",
            "createdAt": "2026-11-25T12:00:00.000Z",
            "updatedAt": "2026-11-25T12:05:00.000Z",
            "lastSeenAt": "2026-11-25T12:05:00.000Z",
            "health": {
                "status": "unknown",
                "message": "nothing was sent to this phone yet",
                "lastReceipt": None,
            },
            "events": "connected",
        }
    ]


def test_a_device_that_registered_once_was_not_seen_since(desk: Desk) -> None:
    key = desk.user()
    register(desk, key)
    (device,) = desk.ask("GET", DEVICES, key=key).json()["data"]
    assert device["lastSeenAt"] is None


def test_without_devices_the_list_is_empty(desk: Desk) -> None:
    assert desk.ask("GET", DEVICES, key=desk.user()).json() == {"status": "success", "data": []}


def test_the_last_receipt_is_the_health_in_a_word_and_in_words(desk: Desk) -> None:
    key = desk.user()
    register(desk, key)
    id_, hash_ = phone_id(desk), token_hash(TOKEN)
    receipt = {"at": "2026-11-25T12:00:00.000Z", "code": "ok"}
    desk.run(subscriptions.note_receipts, {hash_: (id_, "ok")}, desk.now)
    assert health(desk, key) == {
        "status": "ok",
        "message": "the last push was handed to Apple or Google",
        "lastReceipt": receipt,
    }
    desk.run(subscriptions.note_receipts, {hash_: (id_, "InvalidCredentials")}, desk.now)
    told = health(desk, key)
    assert told["status"] == "failing"
    assert "credentials" in str(told["message"])
    gone = Seen(hash_, id_, Sighting.GONE, "DeviceNotRegistered", desk.now)
    desk.run(subscriptions.note_sightings, [gone], desk.now)
    told = health(desk, key)
    assert told["status"] == "gone"
    assert "DeviceNotRegistered" in str(told["message"])
    register(desk, key)
    assert health(desk, key)["status"] == "failing"


def test_a_phone_that_another_user_took_over_is_asleep() -> None:
    for ownership, status in (
        (TokenOwnership.EXCLUSIVE, "asleep"),
        (TokenOwnership.SHARED, "unknown"),
    ):
        desk = Desk(Settings(token_ownership=ownership))
        key, other = desk.user(7), desk.user(8)
        register(desk, key)
        register(desk, other)
        assert health(desk, key)["status"] == status
        assert health(desk, other)["status"] == "unknown"


def test_it_is_said_whether_events_can_arrive() -> None:
    desk = Desk(Settings())
    keys = {id_: desk.user(id_) for id_ in (7, 8)}
    for id_, key in keys.items():
        register(desk, key, f"phone{id_}")

    def events() -> list[str]:
        told = [desk.ask("GET", DEVICES, key=key).json()["data"][0] for key in keys.values()]
        return [one["events"] for one in told]

    def connect(path: str, scope: str, user_id: int | None = None) -> int:
        return desk.run(
            lambda c: sources.create(c, path=path, secret="s", scope=scope, user_id=user_id)
        )

    assert events() == ["none", "none"]
    of_8 = connect("a", "user", 8)
    assert events() == ["none", "none"]  # nobody knows yet whether Cal.com has it
    desk.run(sources.tie, of_8, "remote")
    assert events() == ["none", "connected"]
    for scope in ("organization:12", "event-type:5", "user"):
        connect(scope, scope)
    assert events() == ["none", "connected"]
    of_all = connect("b", "instance")
    assert events() == ["none", "connected"]  # nobody has pasted it yet
    desk.run(sources.heard, [(of_all, desk.now)])
    assert events() == ["connected", "connected"]


@pytest.mark.parametrize("scope", ["organization:12", "oauth-client:abc"])
def test_a_webhook_covers_those_it_tells_of(scope: str) -> None:
    desk = Desk(Settings())
    key = desk.user(7)
    register(desk, key, "phone")
    profile = desk.run(users.find, 7)
    assert profile is not None
    desk.run(users.save, structs.replace(profile, organization_id=12), desk.now)
    assert desk.ask("GET", DEVICES, key=key).json()["data"][0]["events"] == "none"
    desk.run(lambda c: sources.create(c, path="p", secret="s", scope=scope))
    assert desk.ask("GET", DEVICES, key=key).json()["data"][0]["events"] == "connected"


def deliveries(desk: Desk) -> dict[str, int]:
    return dict(desk.run(upkeep.counts, desk.now).deliveries)


def test_a_test_push_goes_to_every_device_and_says_what_was_sent(desk: Desk) -> None:
    key = desk.user()
    one = register(desk, key, "one")
    two = register(desk, key, "two", platform="ANDROID")
    said = desk.ask("POST", TEST, key=key)
    assert said.status == 202
    data = said.json()["data"]
    assert (data["event"], data["sample"], data["asleep"]) == ("BOOKING_CONFIRMED", True, 0)
    assert [(d["id"], d["platform"]) for d in data["devices"]] == [(one, "IOS"), (two, "ANDROID")]
    assert {d["title"] for d in data["devices"]} == {"Booking Confirmed"}
    assert all(0 < d["bytes"] < 4096 for d in data["devices"])
    assert b"PushToken" not in said.body
    assert deliveries(desk) == {"queued": 2}


def test_the_event_can_be_chosen(desk: Desk) -> None:
    key = desk.user()
    register(desk, key)
    said = desk.ask("POST", TEST, {"event": "BOOKING_CANCELLED"}, key=key)
    assert said.json()["data"]["event"] == "BOOKING_CANCELLED"
    assert said.json()["data"]["devices"][0]["title"] == "Booking Cancelled"


def booked(desk: Desk, *, organizer: int, attendee: str) -> str:
    """The uid of a booking that Cal.com told of."""
    from calbell.calcom.signature import sign

    span = TimeSpan(desk.now + timedelta(days=1), desk.now + timedelta(days=1, minutes=30))
    body = payloads.body(
        payloads.created(
            uid="uid-1",
            title="Coaching",
            organizer=payloads.organizer(id=organizer, email="o@example.com", name="O"),
            attendees=[payloads.attendee(attendee, "Bea")],
            start=span.start_at,
            end=span.end_at,
            sent_at=desk.now,
        )
    )
    said = desk.ask(
        "POST", "/webhooks/cal", body, headers={"X-Cal-Signature-256": sign(body, SECRET)}
    )
    assert said.status == 200
    return "uid-1"


def test_it_can_be_about_a_booking_that_the_caller_has_a_part_in(desk: Desk) -> None:
    host, guest, stranger = desk.user(7), desk.user(8), desk.user(9)
    for id_, key in ((7, host), (8, guest), (9, stranger)):
        register(desk, key, f"phone{id_}")
    uid = booked(desk, organizer=7, attendee="user8@example.com")
    for key, name in ((host, "Bea"), (guest, "O")):
        data = desk.ask("POST", TEST, {"bookingUid": uid}, key=key).json()["data"]
        assert (data["bookingUid"], data["sample"]) == (uid, False)
        assert f"Coaching with {name}" in data["devices"][0]["body"]
    data = desk.ask("POST", TEST, {"bookingUid": uid}, key=stranger).json()["data"]
    assert data["sample"] is True
    assert data["bookingUid"] != uid
    assert "Coaching" not in data["devices"][0]["body"]


@pytest.mark.parametrize("uid", ["nothing", "", "\0", "x" * 5000, "\ud800"])
def test_an_unknown_booking_becomes_the_sample(desk: Desk, uid: str) -> None:
    key = desk.user()
    register(desk, key)
    said = desk.ask("POST", TEST, json.dumps({"bookingUid": uid}).encode(), key=key)
    assert (said.status, said.json()["data"]["sample"]) == (202, True)


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ({"event": "BOOKING_EATEN"}, {"event": ["isEnum"]}),
        ({"event": 1, "bookingUid": 2}, {"event": ["isEnum"], "bookingUid": ["isString"]}),
    ],
)
def test_what_makes_no_sense_is_said_in_cal_coms_form(
    desk: Desk, body: dict[str, object], rules: dict[str, list[str]]
) -> None:
    key = desk.user()
    register(desk, key)
    said = desk.ask("POST", TEST, body, key=key)
    assert said.status == 400
    errors = said.json()["error"]["details"]["errors"]
    assert {entry["property"]: list(entry["constraints"]) for entry in errors} == rules
    assert deliveries(desk) == {}


def why_not(said: Said) -> str:
    assert said.status == 404
    return said.message


def test_where_no_device_can_be_rung_it_is_said_why(desk: Desk) -> None:
    key = desk.user()
    assert "no device is registered" in why_not(desk.ask("POST", TEST, key=key))
    register(desk, key)
    register(desk, desk.user(8))
    assert "1 registered by another user since" in why_not(desk.ask("POST", TEST, key=key))
    register(desk, key, "gone")
    gone = desk.run(subscriptions.phones_of, [7])[7][1].phone_id
    hash_ = token_hash("ExponentPushToken[gone]")
    news = Seen(hash_, gone, Sighting.GONE, "DeviceNotRegistered", desk.now)
    desk.run(subscriptions.note_sightings, [news], desk.now)
    assert "1 gone from their phones" in why_not(desk.ask("POST", TEST, key=key))
    assert deliveries(desk) == {}
