"""Bookings are compared with Cal.com's: what no webhook brought is told, once, and nothing old is.

An hour's outage takes a second here: the settings that count it are short.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.acceptance.conftest import EngineName, NewDatabase
from tests.acceptance.programs import until
from tests.acceptance.servers import Expo
from tests.acceptance.stand import APP_PUSH, Json, Stand, notifications
from tests.booked import Booked
from tests.instance import Instance, instance

KEY, ADMIN, ORG = "cal_key-of-a-host", "cal_key-of-an-admin", 12
STRANGER = ("stranger@example.net", "Stan Stranger")


on_both = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])


@pytest.fixture
def engine() -> EngineName:
    """Where nothing is said, which one it is cannot matter: what is stored has its own contract."""
    return "sqlite"


@pytest.fixture
def calcom() -> Iterator[Instance]:
    with instance() as standing:
        standing.person(KEY, 7, organizationId=ORG)
        standing.person(ADMIN, 1, admin_of=ORG, organizationId=ORG)
        yield standing


class Reconciling(Stand):
    """A stand that compares its bookings with an instance's."""

    calcom: Instance

    def arrive(self, key: str = KEY) -> str:
        """The phone of a user of Cal.com's, whose webhook is connected."""
        phone = self.expo.device()
        body = {"token": phone, "platform": "IOS", "deviceId": "device-1"}
        assert self.ask("POST", APP_PUSH, body, key=key).status == 201
        return phone

    def connect(self) -> None:
        """A webhook of the whole organisation, with the secret that this stand knows."""
        url = f"{self.url}/webhooks/cal"
        self.calcom.webhooks[:] = [
            {
                "id": "org",
                "scope": f"/organizations/{ORG}",
                "subscriberUrl": url,
                "secret": self.secret,
                "active": True,
                "triggers": [
                    "BOOKING_REQUESTED",
                    "BOOKING_CREATED",
                    "BOOKING_RESCHEDULED",
                    "BOOKING_CANCELLED",
                    "BOOKING_REJECTED",
                ],
            }
        ]

    def told(self, phone: str) -> list[tuple[str, str]]:
        """What the phone shows: the event and the booking's uid, oldest first."""
        return [
            (one["data"]["notificationEvent"], one["data"]["bookingUid"])
            for one in self.expo.screen(phone)
        ]

    def hears(self, phone: str, *expected: tuple[str, Booked]) -> None:
        """The phone comes to show these and nothing else."""
        wanted = sorted((event, booked.uid) for event, booked in expected)

        def look() -> bool | None:
            return True if len(self.told(phone)) >= len(wanted) else None

        until(look, f"{len(wanted)} pushes")
        self.sweeps(2)
        assert sorted(self.told(phone)) == wanted

    def sweeps(self, number: int) -> None:
        """So many more sweeps are begun."""
        path = f"GET /v2/organizations/{ORG}/bookings"
        before = self.calcom.asked[path]
        until(lambda: self.calcom.asked[path] >= before + number or None, "sweeps")

    def repaired(self) -> float:
        text = self.ask("GET", "/metrics", key=self.admin_token).body.decode()
        (line,) = (
            one for one in text.splitlines() if one.startswith("calbell_reconcile_repaired_total")
        )
        return float(line.split()[1])


@pytest.fixture
def made(
    engine: EngineName, new_database: NewDatabase, expo: Expo, calcom: Instance
) -> Iterator[Callable[..., Reconciling]]:
    running: list[Reconciling] = []

    def make(**variables: str) -> Reconciling:
        known = {
            "CALBELL_AUTH": "calcom",
            "CALBELL_CALCOM_API_URL": calcom.url,
            "CALBELL_CALCOM_API_KEY": ADMIN,
            "CALBELL_RECONCILE_SECONDS": "1",
        }
        stand = Reconciling(new_database(engine), expo, {**known, **variables})
        stand.calcom = calcom
        stand.connect()
        running.append(stand)
        return stand

    yield make
    for stand in running:
        if stand.program.is_running:
            stand.stop()


@pytest.fixture
def stand(made: Callable[..., Reconciling]) -> Reconciling:
    return made()


