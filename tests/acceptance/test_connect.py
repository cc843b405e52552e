"""`calbell connect` and the webhooks that users get at their first registration, against a stand-in
for Cal.com, through the real programs."""

from collections.abc import Callable, Iterator

import pytest

from tests import payloads
from tests.acceptance.conftest import EngineName, NewDatabase
from tests.acceptance.programs import Ended, until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import APP_PUSH, Json, Stand, states
from tests.instance import Instance, instance, refused

KEY = "cal_live_key-of-cals-user"
ORG = 12


@pytest.fixture
def engine() -> EngineName:
    """Which one it is cannot matter: what is stored has its own contract."""
    return "sqlite"


@pytest.fixture
def calcom() -> Iterator[Instance]:
    with instance() as standing:
        standing.person(KEY, 7)
        yield standing


class Connected(Stand):
    """A stand beside a Cal.com instance."""

    def connect(self, *arguments: str, **variables: str) -> Ended:
        """The command, for the address at which this stand is reached."""
        known = {
            "CALBELL_PUBLIC_URL": self.url,
            "CALBELL_CALCOM_API_URL": self.variables["CALBELL_CALCOM_API_URL"],
            "CALBELL_CALCOM_API_KEY": KEY,
        }
        ended: Ended = self.database.run("connect", *arguments, **{**known, **variables})
        assert KEY not in ended.out + ended.err
        return ended

    def events_of(self, token: str) -> str:
        """What a user of Cal.com's is told about whether events can arrive."""
        (device,) = self.ask("GET", "/v1/me/devices", key=token).json()["data"]
        told: str = device["events"]
        return told


@pytest.fixture
def made(
    engine: EngineName, new_database: NewDatabase, expo: Expo, calcom: Instance
) -> Iterator[Callable[..., Connected]]:
    running: list[Connected] = []

    def make(**variables: str) -> Connected:
        known = {
            "CALBELL_AUTH": "calcom",
            "CALBELL_CALCOM_API_URL": calcom.url,
            "CALBELL_WEBHOOK_SECRETS": "",
        }
        running.append(Connected(new_database(engine), expo, {**known, **variables}))
        return running[-1]

    yield make
    for stand in running:
        stand.stop()


def register(stand: Stand, token: str) -> str:
    """The Expo token of a new phone of a user of Cal.com's."""
    phone = stand.expo.device()
    body = {"token": phone, "platform": "IOS", "deviceId": "device-1"}
    reply = stand.ask("POST", APP_PUSH, body, key=token)
    assert reply.status == 201, reply
    return phone


def host(calcom: Instance, token: str = KEY) -> Json:
    return {name: calcom.people[token][name] for name in ("id", "email", "name")}


def only(calcom: Instance) -> Json:
    (webhook,) = calcom.webhooks
    return webhook


def test_a_user_connects_his_webhook_and_hears_of_a_booking(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    stand = made()
    register(stand, KEY)
    assert stand.events_of(KEY) == "none"
    ended = stand.connect()
    assert (ended.code, ended.err) == (0, "")
    assert "a signed webhook came through the public address" in ended.out
    assert "not heard    team events" in ended.out
    webhook = only(calcom)
    assert webhook["subscriberUrl"].startswith(f"{stand.url}/webhooks/cal/")
    assert webhook["active"]
    assert len(webhook["triggers"]) == len(set(webhook["triggers"])) == 8
    assert len(webhook["secret"]) >= 32
    assert webhook["secret"] not in ended.out
    assert stand.events_of(KEY) == "connected"
    booked = calcom.book(host(calcom), ("stranger@example.net", "Stan Stranger"))
    assert states(stand.settled(booked.uid)) == ["delivered"]


def test_connecting_again_changes_nothing_and_a_dry_run_says_so(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    stand = made()
    said = stand.connect("--dry-run")
    assert (said.code, calcom.webhooks) == (0, [])
    assert "webhook      would be made" in said.out
    assert stand.connect().code == 0
    before = dict(only(calcom))
    assert "webhook      would be left as it is" in stand.connect("--dry-run").out
    again = stand.connect()
    assert (again.code, only(calcom)) == (0, before)
    assert "webhook      fine" in again.out
    assert calcom.asked["PATCH /v2/webhooks/" + before["id"]] == 0


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"active": False}, "it was switched off"),
        ({"triggers": ["BOOKING_CREATED"]}, "triggers were missing"),
        ({"secret": "somebody-elses"}, "its secret was another one"),
        ({"payloadTemplate": "{}"}, "it had a payload template"),
    ],
)
def test_a_webhook_that_was_spoilt_is_mended(
    made: Callable[..., Connected], calcom: Instance, spoilt: Json, said: str
) -> None:
    stand = made()
    stand.connect()
    whole = dict(only(calcom))
    only(calcom).update(spoilt)
    assert said in stand.connect("--dry-run").out
    ended = stand.connect()
    assert (ended.code, only(calcom)) == (0, whole)
    assert said in ended.out


