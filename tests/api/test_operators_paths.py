"""`/v1/users` and `/v1/keys`: operators manage who may be told, and with what keys."""

from datetime import timedelta

import pytest

from calbell.api.key_ring import REMEMBERED_FOR
from calbell.config import Secret, Settings
from calbell.flows.grant import key_hash
from tests.api.desk import APP_PUSH, GOOD, NOON, Desk, Said

ADMIN = "the-operators-own-token"
ADA = {
    "id": 456,
    "emails": ["Ada@example.com", "second@example.com"],
    "name": "Ada",
    "timeZone": "Europe/Berlin",
    "timeFormat": 24,
}


@pytest.fixture
def desk() -> Desk:
    return Desk(Settings(admin_token=Secret(ADMIN)))


def ask(desk: Desk, method: str, path: str, value: object = None) -> Said:
    return desk.ask(method, path, value, key=ADMIN)


def test_a_user_is_added_shown_changed_and_removed(desk: Desk) -> None:
    added = ask(desk, "POST", "/v1/users", ADA)
    assert added.status == 201
    shown = {
        "id": 456,
        "emails": ["ada@example.com", "second@example.com"],
        "name": "Ada",
        "username": None,
        "timeZone": "Europe/Berlin",
        "locale": "en",
        "timeFormat": 24,
        "organizationId": None,
        "source": "operator",
        "createdAt": "2026-11-25T12:00:00.000Z",
    }
    assert added.json() == {"status": "success", "data": shown, "takenFrom": []}
    desk.later(hours=1)
    changed = ask(desk, "POST", "/v1/users", {"id": 456, "emails": ["new@example.com"]})
    assert changed.json()["data"] | {"emails": [], "timeZone": "", "timeFormat": 0, "name": ""} == (
        shown | {"emails": [], "timeZone": "", "timeFormat": 0, "name": ""}
    )
    assert changed.json()["data"]["emails"] == ["new@example.com"]
    assert ask(desk, "GET", "/v1/users/456").json()["data"] == changed.json()["data"]
    assert ask(desk, "DELETE", "/v1/users/456").json() == {"status": "success"}
    for method in ("GET", "DELETE"):
        assert ask(desk, method, "/v1/users/456").status == 404


def test_whose_an_address_was_is_said(desk: Desk) -> None:
    ask(desk, "POST", "/v1/users", ADA)
    taken = {"id": 7, "emails": ["Second@example.com", "seventh@example.com"]}
    said = ask(desk, "POST", "/v1/users", taken)
    assert said.json()["takenFrom"] == [{"email": "second@example.com", "userId": 456}]
    assert ask(desk, "POST", "/v1/users", taken).json()["takenFrom"] == []


def test_users_come_in_pages(desk: Desk) -> None:
    for id_ in (3, 1, 2, 5):
        desk.user(id_)

    def ids(query: str) -> list[int]:
        said = ask(desk, "GET", f"/v1/users{query}")
        return [user["id"] for user in said.json()["data"]]

    assert ids("") == [1, 2, 3, 5]
    assert ids("?limit=2") == [1, 2]
    assert ids("?limit=2&after=2") == [3, 5]
    assert ids("?after=5") == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/users?limit=0", "limit: "),
        ("/v1/users?limit=1001", "limit: "),
        ("/v1/users?after=x", "after: "),
        ("/v1/keys?after=-1", "after: "),
        ("/v1/keys?befroe=1", "unknown field `befroe`"),
    ],
)
def test_a_page_that_makes_no_sense_is_400(desk: Desk, path: str, said: str) -> None:
    answer = ask(desk, "GET", path)
    assert answer.status == 400
    assert said in answer.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": 0}, "id: "),
        ({"id": "7"}, "id: Expected `int`, got `str`"),
        ({"id": 1 << 63}, "id: "),
        ({"emails": []}, "emails: "),
        ({"emails": ["nonsense"]}, "emails: one of them is not an address"),
        ({"emails": "ada@example.com"}, "emails: "),
        ({"timeZone": "Mars/Base"}, "timeZone: not an IANA time zone, such as Europe/Berlin"),
        ({"timeFormat": 13}, "timeFormat: it is 12 or 24"),
        ({"locale": "xx_!!"}, "locale: not a language, such as en or de-AT"),
        ({"name": "a\x00b"}, "name: "),
        ({"naem": "Ada"}, "unknown field `naem`"),
    ],
)
def test_a_user_that_makes_no_sense_is_400_with_the_field(
    desk: Desk, changes: dict[str, object], said: str
) -> None:
    answer = ask(desk, "POST", "/v1/users", {**ADA, **changes})
    assert answer.status == 400
    assert said in answer.message
    assert "ada@" not in answer.message
    assert ask(desk, "GET", "/v1/users").json()["data"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"name":"\\ud800"}'])