def host(calcom: Instance, key: str = KEY) -> Json:
    return {name: calcom.people[key][name] for name in ("id", "email", "name")}


@on_both
def test_webhooks_that_got_lost_are_made_up_for_and_told_once_when_they_come_after_all(
    stand: Reconciling, calcom: Instance
) -> None:
    phone = stand.arrive()
    calcom.loses_webhooks = True
    made, asked, cancelled, moved = (
        calcom.book(host(calcom), STRANGER, pending=pending)
        for pending in (False, True, False, False)
    )
    expected = [
        ("BOOKING_CONFIRMED", made),
        ("BOOKING_REQUESTED", asked),
        ("BOOKING_CONFIRMED", cancelled),
        ("BOOKING_CONFIRMED", moved),
    ]
    stand.hears(phone, *expected)
    calcom.confirm(asked)
    calcom.cancel(cancelled)
    new = calcom.move(moved)
    expected += [
        ("BOOKING_CONFIRMED", asked),
        ("BOOKING_CANCELLED", cancelled),
        ("BOOKING_RESCHEDULED", new),
    ]
    stand.hears(phone, *expected)
    assert stand.timeline(moved.uid)["replaced_by_uid"] == new.uid
    assert stand.repaired() == 7
    for webhook, envelope in [*calcom.sent, *reversed(calcom.sent)]:
        assert calcom.send(webhook, envelope) == 200
    stand.hears(phone, *expected)
    retold = stand.database.run("replay", "--diff")
    assert (retold.code, retold.err) == (0, ""), retold.out
    assert "not compared" not in retold.out


@on_both
def test_after_an_outage_of_calbell_nothing_is_missing_and_nobody_is_told_twice(
    stand: Reconciling, calcom: Instance
) -> None:
    phone = stand.arrive()
    before = calcom.book(host(calcom), STRANGER)
    stand.hears(phone, ("BOOKING_CONFIRMED", before))
    stand.stop()
    calcom.cancel(before)
    missed = [calcom.book(host(calcom), STRANGER) for _ in range(3)]
    stand.start()
    stand.connect()
    after = calcom.book(host(calcom), STRANGER)
    stand.hears(
        phone,
        ("BOOKING_CONFIRMED", before),
        ("BOOKING_CANCELLED", before),
        *(("BOOKING_CONFIRMED", booked) for booked in (*missed, after)),
    )
    assert stand.repaired() == 4


def test_after_an_outage_of_cal_com_nothing_is_missing_and_nobody_is_told_twice(
    stand: Reconciling, calcom: Instance
) -> None:
    phone = stand.arrive()
    stand.sweeps(1)
    calcom.is_down = calcom.loses_webhooks = True
    lines = stand.program.err
    until(lambda: True if any("reconcile_failed" in line for line in lines) else None, "a line")
    missed = [calcom.book(host(calcom), STRANGER) for _ in range(3)]
    stand.sweeps(3)
    calcom.is_down = calcom.loses_webhooks = False
    stand.hears(phone, *(("BOOKING_CONFIRMED", booked) for booked in missed))
    assert sum("reconcile_failed" in line for line in lines) == 1


def test_old_news_is_not_announced_but_its_meeting_is_reminded_of(
    made: Callable[..., Reconciling], calcom: Instance
) -> None:
    stand = made(CALBELL_DEFAULT_REMINDER_MINUTES="10")
    phone = stand.arrive()
    calcom.loses_webhooks = True
    calcom.clock = lambda: datetime.now(UTC) - timedelta(days=1, minutes=1)
    old = calcom.book(host(calcom), STRANGER)
    calcom.clock = lambda: datetime.now(UTC)
    fresh = calcom.book(host(calcom), STRANGER)
    stand.hears(phone, ("BOOKING_CONFIRMED", fresh))
    states = {one["kind"]: one["state"] for one in notifications(stand.timeline(old.uid))}
    assert states == {"BOOKING_CONFIRMED": "expired", "BOOKING_REMINDER": "waiting"}


