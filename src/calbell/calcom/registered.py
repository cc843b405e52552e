"""Webhooks that are registered at Cal.com: listed, made and mended through its API v2
(cal-webhooks.md section 10)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Struct

from calbell.calcom.http import Answer, Answered, NoAnswer
from calbell.calcom.json_fields import NO_FIELDS, Fields, fields, items, parsed, text

TRIGGERS: Final = (
    "BOOKING_REQUESTED",
    "BOOKING_CREATED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_PAID",
    "RECORDING_READY",
    "RECORDING_TRANSCRIPTION_GENERATED",
)
"""What something is told of; each once, since Cal.com takes one twice (calcom/cal.diy#13079)."""

MOST_LISTED: Final = 250
LONGEST_MESSAGE: Final = 200
LONGEST_WAIT: Final = timedelta(minutes=5)
SHORT_WAIT: Final = timedelta(minutes=1)
"""Cal.com's window and its block (cal-api.md section 8)."""


class ScopeKind(StrEnum):
    """Whose bookings a webhook tells of."""

    USER = "user"
    ORGANIZATION = "organization"
    OAUTH_CLIENT = "oauth-client"
    EVENT_TYPE = "event-type"
    INSTANCE = "instance"


class Scope(Struct, frozen=True):
    """A place at Cal.com where webhooks are registered. `id` is that of the organisation, client or
    event type; `team_id` is the team's whose event type it is. A webhook for all of an instance is
    made in its pages alone."""

    kind: ScopeKind
    id: str = ""
    team_id: int | None = None

    @property
    def name(self) -> str:
        """As it is kept: `user`, `organization:12`."""
        return f"{self.kind}:{self.id}" if self.id else str(self.kind)

    @property
    def path(self) -> str:
        """Where its webhooks are, below the API's address."""
        id_ = quote(self.id, safe="")
        match self.kind:
            case ScopeKind.USER:
                return "/webhooks"
            case ScopeKind.ORGANIZATION:
                return f"/organizations/{id_}/webhooks"
            case ScopeKind.OAUTH_CLIENT:
                return f"/oauth-clients/{id_}/webhooks"
            case ScopeKind.EVENT_TYPE if self.team_id is not None:
                return f"/teams/{self.team_id}/event-types/{id_}/webhooks"
            case ScopeKind.EVENT_TYPE:
                return f"/event-types/{id_}/webhooks"
            case ScopeKind.INSTANCE:
                raise ValueError("the webhooks of an instance have no API")


class Registered(Struct, frozen=True, kw_only=True):
    """A webhook as Cal.com has it."""

    id: str
    url: str
    triggers: frozenset[str]
    is_active: bool
    secret: str | None
    has_template: bool

    def faults(self, url: str, secret: str) -> tuple[str, ...]:
        """What has to be mended before it tells everything there, signed with the secret."""
        found = (
            ("it pointed to another address", self.url != url),
            ("it was switched off", not self.is_active),
            ("its secret was another one", self.secret != secret),
            ("triggers were missing", not self.triggers >= set(TRIGGERS)),
            ("it had a payload template", self.has_template),
        )
        return tuple(said for said, is_so in found if is_so)


class Refusal(Struct, frozen=True):
    """Cal.com does not do it. `reason` is its own text, cut; `is_final`: not with this credential,
    however often it is asked. `wait` is how long it wants to be left alone."""

    reason: str
    is_final: bool
    wait: timedelta | None = None


class Api(Protocol):
    """The way to the instance."""

    async def ask(
        self,
        method: str,
        path: str,
        authorization: str,
        body: bytes | None = None,
        *,
        longest: int = ...,
    ) -> Answer:
        """What it says."""


Listed: TypeAlias = list[Registered] | Refusal
Made: TypeAlias = Registered | Refusal


async def listed(api: Api, scope: Scope, authorization: str) -> Listed:
    """The webhooks of the scope."""
    path = f"{scope.path}?take={MOST_LISTED}"
    said = _success(await api.ask("GET", path, authorization))
    if isinstance(said, Refusal):
        return said
    found = (_registered(one) for one in items(said.get("data")) or ())
    return [one for one in found if one is not None]


async def make(api: Api, scope: Scope, authorization: str, url: str, secret: str) -> Made:
    """There is a webhook that tells everything to `url`, signed with the secret."""
    body = msgspec.json.encode(_wanted(url, secret))
    return _one(await api.ask("POST", scope.path, authorization, body))


async def mend(api: Api, scope: Scope, authorization: str, id_: str, url: str, secret: str) -> Made:
    """The webhook tells everything to `url`, signed with the secret."""
    body = msgspec.json.encode(_wanted(url, secret) | {"payloadTemplate": None})
    path = f"{scope.path}/{quote(id_, safe='')}"
    return _one(await api.ask("PATCH", path, authorization, body))


def refusal(answer: Answer) -> Refusal:
    """Why nothing came of it."""
    if isinstance(answer, NoAnswer):
        return Refusal(answer.reason, is_final=False)
    error = fields((parsed(answer.body) or NO_FIELDS).get("error")) or NO_FIELDS
    said = text(error.get("message"))
    reason = f"{answer.status}: {said[:LONGEST_MESSAGE]}" if said else f"status {answer.status}"
    if answer.status == 429:
        return Refusal(reason, is_final=False, wait=wait_of(answer.headers) or SHORT_WAIT)
    if answer.status >= 500:
        return Refusal(reason, is_final=False, wait=wait_of(answer.headers))
    return Refusal(reason, is_final=True)


def wait_of(headers: Mapping[str, str]) -> timedelta | None:
    """How long the instance wants to be left alone: `Retry-After` in seconds, else the end of its
    window where nothing is left of it."""
    said = headers.get("retry-after")
    if said is None and whole(headers.get("x-ratelimit-remaining-default")) == 0:
        said = headers.get("x-ratelimit-reset-default")
    seconds = whole(said)
    return None if seconds is None else min(timedelta(seconds=seconds), LONGEST_WAIT)


def whole(said: str | None) -> int | None:
    """The number that a header says, if it says one."""
    return int(said) if said is not None and said.isdecimal() and len(said) < 10 else None


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """When an answer was made, by the clock of who answered, in whole seconds; `None` where it does
    not say so, or not in which time zone."""
    try:
        at = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _wanted(url: str, secret: str) -> dict[str, object]:
    return {"active": True, "subscriberUrl": url, "triggers": TRIGGERS, "secret": secret}


def _success(answer: Answer) -> Fields | Refusal:
    if not isinstance(answer, Answered) or answer.status not in (200, 201):
        return refusal(answer)
    said = parsed(answer.body)
    return Refusal("an answer that is no JSON object", is_final=False) if said is None else said


def _one(answer: Answer) -> Made:
    said = _success(answer)
    if isinstance(said, Refusal):
        return said
    made = _registered(fields(said.get("data")) or NO_FIELDS)
    return made or Refusal("an answer without a webhook", is_final=False)


def _registered(said: Fields) -> Registered | None:
    # The published description says that the id is a number.
    id_ = said.get("id")
    url = text(said.get("subscriberUrl"))
    if url is None or not isinstance(id_, str | int):
        return None
    return Registered(
        id=str(id_),
        url=url,
        triggers=frozenset(_texts(said.get("triggers"))),
        is_active=said.get("active") is True,
        secret=text(said.get("secret")),
        has_template=text(said.get("payloadTemplate")) is not None,
    )


def _texts(value: object) -> Iterable[str]:
    return (one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
