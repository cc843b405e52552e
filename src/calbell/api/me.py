"""`/v2/me`: the caller, in Cal.com's shape."""

from calbell.api.answers import Answer, Problem, json
from calbell.api.bodies import Body
from calbell.api.credentials import USER_IS_GONE, Caller
from calbell.api.requests import Call
from calbell.calcom.me import CalcomUser
from calbell.store import users
from calbell.store.database import Database
from calbell.store.users import Profile

PATH = "/v2/me"


class Me:
    """Tells callers who they are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def show(self, _: Call, __: Body, caller: Caller) -> Answer | Problem:
        """The caller as Cal.com describes him, where it was asked; else as he is known here."""
        user = caller.calcom_user
        if user is None:
            profile = await self._database.read(users.find, caller.user_id)
            if profile is None:
                return USER_IS_GONE
            user = known_here(profile)
        return json(200, {"status": "success", "data": shown(user)})


def known_here(profile: Profile) -> CalcomUser:
    """The user as far as he is known here; the rest is as Cal.com shows what nobody has set."""
    return CalcomUser(
        id=profile.id,
        email=profile.addresses[0] if profile.addresses else "",
        name=profile.name or None,
        username=profile.username,
        time_zone=profile.time_zone,
        locale=profile.locale,
        time_format=profile.time_format,
        organization_id=profile.organization_id,
        is_platform=None if profile.organization_id is None else False,
    )


def shown(user: CalcomUser) -> dict[str, object]:
    """The fields of cal-api.md section 9."""
    data: dict[str, object] = {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "avatarUrl": user.avatar_url,
        "bio": user.bio,
        "timeFormat": user.time_format,
        "defaultScheduleId": user.default_schedule_id,
        "weekStart": user.week_start,
        "timeZone": user.time_zone,
        "username": user.username or "",
        "organizationId": user.organization_id,
        "locale": user.locale,
    }
    if user.is_platform is not None and user.organization_id is not None:
        data["organization"] = {"isPlatform": user.is_platform, "id": user.organization_id}
    return data
