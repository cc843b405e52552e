"""Connect: the webhook at Cal.com that tells everything here exists, and its secret is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from random import Random

from msgspec import Struct

from calbell.calcom.registered import (
    Api,
    Refusal,
    Registered,
    Scope,
    ScopeKind,
    listed,
    make,
    mend,
)
from calbell.flows.sources import REMEMBERED_FOR
from calbell.flows.surroundings import Clock, new_key
from calbell.store import sources
from calbell.store.connection import Connection
from calbell.store.database import Database
from calbell.store.sources import Source

BOTH_GOOD_FOR = timedelta(days=1)
"""How long the secret before is good too: webhooks that are under way, and a change at Cal.com that
turns out not to have been made."""

SETTLED_AFTER = REMEMBERED_FOR + timedelta(seconds=1)
"""When every process knows a new secret."""

WEBHOOKS = "/webhooks/cal"


class Wanted(Struct, frozen=True):
    """The webhook to have: whose bookings it tells of, where this service is reached, and the user
    whose own it is. `rotate` gives it a new secret in any case."""

    scope: Scope
    public_url: str
    user_id: int | None = None
    rotate: bool = False

    @property
    def base(self) -> str:
        """The address below which webhooks are taken in."""
        return f"{self.public_url}{WEBHOOKS}"


class Connected(Struct, frozen=True, kw_only=True):
    """The webhook is as it should be: `what` says whether it was made, mended or fine, `mended`
    what was wrong with it. `others` are further webhooks of the scope that point here: they bring
    copies, which are harmless."""

    what: str
    source: Source
    url: str
    mended: tuple[str, ...] = ()
    others: int = 0


class Planned(Struct, frozen=True):
    """What would be done."""

    what: str
    mended: tuple[str, ...] = ()
    others: int = 0


class Connect:
    """Makes and mends webhooks at a Cal.com instance."""

    def __init__(
        self,
        api: Api,
        database: Database,
        chance: Random,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._pause = pause
        self._database = database
        self._chance = chance
        self._clock = clock

    async def plan(self, wanted: Wanted, authorization: str) -> Planned | Refusal:
        """What `connect` would do. Nothing is changed, here or there."""
        found = await self._find(wanted, authorization)
        if isinstance(found, Refusal):
            return found
        here, source, others = found
        if here is None:
            return Planned("make")
        if source is None:
            return Planned("mend", ("it has no path of its own",), others)
        faults = here.faults(_url(wanted, source), source.secret)
        if faults or wanted.rotate:
            return Planned("mend", faults, others)
        return Planned("fine", (), others)

    async def connect(self, wanted: Wanted, authorization: str) -> Connected | Refusal:
        """The webhook exists at Cal.com, active, with all triggers and a secret that is kept here.

        What is kept here is kept first: a webhook that comes at once is known. Where nobody knows
        whether Cal.com has done it, doing it again finds out.
        """
        found = await self._find(wanted, authorization)
        if isinstance(found, Refusal):
            return found
        here, source, others = found
        if here is None:
            return await self._make(wanted, authorization, source)
        if source is None:
            return await self._take_over(wanted, authorization, here, others)
        await self._database.run(sources.tie, source.id, here.id)
        faults = here.faults(_url(wanted, source), source.secret)
        if wanted.rotate:
            return await self._rotate(wanted, authorization, here, source, faults, others)
        if not faults:
            return _connected("fine", wanted, source, others=others)
        mended = await self._mend(wanted, authorization, here.id, source)
        if isinstance(mended, Refusal):
            return mended
        return _connected("mended", wanted, source, faults, others)

    async def paste(self, wanted: Wanted) -> Source:
        """A source for a webhook that somebody makes in Cal.com's pages; the same one every time,
        with a new secret if that is wanted."""
        own = await self._own(wanted)
        source = own[0] if own else await self._new_source(wanted)
        if own and wanted.rotate:
            source = await self._new_secret(source)
        return source

    async def _find(
        self, wanted: Wanted, authorization: str
    ) -> tuple[Registered | None, Source | None, int] | Refusal:
        """The scope's webhook that points here, the source that it, or one that is gone, was made
        for, and how many others point here."""
        there = await listed(self._api, wanted.scope, authorization)
        if isinstance(there, Refusal):
            return there
        own = await self._own(wanted)
        here = [one for one in there if _points_to(one.url, wanted.base)]
        for source in own:
            for one in there:
                if one.url == _url(wanted, source) or one.id == source.remote_id:
                    return one, source, sum(other.id != one.id for other in here)
        others = {source.path for source in await self._database.read(sources.listed)}
        strangers = [one for one in here if _path(one.url, wanted.base) not in others]
        if strangers:
            return strangers[0], None, len(here) - 1
        return None, own[0] if own else None, len(here)

    async def _own(self, wanted: Wanted) -> list[Source]:
        return await self._database.read(sources.of_scope, wanted.scope.name, wanted.user_id)

    async def _make(
        self, wanted: Wanted, authorization: str, kept: Source | None
    ) -> Connected | Refusal:
        source = kept or await self._new_source(wanted)
        url = _url(wanted, source)
        made = await make(self._api, wanted.scope, authorization, url, source.secret)
        if isinstance(made, Refusal):
            await self._give_up(made, source, is_new=kept is None)
            return made
        await self._database.run(sources.tie, source.id, made.id)
        return _connected("made", wanted, source)

    async def _take_over(
        self, wanted: Wanted, authorization: str, here: Registered, others: int
    ) -> Connected | Refusal:
        """A webhook that somebody made by hand gets a path and a secret of its own. What it signed
        until then is good as long as that secret stands in the settings."""
        source = await self._new_source(wanted)
        mended = await self._mend(wanted, authorization, here.id, source)
        if isinstance(mended, Refusal):
            await self._give_up(mended, source, is_new=True)
            return mended
        await self._database.run(sources.tie, source.id, here.id)
        faults = here.faults(_url(wanted, source), source.secret)
        return _connected("mended", wanted, source, faults, others)

    async def _rotate(
        self,
        wanted: Wanted,
        authorization: str,
        here: Registered,
        before: Source,
        faults: Iterable[str],
        others: int,
    ) -> Connected | Refusal:
        source = await self._new_secret(before)
        # A process that remembers the source as it was would refuse what is signed with the new
        # secret, and Cal.com does not send it again.
        await self._pause(SETTLED_AFTER.total_seconds())
        mended = await self._mend(wanted, authorization, here.id, source)
        if isinstance(mended, Refusal):
            # The secret before goes on; the new one is good too, should it have arrived after all.
            until = self._clock() + BOTH_GOOD_FOR
            await self._database.run(sources.rotate, source.id, before.secret, until)
            return mended
        said = (one for one in faults if "secret" not in one)
        return _connected("mended", wanted, source, (*said, "it has a new secret"), others)

    async def _mend(
        self, wanted: Wanted, authorization: str, id_: str, source: Source
    ) -> Registered | Refusal:
        url = _url(wanted, source)
        return await mend(self._api, wanted.scope, authorization, id_, url, source.secret)

    async def _new_source(self, wanted: Wanted) -> Source:
        path, secret = new_key(self._chance), self._fresh_secret()

        def create(connection: Connection) -> Source | None:
            scope, user_id = wanted.scope.name, wanted.user_id
            sources.create(connection, path=path, secret=secret, scope=scope, user_id=user_id)
            return sources.find(connection, path)

        made = await self._database.run(create)
        assert made is not None
        return made

    async def _new_secret(self, source: Source) -> Source:
        secret, until = self._fresh_secret(), self._clock() + BOTH_GOOD_FOR

        def change(connection: Connection) -> Source | None:
            sources.rotate(connection, source.id, secret, until)
            return sources.find(connection, source.path)

        changed = await self._database.run(change)
        assert changed is not None
        return changed

    async def _give_up(self, refused: Refusal, source: Source, *, is_new: bool) -> None:
        """What certainly never came to be at Cal.com is not kept here either."""
        if is_new and refused.is_final:
            await self._database.run(sources.drop, source.id)

    def _fresh_secret(self) -> str:
        return new_key(self._chance) + new_key(self._chance)


def url_of(public_url: str, source: Source) -> str:
    """Where the source's webhooks are taken in."""
    return f"{public_url}{WEBHOOKS}/{source.path}"


