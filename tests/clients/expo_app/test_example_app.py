"""The example of docs/how-to/what-an-expo-app-must-do.md and the tutorial: types and conduct."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import payloads
from tests.acceptance.proxies import StandIn
from tests.acceptance.stand import APP_PUSH, Meeting, Stand, User
from tests.clients.expo_app.node import PROJECT, Phone

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = DOCS / "how-to" / "expo-app" / "pushNotifications.ts"
TUTORIAL = DOCS / "tutorial" / "expo-app.md"
API = "https://api.example.com"
PREPARED = [
    "setNotificationCategoryAsync",
    "calcom_booking_request_actions",
    ["confirm_booking_request", "decline_booking_request"],
]

BEGINNING = """
import * as SecureStore from "expo-secure-store";
import * as system from "expo-notifications";
import { listen, registerPhone, removePhone } from "./app.mjs";
const { API_TOKEN } = process.env;
const registeredToken = () => SecureStore.getItemAsync("push_registered_token");
const told = [];
const app = {
  apiToken: async () => API_TOKEN,
  openBooking: (uid) => told.push(["openBooking", uid]),
  openBookings: () => told.push(["openBookings"]),
  answered: (uid, done) => told.push(["answered", uid, done]),
};
const settled = () => new Promise(setImmediate);
"""
START_TWICE = """
const first = await registerPhone(API_TOKEN);
const asked = [...system.asked];
const again = await registerPhone(API_TOKEN);
console.log(JSON.stringify({ first, again, asked, token: await registeredToken() }));
"""
CHANGE = """
const stop = listen(app);
await registerPhone(API_TOKEN);
const before = await registeredToken();
system.tokenChanges();
await settled();
await registerPhone(API_TOKEN);
const after = await registeredToken();
stop();
system.tokenChanges();
await settled();
console.log(JSON.stringify({ before, after, asked: system.asked.length }));
"""
LOG_OUT = """
const registering = registerPhone(API_TOKEN);
const removed = await removePhone(API_TOKEN);
const kept = await registeredToken();
console.log(JSON.stringify({ registered: await registering, removed, kept }));
"""
TAPS = """
const response = (identifier, actionIdentifier, data) => (
  { actionIdentifier, notification: { request: { identifier, content: { data } } } }
);
const tap = "expo.modules.notifications.actions.DEFAULT";
const request = response("n1", "confirm_booking_request", { bookingUid: "u/1" });
system.launchBy(request);
const answers = [];
listen({ ...app, answered: (...answer) => { app.answered(...answer); answers.shift()(); } });
const answer = () => new Promise((resolve) => answers.push(resolve));
await answer();
system.tap(request);
system.tap(response("n2", "decline_booking_request", { bookingUid: "u2" }));
await answer();
system.tap(response("n3", tap, { bookingUid: "u3", url: "calcom://x?uid=other" }));
system.tap(response("n4", tap, { url: "calcom://(tabs)/(bookings)/booking-detail?uid=u%204" }));
system.tap(response("n5", tap, { notificationEvent: "BOOKING_CONFIRMED" }));
system.tap(response("n6", tap, null));
await settled();
console.log(JSON.stringify({ told, launchedBy: system.getLastNotificationResponse() }));
"""


@pytest.fixture
def cal_com() -> Iterator[StandIn]:
    stand_in = StandIn("Cal.com")
    yield stand_in
    stand_in.stop()


def code(url: str) -> str:
    """The example for another API."""
    text = EXAMPLE.read_text()
    assert text.count(API) == 1
    return text.replace(API, url)


def tell(phone: Phone, stand: Stand, user: User, story: str, **variables: str) -> Any:
    """What the story told, on a phone whose app talks to this Calbell."""
    surroundings = {
        "API_TOKEN": user.key,
        "PLATFORM": "ios",
        "EXPO_URL": stand.expo.url,
        "PROJECT_ID": PROJECT,
    }
    told = phone.run(code(stand.url), BEGINNING + story, **surroundings | variables)
    if isinstance(told, dict):
        found = {told.get("token"), told.get("before"), told.get("after")}
        stand.database.private |= {token for token in found if token}
    return told


def is_registered(stand: Stand, user: User, token: str) -> bool:
    """Whether the user had this phone; afterwards it is removed."""
    status = stand.ask("DELETE", APP_PUSH, {"token": token}, key=user.key).status
    assert status in (200, 404)
    return status == 200


def test_expos_own_types_find_nothing_wrong(phone: Phone) -> None:
    assert phone.complaints(EXAMPLE.read_text()) == ""


def test_they_find_nothing_wrong_with_the_screen_of_the_tutorial(phone: Phone) -> None:
    (screen,) = re.findall(r"^```tsx\n(.*?)^```$", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL)
    assert phone.complaints(EXAMPLE.read_text(), screen) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Device.isDevice", "Device.isPhone"),
        ("importance: Notifications.AndroidImportance.MAX", "importance: 'max'"),
        ("    projectId,\n", "    projectID: projectId,\n"),
        ('Platform.OS === "android"', 'Platform.Os === "android"'),
    ],
)
def test_expos_own_types_are_really_asked(phone: Phone, right: str, wrong: str) -> None:
    text = EXAMPLE.read_text()
    assert right in text
    assert "error TS" in phone.complaints(text.replace(right, wrong, 1))


@pytest.mark.parametrize("platform", ["ios", "android"])
def test_each_start_registers_the_same_phone_and_it_rings(
    phone: Phone, sqlite_stand: Stand, platform: str
) -> None:
    user = sqlite_stand.database.user()
    told = tell(phone, sqlite_stand, user, START_TWICE, PLATFORM=platform)
    assert (told["first"], told["again"]) == ("registered", "registered")
    channel = [["setNotificationChannelAsync", "default"]] if platform == "android" else []
    assert told["asked"] == [
        ["setNotificationHandler"],
        *channel,
        PREPARED,
        ["getPermissionsAsync"],
        ["requestPermissionsAsync"],
        ["getExpoPushTokenAsync", PROJECT],
    ]
    meeting = Meeting(user)
    sqlite_stand.tell(meeting.webhook(payloads.created))
    story = sqlite_stand.settled(meeting.uid)
    (notification,) = story["events"][0]["notifications"]
    assert [one["platform"] for one in notification["deliveries"]] == [platform.upper()]
    assert len(sqlite_stand.expo.screen(told["token"])) == 1
    assert is_registered(sqlite_stand, user, told["token"])


def test_a_token_that_changes_takes_the_place_of_the_old_one(
    phone: Phone, sqlite_stand: Stand
) -> None:
    user = sqlite_stand.database.user()
    told = tell(phone, sqlite_stand, user, CHANGE)
    assert told["before"] != told["after"]
    assert not is_registered(sqlite_stand, user, told["before"])
    assert is_registered(sqlite_stand, user, told["after"])
    # Three registrations, the last of them before it stopped listening.
    registrations = 3
    assert told["asked"] == 1 + registrations * 3 + 1


def test_logout_removes_the_phone_even_while_it_is_registering(
    phone: Phone, sqlite_stand: Stand
) -> None:
    user = sqlite_stand.database.user()
    told = tell(phone, sqlite_stand, user, LOG_OUT)
    assert told == {"registered": "registered", "removed": True, "kept": None}
    meeting = Meeting(user)
    sqlite_stand.tell(meeting.webhook(payloads.created))
    (notification,) = sqlite_stand.settled(meeting.uid)["events"][0]["notifications"]
    assert notification["deliveries"] == []


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({"PERMITTED": "no"}, "not permitted"),
        ({"EMULATOR": "yes"}, "no phone"),
        ({"API_TOKEN": "cal_0123456789abcdef0123456789abcdef"}, "not authorized"),
        ({"EXPO_URL": "http://127.0.0.1:9"}, "failed"),
    ],
)
def test_what_keeps_a_phone_from_registering_is_told(
    phone: Phone, sqlite_stand: Stand, variables: dict[str, str], outcome: str
) -> None:
    user = sqlite_stand.database.user()
    told = tell(phone, sqlite_stand, user, START_TWICE, **variables)
    assert (told["first"], told["again"], told["token"]) == (outcome, outcome, None)


def test_taps_open_the_booking_and_buttons_answer_the_request_once(
    phone: Phone, cal_com: StandIn
) -> None:
    variables = {"API_TOKEN": "cal_x", "PLATFORM": "ios", "PROJECT_ID": PROJECT}
    told = phone.run(code(f"http://{cal_com.address}"), BEGINNING + TAPS, **variables)
    assert told["launchedBy"] is None
    assert told["told"] == [
        ["answered", "u/1", True],
        ["answered", "u2", True],
        ["openBooking", "u3"],
        ["openBooking", "u 4"],
        ["openBookings"],
        ["openBookings"],
    ]
    assert [(seen.method, seen.path) for seen in cal_com.seen] == [
        ("POST", "/v2/bookings/u%2F1/confirm"),
        ("POST", "/v2/bookings/u2/decline"),
    ]
    assert {seen.headers["authorization"] for seen in cal_com.seen} == {"Bearer cal_x"}
