"""The examples of Cal.com's page on app push subscriptions, with nothing changed but the host and
the placeholder of the API token."""

import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests import payloads
from tests.acceptance.proxies import program
from tests.acceptance.stand import Meeting, Stand
from tests.clients.expo_app.node import PROJECT, Phone

SPECIFICATION = (Path(__file__).parent / "app-push-subscriptions.txt").read_text()
CAL_COM = "https://api.cal.com"
PLACEHOLDER = "ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]"

REGISTER = """
import * as Device from "expo-device";
import { Platform } from "react-native";
import { registerForPushNotifications } from "./app.mjs";
// The page's example names these two without importing them.
Object.assign(globalThis, { Device, Platform });
const { API_TOKEN } = process.env;
console.log(JSON.stringify([
  await registerForPushNotifications(API_TOKEN),
  await registerForPushNotifications(API_TOKEN),
]));
"""
UNREGISTER = """
import { unregisterPushNotifications } from "./app.mjs";
const { API_TOKEN, PUSH_TOKEN } = process.env;
console.log(JSON.stringify([
  await unregisterPushNotifications(API_TOKEN, PUSH_TOKEN),
  await unregisterPushNotifications(API_TOKEN, PUSH_TOKEN),
]));
"""


def example(stand: Stand) -> str:
    """The React Native example, as a module for this Calbell."""
    code = SPECIFICATION[SPECIFICATION.index("import * as Notifications") :]
    assert code.count(CAL_COM) == 2
    code = code.replace(CAL_COM, stand.url)
    return f"{code}\nexport {{ registerForPushNotifications, unregisterPushNotifications }};\n"


def commands(stand: Stand, key: str) -> list[str]:
    """The two curl commands, for this Calbell and this key."""
    found = re.findall(r"^curl .*?^  }'$", SPECIFICATION, re.MULTILINE | re.DOTALL)
    return [one.replace(CAL_COM, stand.url).replace("<token>", key) for one in found]


def run(command: str) -> tuple[int, Any]:
    """Status and JSON that curl got for the command, as typed into a shell."""
    more = "--silent --show-error --noproxy '*' --write-out '\\n%{http_code}'"
    ended = subprocess.run(
        ["bash", "-c", f"{command} {more}"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    body, _, status = ended.stdout.rpartition(b"\n")
    return int(status), msgspec.json.decode(body)


@pytest.mark.parametrize("platform", ["ios", "android"])
def test_the_react_native_example_registers_a_phone_that_rings_and_removes_it(
    phone: Phone, sqlite_stand: Stand, platform: str
) -> None:
    user = sqlite_stand.database.user()
    code = example(sqlite_stand)
    surroundings = {
        "API_TOKEN": user.key,
        "PLATFORM": platform,
        "EXPO_URL": sqlite_stand.expo.url,
        "PROJECT_ID": PROJECT,
    }
    first, again = phone.run(code, REGISTER, **surroundings)
    assert first["status"] == again["status"] == "success"
    assert first["data"]["userId"] == user.id
    assert first["data"]["type"] == "APP_PUSH"
    assert first["data"]["platform"] == platform.upper()
    expected = "ios-iPhone14,2" if platform == "ios" else "android-null"
    assert first["data"]["deviceId"] == expected
    assert again["data"] == first["data"] | {"updatedAt": again["data"]["updatedAt"]}

    token = first["data"]["identifier"]
    sqlite_stand.database.private.add(token)
    meeting = Meeting(user)
    sqlite_stand.tell(meeting.webhook(payloads.created))
    sqlite_stand.settled(meeting.uid)
    (shown,) = sqlite_stand.expo.screen(token)
    assert shown["data"]["bookingUid"] == meeting.uid

    removed, gone = phone.run(code, UNREGISTER, PUSH_TOKEN=token, **surroundings)
    assert removed["status"] == "success"
    assert gone["status"] == "error"
    assert gone["error"]["code"] == "NotFoundException"


def test_the_two_curl_commands_register_and_remove(sqlite_stand: Stand) -> None:
    program("curl")
    user = sqlite_stand.database.user()
    register, remove = commands(sqlite_stand, user.key)
    status, answer = run(register)
    assert status == 201
    told = {
        "userId": user.id,
        "type": "APP_PUSH",
        "identifier": PLACEHOLDER,
        "platform": "IOS",
        "deviceId": "device-unique-id",
    }
    assert answer["status"] == "success"
    assert answer["data"].items() >= told.items()
    status, answer = run(remove)
    assert (status, answer["status"]) == (200, "success")
    status, answer = run(remove)
    assert (status, answer["status"]) == (404, "error")


def test_a_wrong_token_in_the_curl_command_is_401(sqlite_stand: Stand) -> None:
    program("curl")
    for command in commands(sqlite_stand, "cal_0123456789abcdef0123456789abcdef"):
        status, answer = run(command)
        assert (status, answer["error"]["code"]) == (401, "UnauthorizedException")
