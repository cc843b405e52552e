"""`/v1/me/preferences`: what the caller wants to be told, and when."""

from collections.abc import Callable
from datetime import timedelta

from calbell.api.answers import Answer, Problem, bad_request, json
from calbell.api.bodies import Body
from calbell.api.credentials import USER_IS_GONE, Caller
from calbell.api.devices import NO_OBJECT
from calbell.api.preference_input import patch_in, wrong
from calbell.api.requests import Call
from calbell.api.subscriptions import MAY_NOT_REGISTER
from calbell.domain.plan import Rules
from calbell.domain.preferences import Mistake, Preferences
from calbell.domain.push_events import PushEvent
from calbell.domain.quiet_hours import QuietHours, Weekday
from calbell.flows.choose import NoUser, choose, chosen
from calbell.flows.surroundings import Clock
from calbell.store.database import Database

PATH = "/v1/me/preferences"

NO_JSON = bad_request("the body must be sent as application/json")


class PreferencesApi:
    """Shows and changes what a user chose. `wake` is called when it was changed."""

    def __init__(
        self, database: Database, rules: Rules, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._rules = rules
        self._clock = clock
        self._wake = wake

    async def show(self, _: Call, __: Body, caller: Caller) -> Answer | Problem:
        """200 with what counts for the caller, the operator's defaults filled in."""
        found = await self._database.read(chosen, caller.user_id, self._rules)
        return _gone(caller) if isinstance(found, NoUser) else _success(found)

    async def change(self, call: Call, body: Body, caller: Caller) -> Answer | Problem:
        """200 with what counts for the caller after the patch; or 400, and nothing is changed."""
        if not isinstance(body, dict):
            return NO_OBJECT
        if not body and call.body.strip() not in (b"", b"{}") and not _is_json(call):
            return NO_JSON
        patch = patch_in(body, self._rules.privacy)
        if isinstance(patch, Problem):
            return patch
        found = await self._database.run(choose, caller.user_id, patch, self._rules, self._clock())
        match found:
            case NoUser():
                return _gone(caller)
            case Mistake(name, rule, text):
                return wrong(name, rule, text)
            case _:
                self._wake()
                return _success(found)


def _is_json(call: Call) -> bool:
    kind = call.header(b"content-type") or ""
    return kind.partition(";")[0].strip().lower() == "application/json"


def _gone(caller: Caller) -> Problem:
    return USER_IS_GONE if caller.may_register else MAY_NOT_REGISTER


def _success(preferences: Preferences) -> Answer:
    return json(200, {"status": "success", "data": shown(preferences)})


def shown(preferences: Preferences) -> dict[str, object]:
    """The preferences in the form in which they can be sent back."""
    hours = preferences.quiet_hours
    return {
        "enabled": preferences.enabled,
        "events": {kind: kind not in preferences.off for kind in PushEvent},
        "quietHours": None if hours is None else _shown(hours),
        "reminders": [span // timedelta(minutes=1) for span in preferences.reminders],
        "ownActions": preferences.own_actions,
        "privacy": preferences.privacy,
    }


def _shown(hours: QuietHours) -> dict[str, object]:
    return {
        "from": f"{hours.start:%H:%M}",
        "to": f"{hours.end:%H:%M}",
        "weekdays": [day for day in Weekday if day in hours.weekdays],
        "timeZone": hours.time_zone,
        "passive": hours.passive,
    }
