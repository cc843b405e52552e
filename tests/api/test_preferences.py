"""The preferences of the caller: what is shown, what is taken, and what is refused, how."""

from typing import Any

import pytest

from calbell.config import AuthMethod, Privacy, Settings
from calbell.domain.push_events import PushEvent
from calbell.flows.erase import remove_user
from calbell.store import preferences
from tests.api.desk import Desk, SilentCalcom

PATH = "/v1/me/preferences"
NIGHT = {"from": "22:00", "to": "07:00"}
EVERY_DAY = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def key(desk: Desk) -> str:
    return desk.user()


def show(desk: Desk, key: str) -> Any:
    said = desk.ask("GET", PATH, key=key)
    assert said.status == 200, said
    assert said.json()["status"] == "success"
    return said.json()["data"]


def change(desk: Desk, key: str, patch: object) -> Any:
    """What counts after the patch, which is also what is shown from then on."""
    said = desk.ask("PATCH", PATH, patch, key=key)
    assert said.status == 200, said
    data = said.json()["data"]
    assert show(desk, key) == data
    return data


def refusals(desk: Desk, key: str, patch: object) -> dict[str, dict[str, str]]:
    """The rules that are broken by each property."""
    before = show(desk, key)
    said = desk.ask("PATCH", PATH, patch, key=key)
    assert said.status == 400, said
    error = said.json()["error"]
    assert (error["code"], error["message"]) == ("BadRequestException", "Bad Request Exception")
    assert show(desk, key) == before
    return {one["property"]: one["constraints"] for one in error["details"]["errors"]}


def test_whoever_chose_nothing_has_the_defaults(desk: Desk, key: str) -> None:
    assert show(desk, key) == {
        "enabled": True,
        "events": dict.fromkeys(PushEvent, True),
        "quietHours": None,
        "reminders": [],
        "ownActions": False,
        "privacy": "full",
    }


def test_the_operators_defaults_are_filled_in() -> None:
    desk = Desk(Settings(default_reminder_minutes=(10, 60), privacy=Privacy.NO_NAMES))
    shown = show(desk, desk.user())
    assert (shown["reminders"], shown["privacy"]) == ([10, 60], "no_names")


def test_what_is_not_named_stays_and_null_goes_back_to_the_default() -> None:
    desk = Desk(Settings(default_reminder_minutes=(10,)))
    key = desk.user()
    change(desk, key, {"enabled": False, "reminders": [5], "events": {"BOOKING_REJECTED": False}})
    change(desk, key, {"quietHours": NIGHT, "ownActions": True})
    after = change(desk, key, {"reminders": None, "events": {"BOOKING_CANCELLED": False}})
    assert (after["enabled"], after["ownActions"], after["reminders"]) == (False, True, [10])
    assert [kind for kind, on in after["events"].items() if not on] == [
        "BOOKING_REJECTED",
        "BOOKING_CANCELLED",
    ]
    names = ("enabled", "events", "quietHours", "reminders", "ownActions", "privacy")
    assert change(desk, key, dict.fromkeys(names)) == show(desk, desk.user(8))
    kept = desk.run(preferences.find, 7)
    assert kept is not None
    assert kept.text is None


def test_only_what_was_chosen_is_kept(desk: Desk, key: str) -> None:
    change(desk, key, {"quietHours": {**NIGHT, "timeZone": None}, "events": {}, "privacy": None})
    kept = desk.run(preferences.find, 7)
    assert kept is not None
    assert kept.text == '{"quietHours":{"from":"22:00","to":"07:00"}}'


def test_quiet_hours_are_every_day_by_the_users_own_clock_unless_said_otherwise(
    desk: Desk, key: str
) -> None:
    assert change(desk, key, {"quietHours": NIGHT})["quietHours"] == {
        **NIGHT,
        "weekdays": EVERY_DAY,
        "timeZone": None,
        "passive": False,
    }
    more = {"weekdays": ["sunday", "monday"], "timeZone": "Asia/Tokyo", "passive": True}
    after = change(desk, key, {"quietHours": {"to": "06:30", **more}})["quietHours"]
    assert after == {"from": "22:00", "to": "06:30", **more, "weekdays": ["monday", "sunday"]}
    assert change(desk, key, {"quietHours": None})["quietHours"] is None


