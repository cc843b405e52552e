"""`calbell doctor` on real installations, well and ill."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests import payloads
from tests.acceptance.conftest import EngineName
from tests.acceptance.programs import Ended, command, until
from tests.acceptance.stand import Json, Meeting, Stand
from tests.instance import Instance, instance

KEY = "cal_key-of-the-doctors-patient"


on_both = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])


@pytest.fixture
def engine() -> EngineName:
    """Where nothing is said, which one it is cannot matter: what is stored has its own contract."""
    return "sqlite"


@pytest.fixture
def calcom() -> Iterator[Instance]:
    with instance() as standing:
        standing.person(KEY, 7)
        yield standing


def examined(stand: Stand, *arguments: str, **variables: str) -> Ended:
    known = {**stand.variables, "CALBELL_PUBLIC_URL": stand.url, **variables}
    return command(["doctor", *arguments], stand.database.folder, known)


def bad(ended: Ended) -> dict[str, Json]:
    """What is not fine, by check."""
    told = msgspec.json.decode(ended.out)
    assert ended.err == ""
    assert any(one["state"] == "wrong" for one in told) == (ended.code == 1)
    assert all(bool(one["remedy"]) == (one["state"] != "ok") for one in told)
    return {one["check"]: one for one in told if one["state"] != "ok"}


@on_both
def test_an_installation_that_is_well_says_so_and_shows_no_secret(
    own_stand: Callable[..., Stand], calcom: Instance
) -> None:
    stand = own_stand(
        CALBELL_AUTH="calcom,keys",
        CALBELL_CALCOM_API_URL=calcom.url,
        CALBELL_CALCOM_API_KEY=KEY,
        CALBELL_EXPO_ACCESS_TOKEN="",
    )
    host = stand.database.user()
    stand.phone(host)
    stand.tell(Meeting(host).webhook(payloads.created))
    until(lambda: True if calcom.asked["GET /v2/bookings"] else None, "a sweep")
    known = {"CALBELL_PUBLIC_URL": stand.url, "CALBELL_CALCOM_API_URL": calcom.url}
    assert stand.database.run("connect", **known, CALBELL_CALCOM_API_KEY=KEY).code == 0
    ended = examined(stand)
    assert (ended.code, ended.err) == (0, "")
    wrong = bad(examined(stand, "--json"))
    # How long a commit takes is the machine's matter: others may be at work on it.
    assert not {check for check, one in wrong.items() if "a unit of work takes" not in one["said"]}
    checks = {line[9:26].strip() for line in ended.out.splitlines()}
    assert {"settings", "database", "public URL", "Expo", "Cal.com", "webhook"} <= checks
    secret = calcom.webhooks[0]["secret"]
    for private in (KEY, secret, stand.secret, stand.admin_token, host.email):
        assert private not in ended.out


def test_everything_that_is_wrong_is_said_at_once(
    own_stand: Callable[..., Stand], calcom: Instance
) -> None:
    stand = own_stand(CALBELL_CALCOM_API_URL=calcom.url)
    assert stand.webhook(b"{}", signature="0" * 64).status == 401
    found = bad(
        examined(
            stand,
            "--json",
            CALBELL_PUBLIC_URL="http://127.0.0.1:9",
            CALBELL_EXPO_BASE_URL="http://127.0.0.1:9",
            CALBELL_CALCOM_API_KEY="cal_not-good",
            CALBELL_METRICS_OPEN="true",
        )
    )
    assert {check: one["state"] for check, one in found.items()} == {
        "metrics": "warning",
        "webhooks": "warning",
        "refusals": "warning",
        "reconciling": "warning",
        "public URL": "wrong",
        "Expo": "wrong",
        "Cal.com": "wrong",
    }


def test_a_webhook_that_was_spoilt_at_cal_com_is_found(
    own_stand: Callable[..., Stand], calcom: Instance
) -> None:
    stand = own_stand(CALBELL_CALCOM_API_URL=calcom.url)
    known = {"CALBELL_PUBLIC_URL": stand.url, "CALBELL_CALCOM_API_URL": calcom.url}
    stand.database.run("connect", **known, CALBELL_CALCOM_API_KEY=KEY)
    calcom.webhooks[0]["active"] = False
    for said in ("it was switched off", "is gone at Cal.com"):
        found = bad(examined(stand, "--json", CALBELL_CALCOM_API_KEY=KEY))
        assert said in found["webhook"]["said"]
        assert found["webhook"]["remedy"] == "run calbell connect"
        calcom.webhooks.clear()


@pytest.mark.parametrize(
    ("variables", "check", "words"),
    [
        ({"CALBELL_PORT": "no"}, "settings", "CALBELL_PORT"),
        ({"CALBELL_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x"}, "database", ""),
        ({"CALBELL_DATABASE_URL": "sqlite:///none.db"}, "database", "no such file"),
    ],
)
def test_an_installation_that_cannot_start_says_why(
    tmp_path: Path, variables: dict[str, str], check: str, words: str
) -> None:
    known = {"CALBELL_EXPO_BASE_URL": "http://127.0.0.1:9", **variables}
    ended = command(["doctor", "--json"], tmp_path, known)
    assert ended.code == 1
    assert words in bad(ended)[check]["said"]
    assert not (tmp_path / "none.db").exists()