def coverage(scope: Scope) -> tuple[str, str]:
    """What webhooks of such a scope tell of, and what they do not (interface.md section 5)."""
    match scope.kind:
        case ScopeKind.INSTANCE:
            return "all bookings of the instance", "nothing is left out"
        case ScopeKind.ORGANIZATION:
            return "all teams and members of the organisation", "bookings of everybody else"
        case ScopeKind.OAUTH_CLIENT:
            return "the client's managed users", "bookings of everybody else"
        case ScopeKind.EVENT_TYPE:
            return "bookings of this event type", "bookings of every other one"
        case ScopeKind.USER:
            return (
                "bookings of this user's personal event types",
                "team events (round robin, collective), except their rejections: connect the "
                "organisation for these, or each event type; and bookings of other users",
            )


def _connected(
    what: str, wanted: Wanted, source: Source, mended: tuple[str, ...] = (), others: int = 0
) -> Connected:
    return Connected(
        what=what, source=source, url=_url(wanted, source), mended=mended, others=others
    )


def _url(wanted: Wanted, source: Source) -> str:
    return url_of(wanted.public_url, source)


def _points_to(url: str, base: str) -> bool:
    return url == base or url.startswith(f"{base}/")


def _path(url: str, base: str) -> str:
    return url.removeprefix(base).removeprefix("/")