def test_what_is_shown_can_be_sent_back(desk: Desk, key: str) -> None:
    chosen = {
        "enabled": False,
        "events": {"BOOKING_REMINDER": False},
        "quietHours": {**NIGHT, "weekdays": []},
        "reminders": [60, 10],
        "privacy": "minimal",
    }
    shown = change(desk, key, chosen)
    assert change(desk, key, shown) == shown


def test_a_preference_of_one_user_is_nobody_elses(desk: Desk, key: str) -> None:
    other = desk.user(8)
    change(desk, key, {"enabled": False})
    assert show(desk, other)["enabled"] is True


def test_what_a_user_chose_outlives_what_is_said_of_him(desk: Desk, key: str) -> None:
    change(desk, key, {"enabled": False})
    desk.user(name="Ada again", time_zone="UTC")
    assert show(desk, key)["enabled"] is False


@pytest.mark.parametrize(
    "patch",
    [
        {"notifications.enabled": False, "booking_confirmed.channel.app_push": False},
        {
            "notifications": {"enabled": False},
            "booking_confirmed": {"channel": {"app_push": False}},
        },
        {"notifications": {"enabled": False}, "booking_confirmed.channel": {"app_push": False}},
        {"enabled": False, "events.BOOKING_CONFIRMED": False},
    ],
)
def test_names_may_be_joined_with_dots_and_cal_coms_are_understood(
    desk: Desk, key: str, patch: object
) -> None:
    after = change(desk, key, patch)
    assert after["enabled"] is False
    assert after["events"]["BOOKING_CONFIRMED"] is False
    assert sum(after["events"].values()) == len(PushEvent) - 1


def test_every_event_of_cal_com_can_be_switched_off_by_its_name_there(desk: Desk, key: str) -> None:
    patch = {f"{kind.lower()}.channel.app_push": False for kind in PushEvent}
    assert not any(change(desk, key, patch)["events"].values())