def test_changes_that_have_no_webhook_are_told_when_they_are_seen(
    stand: Reconciling, calcom: Instance
) -> None:
    calcom.person("cal_second", 8, organizationId=ORG, name="Grace Second")
    calcom.person("cal_guest", 9, name="Gus Guest")
    phone, second, guest = (stand.arrive(key) for key in (KEY, "cal_second", "cal_guest"))
    elsewhere, handed_on, larger = (calcom.book(host(calcom), STRANGER) for _ in range(3))
    stand.sweeps(2)
    calcom.relocate(elsewhere, "https://meet.example.com/room")
    calcom.reassign(handed_on, host(calcom, "cal_second"))
    calcom.invite(larger, calcom.people["cal_guest"]["email"], "Gus Guest")
    stand.hears(
        phone,
        *(("BOOKING_CONFIRMED", one) for one in (elsewhere, handed_on, larger)),
        ("BOOKING_LOCATION_CHANGED", elsewhere),
        ("BOOKING_GUESTS_ADDED", larger),
    )
    assert stand.told(second) == [("BOOKING_REASSIGNED", handed_on.uid)]
    assert stand.told(guest) == [("BOOKING_GUESTS_ADDED", larger.uid)]


def test_what_webhooks_brought_is_left_alone(stand: Reconciling, calcom: Instance) -> None:
    phone = stand.arrive()
    asked = calcom.book(host(calcom), STRANGER, pending=True)
    told = [("BOOKING_REQUESTED", asked)]
    stand.hears(phone, *told)
    calcom.confirm(asked)
    told.append(("BOOKING_CONFIRMED", asked))
    stand.hears(phone, *told)
    new = calcom.move(asked)
    told.append(("BOOKING_RESCHEDULED", new))
    stand.hears(phone, *told)
    calcom.cancel(new)
    told.append(("BOOKING_CANCELLED", new))
    stand.hears(phone, *told)
    assert stand.repaired() == 0


@pytest.mark.parametrize("sorts", [True, False])
def test_more_than_a_page_comes_within_the_request_limit(
    made: Callable[..., Reconciling], calcom: Instance, sorts: bool
) -> None:
    calcom.limit, calcom.window_seconds, calcom.sorts = 4, 1, sorts
    stand = made()
    phone = stand.arrive()
    calcom.loses_webhooks = True
    now = datetime.now(UTC)
    booked = []
    for nth in range(90):
        # Sixty at the same time: more than a page, told apart by number.
        at = now - timedelta(seconds=max(0, 30 - nth))
        calcom.clock = lambda at=at: at  # type: ignore[misc]
        booked.append(calcom.book(host(calcom), STRANGER))
    stand.hears(phone, *(("BOOKING_CONFIRMED", one) for one in booked))
    assert stand.repaired() == 90
    assert not any("reconcile_failed" in line for line in stand.program.err)


def test_a_key_that_sees_its_owners_bookings_alone_says_so(
    made: Callable[..., Reconciling], calcom: Instance
) -> None:
    stand = made(CALBELL_CALCOM_API_KEY=KEY)
    seen = stand.program.first(stand.program.err, _sight)
    assert seen == "bookings of user 7"

    def swept() -> str | None:
        out: str = stand.database.run("status").out
        return out if "compared with Cal.com" in out else None

    assert seen in until(swept, "the end of a sweep")


def _sight(line: str) -> str | None:
    told = msgspec.json.decode(line)
    return told["sees"] if told["event"] == "reconciling" else None


def test_a_clock_of_cal_coms_that_runs_ahead_outdates_nothing(
    stand: Reconciling, calcom: Instance
) -> None:
    phone = stand.arrive()
    calcom.loses_webhooks = True
    calcom.ahead = timedelta(hours=1)
    booked = calcom.book(host(calcom), STRANGER)
    stand.hears(phone, ("BOOKING_CONFIRMED", booked))
    calcom.loses_webhooks = False
    calcom.cancel(booked)
    stand.hears(phone, ("BOOKING_CONFIRMED", booked), ("BOOKING_CANCELLED", booked))
    assert stand.repaired() == 1


def test_a_cal_com_that_hangs_keeps_nothing_from_stopping(
    stand: Reconciling, calcom: Instance
) -> None:
    stand.sweeps(1)
    calcom.hangs = True
    stand.sweeps(1)
    stand.program.ask_to_stop()
    assert stand.program.wait(4) == 0
