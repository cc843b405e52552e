"""A host and a guest with a phone each, who choose what they are told."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from calbell.choices import app_of, pace_of, policy_of
from calbell.config import Secret, Settings
from calbell.flows.claim import claim
from calbell.flows.compose import compose
from calbell.flows.release import release_due
from calbell.store import notifications
from tests.api.desk import APP_PUSH, GOOD, Desk
from tests.api.stories import ADMIN, GUEST, HOST, SECRET

SETTINGS = Settings(
    webhook_secrets=(Secret(SECRET),),
    admin_token=Secret(ADMIN),
    default_reminder_minutes=(10,),
)
PREFERENCES = "/v1/me/preferences"


def berlin(when: str) -> datetime:
    """The time in Berlin, in UTC."""
    return datetime.fromisoformat(when).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


class Home(Desk):
    """A host and a guest with a phone each, and preferences."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        super().__init__(settings)
        self.settings = settings
        self.keys = {id_: self.user(id_) for id_ in (HOST, GUEST)}
        for id_, key in self.keys.items():
            phone = GOOD | {"token": f"ExponentPushToken[{id_}]"}
            assert self.ask("POST", APP_PUSH, phone, key=key).status == 201

    def choose(self, user: int, **patch: object) -> None:
        said = self.ask("PATCH", PREFERENCES, patch, key=self.keys[user])
        assert said.status == 200, said

    def release(self) -> int:
        return self.run(release_due, policy_of(self.settings), self.now, self.chance)

    def reminders(self) -> set[datetime]:
        """When the host is to be reminded of the first booking."""
        waiting = self.run(notifications.waiting_of, [1])[1]
        return {
            one.planned.due_at
            for one in waiting
            if one.planned.user_id == HOST and one.planned.kind == "BOOKING_REMINDER"
        }

    def at(self, when: str) -> None:
        """It is this time, in Berlin."""
        self.now = berlin(when)

    def sent(self) -> list[Any]:
        """What is handed to Expo now."""
        found = []
        policy, pace = policy_of(self.settings), pace_of(self.settings)
        while claimed := self.run(claim, policy, pace, "worker", 6, self.now):
            app = app_of(self.settings)
            found += [compose(one, app, self.now).message for r in claimed.requests for one in r]
            self.later(seconds=1)
        return found
