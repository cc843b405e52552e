"""`/v1/keys`: what apps and operators prove themselves with, for operators."""

from datetime import date
from random import Random
from typing import Annotated

from msgspec import Meta, Struct

from calbell.api.answers import Answer, Problem, bad_request, iso, json, not_found
from calbell.api.operator_input import KEEPABLE, Id, number_in, page_in, read_as
from calbell.api.requests import Call
from calbell.flows.grant import ROLES, grant
from calbell.flows.surroundings import Clock
from calbell.store import keys
from calbell.store.connection import MissingReference
from calbell.store.database import Database
from calbell.store.keys import ListedKey

PATH = "/v1/keys"
ONE_PATH = "/v1/keys/{id}"


class NewKey(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A key to be made: a user's, or an operator's of a role. `expires_on` is its last day."""

    user_id: Id | None = None
    role: str | None = None
    name: Annotated[str, Meta(max_length=100, pattern=KEEPABLE)] = ""
    expires_on: date | None = None


class Keys:
    """Makes, lists and revokes keys."""

    def __init__(self, database: Database, clock: Clock, chance: Random) -> None:
        self._database = database
        self._clock = clock
        self._chance = chance

    async def list(self, call: Call) -> Answer | Problem:
        """200 with a page of the keys, oldest first, masked."""
        page = page_in(call)
        if isinstance(page, Problem):
            return page
        listed = await self._database.read(keys.listed, page.after, page.limit)
        today = self._clock().date()
        return json(200, {"status": "success", "data": [_shown(key, today) for key in listed]})

    async def create(self, call: Call) -> Answer | Problem:
        """201 with the new key, which is shown this once."""
        wanted = read_as(call, NewKey)
        if isinstance(wanted, Problem):
            return wanted
        if (wanted.user_id is None) == (wanted.role is None):
            return bad_request("give either userId or role")
        if wanted.role is not None and wanted.role not in ROLES:
            return bad_request(f"role: it is one of {', '.join(ROLES)}")
        now = self._clock()
        if wanted.expires_on is not None and wanted.expires_on < now.date():
            return bad_request("expiresOn: that day is over")
        try:
            granted = await self._database.run(
                grant,
                wanted.user_id,
                wanted.role,
                wanted.name,
                wanted.expires_on,
                now,
                self._chance,
            )
        except MissingReference:
            return not_found("There is no such user")
        return json(201, {"status": "success", "data": {"id": granted.id, "key": granted.key}})

    async def revoke(self, call: Call) -> Answer | Problem:
        """200 when the key opens nothing any more, within seconds; 404 where there is none that
        could be revoked."""
        id_ = number_in(call, "id")
        if id_ is None or not await self._database.run(keys.revoke, id_, self._clock()):
            return not_found("There is no such key that could be revoked")
        return json(200, {"status": "success"})


def _shown(key: ListedKey, today: date) -> dict[str, object]:
    return {
        "id": key.id,
        "userId": key.user_id,
        "role": key.role,
        "key": f"cal_…{key.hint}",
        "name": key.name,
        "state": key.state(today),
        "createdAt": iso(key.created_at),
        "expiresOn": key.expires_on,
        "revokedAt": iso(key.revoked_at) if key.revoked_at else None,
        "lastUsedAt": iso(key.last_used_at) if key.last_used_at else None,
    }
