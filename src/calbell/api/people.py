"""`/v1/users`: who may be told of bookings, for operators."""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

from calbell.api.answers import Answer, Problem, bad_request, iso, json, not_found
from calbell.api.operator_input import Id, Line, number_in, page_in, read_as
from calbell.api.requests import Call
from calbell.domain.people import is_address, is_locale
from calbell.domain.plan import Rules
from calbell.domain.time_zones import is_time_zone
from calbell.flows.erase import remove_user
from calbell.flows.surroundings import Clock
from calbell.flows.welcome import keep_told_user
from calbell.store import users
from calbell.store.database import Database
from calbell.store.users import FROM_OPERATOR, Profile

PATH = "/v1/users"
ONE_PATH = "/v1/users/{id}"


class NewUser(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A user as operators give him; the first address is the primary one."""

    id: Id
    emails: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=50)]
    name: Line = ""
    username: Line | None = None
    time_zone: Line = "Europe/London"
    locale: Line = "en"
    time_format: int = 12


class People:
    """Adds, changes, lists and removes users."""

    def __init__(
        self, database: Database, clock: Clock, rules: Rules, wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules
        self._wake = wake

    async def list(self, call: Call) -> Answer | Problem:
        """200 with a page of the users, in the order of their ids."""
        page = page_in(call)
        if isinstance(page, Problem):
            return page
        profiles = await self._database.read(users.listed, page.after, page.limit)
        return json(200, {"status": "success", "data": [_shown(one) for one in profiles]})

    async def show(self, call: Call) -> Answer | Problem:
        """200 with one user, or 404."""
        id_ = number_in(call, "id")
        profile = None if id_ is None else await self._database.read(users.find, id_)
        if profile is None:
            return _no_user()
        return json(200, {"status": "success", "data": _shown(profile)})

    async def save(self, call: Call) -> Answer | Problem:
        """201 with the user as he is now, and whose his addresses were until now: what is given
        replaces what was known."""
        given = read_as(call, NewUser)
        if isinstance(given, Problem):
            return given
        if (wrong := _mistake(given)) is not None:
            return bad_request(wrong)
        now = self._clock()
        profile = Profile(
            id=given.id,
            name=given.name,
            username=given.username,
            time_zone=given.time_zone,
            locale=given.locale,
            time_format=given.time_format,
            source=FROM_OPERATOR,
            addresses=tuple(address.strip().lower() for address in given.emails),
            created_at=now,
        )
        kept, taken = await self._database.run(keep_told_user, profile, self._rules, now)
        taken_from = [{"email": email, "userId": user_id} for email, user_id in taken.items()]
        return json(201, {"status": "success", "data": _shown(kept), "takenFrom": taken_from})

    async def remove(self, call: Call) -> Answer | Problem:
        """200 when the user is told nothing any more and has no key and no device; or 404. What is
        kept of him otherwise goes within the next minutes."""
        id_ = number_in(call, "id")
        if id_ is None or not await self._database.run(remove_user, id_, self._clock()):
            return _no_user()
        self._wake()
        return json(200, {"status": "success"})


def _mistake(given: NewUser) -> str | None:
    if not is_time_zone(given.time_zone):
        return "timeZone: not an IANA time zone, such as Europe/Berlin"
    if not is_locale(given.locale):
        return "locale: not a language, such as en or de-AT"
    if given.time_format not in (12, 24):
        return "timeFormat: it is 12 or 24"
    if not all(map(is_address, given.emails)):
        return "emails: one of them is not an address"
    return None


def _no_user() -> Problem:
    return not_found("There is no such user")


def _shown(profile: Profile) -> dict[str, object]:
    return {
        "id": profile.id,
        "emails": profile.addresses,
        "name": profile.name,
        "username": profile.username,
        "timeZone": profile.time_zone,
        "locale": profile.locale,
        "timeFormat": profile.time_format,
        "organizationId": profile.organization_id,
        "source": profile.source,
        "createdAt": iso(profile.created_at),
    }
