"""`GET /v2/me`: who a bearer token belongs to, asked of Cal.com (cal-api.md sections 3.4 and 9)."""

from typing import Final, TypeAlias

from msgspec import Struct

from calbell.calcom.json_fields import NO_FIELDS, Fields, address, fields, parsed, positive, text

LONGEST_TEXT: Final = 2_000
"""Characters of what is taken over from a profile."""


class CalcomUser(Struct, frozen=True, kw_only=True):
    """A user as Cal.com describes him. `is_platform` is `None` for a user without a profile in an
    organisation."""

    id: int
    email: str
    name: str | None
    username: str | None
    time_zone: str
    locale: str
    time_format: int
    organization_id: int | None
    avatar_url: str | None = None
    bio: str | None = None
    week_start: str = "Sunday"
    default_schedule_id: int | None = None
    is_platform: bool | None = None


class NotGood(Struct, frozen=True):
    """Cal.com does not take the credential, or it may not read the profile."""


class TokenExpired(Struct, frozen=True):
    """The access token of a managed user has expired: its client refreshes it when it is told."""


class CannotTell(Struct, frozen=True):
    """Cal.com did not say whose the credential is. `reason` holds nothing of the answer's text.
    `is_down`: it would not have said it of another one either."""

    reason: str
    is_down: bool = True


Asked: TypeAlias = CalcomUser | NotGood | TokenExpired | CannotTell
"""What the question came to."""


def read_me(status: int, body: bytes) -> Asked:
    """What Cal.com's answer says. Only a 401, and a 403 that is Cal.com's own and no firewall's,
    speak against the credential: everything else that is not clear leaves it open, because a client
    that is told 401 logs its user out. A 429 is about this credential alone."""
    match status:
        case 200:
            return _user(body)
        case 401:
            return NotGood()
        case 403 if fields((parsed(body) or NO_FIELDS).get("error")) is not None:
            return NotGood()
        case 498:
            return TokenExpired()
        case _:
            return CannotTell(f"status {status}", is_down=status >= 500)


def _user(body: bytes) -> CalcomUser | CannotTell:
    data = fields((parsed(body) or NO_FIELDS).get("data"))
    if data is None:
        return CannotTell("no user in the answer", is_down=False)
    id_, email = positive(data.get("id")), address(data.get("email"))
    if id_ is None or email is None:
        return CannotTell("a user without id or e-mail in the answer", is_down=False)
    organization = fields(data.get("organization"))
    return CalcomUser(
        id=id_,
        email=email,
        name=_said(data, "name"),
        username=_said(data, "username"),
        time_zone=_said(data, "timeZone") or "Europe/London",
        locale=_said(data, "locale") or "en",
        time_format=24 if data.get("timeFormat") == 24 else 12,
        organization_id=_organization(data, organization),
        avatar_url=_said(data, "avatarUrl"),
        bio=_said(data, "bio"),
        week_start=_said(data, "weekStart") or "Sunday",
        default_schedule_id=positive(data.get("defaultScheduleId")),
        is_platform=None if organization is None else organization.get("isPlatform") is True,
    )


def _said(data: Fields, name: str) -> str | None:
    said = text(data.get(name))
    return said[:LONGEST_TEXT] if said else None


def _organization(data: Fields, organization: Fields | None) -> int | None:
    own = positive(data.get("organizationId"))
    return own if own is not None else positive((organization or NO_FIELDS).get("id"))