@pytest.mark.parametrize(
    ("patch", "name", "rule", "text"),
    [
        ({"enabled": "yes"}, "enabled", "isBoolean", "enabled must be a boolean value"),
        ({"ownActions": 1}, "ownActions", "isBoolean", "ownActions must be a boolean value"),
        ({"enabled": {}}, "enabled", "isBoolean", "enabled must be a boolean value"),
        ({"events": []}, "events", "isObject", "events must be an object"),
        (
            {"events": {"BOOKING_CONFIRMED": 1}},
            "events.BOOKING_CONFIRMED",
            "isBoolean",
            "events.BOOKING_CONFIRMED must be a boolean value",
        ),
        ({"quietHours": "22:00-07:00"}, "quietHours", "isObject", "quietHours must be an object"),
        (
            {"quietHours": {**NIGHT, "to": "7:00"}},
            "quietHours.to",
            "matches",
            "quietHours.to must be a time of day from 00:00 to 23:59",
        ),
        (
            {"quietHours": {**NIGHT, "timeZone": "Europe/Atlantis"}},
            "quietHours.timeZone",
            "isTimeZone",
            "quietHours.timeZone must be an IANA time zone, such as Europe/Berlin",
        ),
        (
            {"quietHours": {**NIGHT, "weekdays": ["monday", "monday"]}},
            "quietHours.weekdays",
            "isEnum",
            "quietHours.weekdays must be a list of some of: monday, tuesday, wednesday, thursday, "
            "friday, saturday, sunday; each once",
        ),
        (
            {"quietHours": {"from": "22:00"}},
            "quietHours.to",
            "isDefined",
            "quietHours.to should be given: there is no default",
        ),
        (
            {"quietHours": {"from": "22:00", "to": "22:00"}},
            "quietHours.to",
            "notEquals",
            "quietHours.to must not be the same as quietHours.from",
        ),
        (
            {"quietHours": {"from": "22:00", "to": "22:00", "weekdays": []}},
            "quietHours.to",
            "notEquals",
            "quietHours.to must not be the same as quietHours.from",
        ),
        (
            {"reminders": [0]},
            "reminders",
            "isInt",
            "reminders must be a list of at most 10 whole numbers from 1 to 40320: minutes before "
            "the start",
        ),
        (
            {"privacy": "none"},
            "privacy",
            "isEnum",
            "privacy must be one of the following values: full, no_names, minimal",
        ),
        (
            {"enabeld": False},
            "enabeld",
            "whitelistValidation",
            "property enabeld should not exist; did you mean enabled?",
        ),
        (
            {"events": {"BOOKING_CANCELED": False}},
            "events.BOOKING_CANCELED",
            "whitelistValidation",
            "property events.BOOKING_CANCELED should not exist; did you mean "
            "events.BOOKING_CANCELLED?",
        ),
        (
            {"booking_confirmed": {"channel": {"slack": False}}},
            "booking_confirmed.channel.slack",
            "whitelistValidation",
            "property booking_confirmed.channel.slack should not exist: of the channels only "
            "app_push is served here",
        ),
        (
            {"enabled": True, "notifications.enabled": False},
            "notifications.enabled",
            "isUnique",
            "notifications.enabled must not be said twice",
        ),
        (
            {"quietHours": None, "quietHours.from": "22:00"},
            "quietHours.from",
            "isUnique",
            "quietHours.from must not be said twice",
        ),
        (
            {"quietHours.from": "22:00", "quietHours": None},
            "quietHours",
            "isUnique",
            "quietHours must not be said twice",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(
    desk: Desk, key: str, patch: object, name: str, rule: str, text: str
) -> None:
    assert refusals(desk, key, patch) == {name: {rule: text}}


@pytest.mark.parametrize(
    "reminders", ["10", 10, [True], [1.5], ["10"], [40321], list(range(1, 12)), [None]]
)
def test_reminders_are_a_short_list_of_minutes(desk: Desk, key: str, reminders: object) -> None:
    assert list(refusals(desk, key, {"reminders": reminders})) == ["reminders"]


def test_a_reminder_that_is_named_twice_is_one_and_10_0_is_10(desk: Desk, key: str) -> None:
    assert change(desk, key, {"reminders": [10.0, 60, 10]})["reminders"] == [10, 60]


def test_everything_that_is_wrong_is_listed_and_nothing_of_the_patch_is_kept(
    desk: Desk, key: str
) -> None:
    patch = {"enabled": False, "ownActions": "x", "quietHours": {"from": 22, "to": "07:00"}}
    assert list(refusals(desk, key, patch)) == ["ownActions", "quietHours.from"]


def test_a_thousand_mistakes_are_not_all_quoted(desk: Desk, key: str) -> None:
    assert len(refusals(desk, key, {f"x{nth}": "y" * 50 for nth in range(1000)})) == 20


def test_nobody_can_be_told_more_than_the_operator_allows() -> None:
    desk = Desk(Settings(privacy=Privacy.NO_NAMES))
    key = desk.user()
    assert refusals(desk, key, {"privacy": "full"}) == {
        "privacy": {"isEnum": "privacy must be one of the following values: no_names, minimal"}
    }
    assert change(desk, key, {"privacy": "minimal"})["privacy"] == "minimal"
    assert change(desk, key, {"privacy": None})["privacy"] == "no_names"


def test_hours_of_no_day_need_no_times(desk: Desk, key: str) -> None:
    assert change(desk, key, {"quietHours": {"weekdays": []}})["quietHours"] is None


@pytest.mark.parametrize("body", [[], [{"enabled": False}]])
def test_a_list_is_refused(desk: Desk, key: str, body: object) -> None:
    said = desk.ask("PATCH", PATH, body, key=key)
    assert (said.status, said.message) == (400, "the body must be an object")


def test_a_body_that_is_not_said_to_be_json_is_refused_rather_than_forgotten(
    desk: Desk, key: str
) -> None:
    for kind in ("application/merge-patch+json", "text/plain"):
        headers = {"content-type": kind}
        said = desk.ask("PATCH", PATH, b'{"enabled":false}', key=key, headers=headers)
        assert (said.status, said.message) == (400, "the body must be sent as application/json")
    assert desk.ask("PATCH", PATH, key=key).status == 200


def test_without_a_good_key_nothing_is_shown_or_changed(desk: Desk) -> None:
    for method in ("GET", "PATCH"):
        assert desk.ask(method, PATH, {"enabled": False}).status == 401
        operator = desk.key(role="admin")
        assert desk.ask(method, PATH, {"enabled": False}, key=operator).status == 401


def test_a_user_who_has_gone_has_no_preferences(desk: Desk, key: str) -> None:
    assert show(desk, key)
    desk.run(remove_user, 7, desk.now)
    for method in ("GET", "PATCH"):
        assert desk.ask(method, PATH, {"enabled": False}, key=key).status == 401


def test_while_cal_com_is_silent_nobody_is_taken_for_somebody_else() -> None:
    desk = Desk(Settings(auth=(AuthMethod.CALCOM,)), SilentCalcom())
    assert desk.ask("GET", PATH, key="a-token-of-cal-com").status == 503