def test_what_is_no_json_object_is_400(desk: Desk, body: bytes) -> None:
    for path in ("/v1/users", "/v1/keys"):
        said = desk.ask("POST", path, body, key=ADMIN)
        assert (said.status, said.json()["error"]["code"]) == (400, "BadRequestException")


@pytest.mark.parametrize("id_", ["0", "-1", "x", "1.5", "9" * 30, "%00", "٣", "1e3"])
def test_an_id_that_can_be_none_is_404(desk: Desk, id_: str) -> None:
    for path in ("/v1/users", "/v1/keys"):
        assert ask(desk, "DELETE", f"{path}/{id_}").status == 404


def test_a_key_is_shown_once_and_only_its_hash_is_kept(desk: Desk) -> None:
    desk.user(7)
    made = ask(desk, "POST", "/v1/keys", {"userId": 7, "name": "phone", "expiresOn": "2026-12-24"})
    assert made.status == 201
    key, id_ = made.json()["data"]["key"], made.json()["data"]["id"]
    assert key.startswith("cal_")
    assert desk.ask("POST", APP_PUSH, GOOD, key=key).status == 201
    listed = ask(desk, "GET", f"/v1/keys?after={id_ - 1}")
    assert key.encode() not in listed.body
    assert key_hash(key).encode() not in listed.body
    assert listed.json()["data"] == [
        {
            "id": id_,
            "userId": 7,
            "role": None,
            "key": f"cal_…{key[-4:]}",
            "name": "phone",
            "state": "good",
            "createdAt": "2026-11-25T12:00:00.000Z",
            "expiresOn": "2026-12-24",
            "revokedAt": None,
            "lastUsedAt": "2026-11-25T12:00:00.000Z",
        }
    ]


def test_a_revoked_key_opens_nothing_within_seconds(desk: Desk) -> None:
    desk.user(7)
    made = ask(desk, "POST", "/v1/keys", {"userId": 7}).json()["data"]
    assert desk.ask("GET", "/v2/me", key=made["key"]).status == 200
    assert ask(desk, "DELETE", f"/v1/keys/{made['id']}").status == 200
    assert ask(desk, "DELETE", f"/v1/keys/{made['id']}").status == 404
    desk.now += REMEMBERED_FOR
    said = desk.ask("GET", "/v2/me", key=made["key"])
    assert (said.status, said.message) == (401, "CustomThrottlerGuard - Invalid API Key")
    states = [key["state"] for key in ask(desk, "GET", "/v1/keys").json()["data"]]
    assert states == ["good", "revoked"]


def test_a_key_is_good_through_its_last_day(desk: Desk) -> None:
    desk.user(7)
    key = ask(desk, "POST", "/v1/keys", {"userId": 7, "expiresOn": "2026-11-26"}).json()["data"]
    desk.now = NOON.replace(day=26, hour=23, minute=59)
    assert desk.ask("GET", "/v2/me", key=key["key"]).status == 200
    desk.now += timedelta(minutes=1)
    said = desk.ask("GET", "/v2/me", key=key["key"])
    assert said.message == "ApiAuthStrategy - api key - Your api key is expired"
    states = {one["id"]: one["state"] for one in ask(desk, "GET", "/v1/keys").json()["data"]}
    assert states[key["id"]] == "expired"


@pytest.mark.parametrize(
    ("wanted", "status", "said"),
    [
        ({}, 400, "give either userId or role"),
        ({"userId": 7, "role": "admin"}, 400, "give either userId or role"),
        ({"role": "king"}, 400, "role: it is one of events, support, admin"),
        ({"userId": 99}, 404, "There is no such user"),
        ({"role": "events", "expiresOn": "2026-11-24"}, 400, "expiresOn: that day is over"),
        ({"role": "events", "expiresOn": "tomorrow"}, 400, "expiresOn: "),
        ({"role": "events", "name": "x" * 101}, 400, "name: "),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    desk: Desk, wanted: dict[str, object], status: int, said: str
) -> None:
    answer = ask(desk, "POST", "/v1/keys", wanted)
    assert answer.status == status
    assert said in answer.message
    assert ask(desk, "GET", "/v1/keys").json()["data"] == []


def test_roles_open_what_is_theirs(desk: Desk) -> None:
    opens = {
        role: {
            path
            for path in ("/metrics", "/v1/bookings/x/timeline", "/v1/users", "/v1/keys")
            if desk.ask("GET", path, key=desk.key(role=role)).status in (200, 404)
        }
        for role in ("events", "support", "admin")
    }
    support = {"/metrics", "/v1/bookings/x/timeline"}
    assert opens == {
        "events": set(),
        "support": support,
        "admin": support | {"/v1/users", "/v1/keys"},
    }