def test_a_webhook_that_was_made_by_hand_gets_a_path_and_a_secret_of_its_own(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    stand = made()
    url = f"{stand.url}/webhooks/cal"
    by_hand = {"id": "hand", "scope": "", "userId": 7, "subscriberUrl": url, "active": True}
    calcom.webhooks.append({**by_hand, "secret": None, "triggers": [], "payloadTemplate": None})
    assert stand.connect().code == 0
    assert only(calcom)["id"] == "hand"
    assert only(calcom)["subscriberUrl"].startswith(f"{url}/")


def test_both_secrets_are_good_after_a_rotation(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    stand = made()
    register(stand, KEY)
    stand.connect()
    before = dict(only(calcom))
    ended = stand.connect("--rotate")
    assert ended.code == 0
    assert "it has a new secret" in ended.out
    assert only(calcom)["secret"] != before["secret"]
    stranger = ("stranger@example.net", "Stan Stranger")
    calcom.loses_webhooks = True
    calcom.book(host(calcom), stranger)
    ((_, envelope),) = calcom.sent
    assert calcom.send(before, envelope) == 200
    assert calcom.send(only(calcom), envelope) == 200


def test_a_rotation_that_cal_com_refuses_leaves_the_secret_before_good(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    stand = made()
    stand.connect()
    before = dict(only(calcom))
    path = f"/v2/webhooks/{before['id']}"
    calcom.refuses = lambda asked: refused(403, "Forbidden", "not yours") if asked == path else None
    ended = stand.connect("--rotate")
    assert ended.code == 1
    assert "not yours" in ended.err
    calcom.refuses = lambda _: None
    assert "webhook      fine" in stand.connect().out
    assert only(calcom) == before


def test_an_organisation_admin_connects_all_its_members(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    calcom.person("cal_admin", 1, admin_of=ORG, organizationId=ORG)
    calcom.person("cal_member", 2, organizationId=ORG)
    calcom.person("cal_other", 3)
    stand = made()
    for token in ("cal_member", "cal_other"):
        register(stand, token)
    stopped = stand.connect(f"--organization={ORG}")
    assert stopped.code == 1
    assert "the key must be that of the organisation's admin" in stopped.err
    ended = stand.connect(f"--organization={ORG}", CALBELL_CALCOM_API_KEY="cal_admin")
    assert ended.code == 0
    assert "heard        all teams and members of the organisation" in ended.out
    assert [stand.events_of(t) for t in ("cal_member", "cal_other")] == ["connected", "none"]
    booked = calcom.book(host(calcom, "cal_member"), ("x@example.net", "X"), team=True)
    assert states(stand.settled(booked.uid)) == ["delivered"]


@pytest.mark.parametrize(
    ("arguments", "scope"),
    [
        (("--client=abc",), "/oauth-clients/abc"),
        (("--event-type=5",), "/event-types/5"),
        (("--event-type=5", "--team=3"), "/teams/3/event-types/5"),
    ],
)
def test_the_other_scopes_are_connected_where_cal_com_has_them(
    made: Callable[..., Connected], calcom: Instance, arguments: tuple[str, ...], scope: str
) -> None:
    assert made().connect(*arguments).code == 0
    assert only(calcom)["scope"] == scope


def test_by_hand_everything_to_paste_is_printed_and_the_same_the_next_time(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    stand = made()
    register(stand, KEY)
    ended = stand.connect("--manual", CALBELL_CALCOM_API_KEY="")
    assert ended.code == 0
    assert stand.connect("--manual", CALBELL_CALCOM_API_KEY="").out == ended.out
    said = dict(line.split(None, 2)[1:] for line in ended.out.splitlines() if "Subscriber" in line)
    url = said["URL"]
    secret = next(line.split()[1] for line in ended.out.splitlines() if line.startswith("Secret"))
    assert stand.events_of(KEY) == "none"
    pasted = {"subscriberUrl": url, "secret": secret}
    assert calcom.send(pasted, payloads.ping()) == 200
    assert stand.events_of(KEY) == "connected"


def test_what_is_wrong_is_said_in_one_line(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    stand = made()
    for variables, code, said in (
        ({"CALBELL_PUBLIC_URL": ""}, 2, "CALBELL_PUBLIC_URL: not set"),
        ({"CALBELL_CALCOM_API_KEY": ""}, 2, "calbell connect --manual"),
        ({"CALBELL_CALCOM_API_KEY": "cal_wrong"}, 1, "make a new key"),
        ({"CALBELL_CALCOM_API_URL": f"{calcom.url}/nowhere"}, 1, "mend CALBELL_CALCOM_API_URL"),
        ({"CALBELL_PUBLIC_URL": "http://127.0.0.1:9"}, 1, "a signed test at"),
    ):
        ended = stand.connect(**variables)
        assert (ended.code, ended.err.count("\n")) == (code, 1), ended
        assert said in ended.err


def test_the_first_registration_makes_the_users_own_webhook(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    # The address is known before the port is: only what Cal.com is told counts here.
    stand = made(CALBELL_AUTO_CONNECT="user", CALBELL_PUBLIC_URL="http://127.0.0.1:9/bell")
    for _ in range(2):
        register(stand, KEY)
    until(lambda: calcom.webhooks or None, "the webhook")
    until(lambda: True if "user_connected" in str(stand.program.err) else None, "its line")
    assert only(calcom)["subscriberUrl"].startswith("http://127.0.0.1:9/bell/webhooks/cal/")
    devices = stand.ask("GET", "/v1/me/devices", key=KEY).json()["data"]
    assert {one["events"] for one in devices} == {"connected"}
    assert calcom.asked["POST /v2/webhooks"] == 1


def test_a_token_that_may_not_make_webhooks_is_said_and_not_tried_again(
    made: Callable[..., Connected], calcom: Instance
) -> None:
    stand = made(CALBELL_AUTO_CONNECT="user", CALBELL_PUBLIC_URL="http://127.0.0.1:9")
    said = "insufficient_scope: token does not have the required scopes."
    calcom.refuses = lambda path: refused(403, "F", said) if "webhooks" in path else None
    register(stand, KEY)
    until(lambda: True if "user_not_connected" in str(stand.program.err) else None, "its line")
    assert said in str(stand.program.err)
    register(stand, KEY)
    devices = stand.ask("GET", "/v1/me/devices", key=KEY).json()["data"]
    assert {one["events"] for one in devices} == {"none"}
    assert calcom.asked["GET /v2/webhooks"] == 1
