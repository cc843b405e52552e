"""`calbell connect`."""

import asyncio
from random import SystemRandom
from typing import Annotated, assert_never

from cyclopts import Parameter

from calbell.calcom.http import Answer, Answered, CalcomApi
from calbell.calcom.me import CalcomUser, CannotTell, NotGood, TokenExpired
from calbell.calcom.registered import TRIGGERS, Refusal, Scope, ScopeKind
from calbell.calcom.trial import try_address
from calbell.choices import policy_of
from calbell.cli.context import settings, threads
from calbell.cli.failures import Failure, Misuse
from calbell.cli.output import out
from calbell.config import ConfigError, Settings
from calbell.flows.clocks import system_clock
from calbell.flows.connect import Connect, Connected, Planned, Wanted, coverage, url_of
from calbell.flows.identify import keep as keep_user
from calbell.store.database import ThreadedDatabase

Flag = Annotated[bool, Parameter(negative="")]


def connect(
    *,
    organization: int | None = None,
    client: str | None = None,
    event_type: int | None = None,
    team: int | None = None,
    manual: Flag = False,
    rotate: Flag = False,
    dry_run: Flag = False,
) -> int:
    """Make or mend the webhook at Cal.com that tells of bookings, with a secret of its own.

    It needs CALBELL_PUBLIC_URL, and CALBELL_CALCOM_API_KEY of somebody who may: without an option
    the webhook is that user's own. One that points here already is mended: address, triggers,
    secret, switched on. At the end the service's public address is tried with a signed test. Doing
    it twice changes nothing. docs/how-to/connect-cal-com.md says which webhook hears what.

    Parameters
    ----------
    organization
        The organisation with this id: all its teams and members. Its admin's key is needed.
    client
        The platform's OAuth client with this id: its managed users.
    event_type
        One event type, by its id.
    team
        The team whose event type it is.
    manual
        Makes nothing at Cal.com: prints address, secret and triggers, to be pasted into its pages.
        The way for a whole instance, and for one without API v2.
    rotate
        Gives it a new secret; the one before is good for a day more. It takes some seconds, until
        every process knows it.
    dry_run
        Only says what would be done.
    """
    scopes = [organization is not None, client is not None, event_type is not None]
    if sum(scopes) > 1:
        raise Misuse("give one of --organization, --client, --event-type")
    if manual and any(scopes):
        raise Misuse("--manual is for all of an instance: leave out the other options")
    if team is not None and event_type is None:
        raise Misuse("--team is that of an event type: give --event-type too")
    found = settings()
    if found.public_url is None:
        raise ConfigError(
            "CALBELL_PUBLIC_URL: not set: Cal.com must be told where to send webhooks"
        )
    if manual:
        return asyncio.run(_paste(found, found.public_url, rotate=rotate, dry_run=dry_run))
    if organization is not None:
        scope = Scope(ScopeKind.ORGANIZATION, str(organization))
    elif client is not None:
        scope = Scope(ScopeKind.OAUTH_CLIENT, client)
    elif event_type is not None:
        scope = Scope(ScopeKind.EVENT_TYPE, str(event_type), team)
    else:
        scope = Scope(ScopeKind.USER)
    return asyncio.run(_connect(found, found.public_url, scope, rotate=rotate, dry_run=dry_run))


async def _connect(
    found: Settings, public_url: str, scope: Scope, *, rotate: bool, dry_run: bool
) -> int:
    if found.calcom_api_key is None:
        raise ConfigError(
            "CALBELL_CALCOM_API_KEY: not set: an API key of Cal.com makes the webhook; without "
            "one, calbell connect --manual"
        )
    authorization = f"Bearer {found.calcom_api_key.reveal()}"
    api = CalcomApi(found.calcom_api_url)
    try:
        with threads(found, makes=True) as store:
            user_id = await _owner(found, api, authorization, store, keep=not dry_run)
            own = user_id if scope.kind is ScopeKind.USER else None
            wanted = Wanted(scope, public_url, own, rotate)
            flow = Connect(api, store, SystemRandom(), system_clock)
            out(f"Cal.com      {found.calcom_api_url}, as its user {user_id}")
            if dry_run:
                outcome: Planned | Connected | Refusal = await flow.plan(wanted, authorization)
            else:
                outcome = await flow.connect(wanted, authorization)
    finally:
        await api.close()
    match outcome:
        case Refusal(reason):
            raise Failure(_refused(reason, scope))
        case Planned(what, mended, others):
            _say_webhook(f"would {_WOULD[what]}", scope, mended, others)
            await _check_health(public_url)
        case Connected():
            _say_webhook(outcome.what, scope, outcome.mended, outcome.others)
            out(f"address      {outcome.url}")
            await _try(outcome.url, outcome.source.secret)
        case _:
            assert_never(outcome)
    _say_coverage(scope)
    return 0


_WOULD = {"make": "be made", "mend": "be mended", "fine": "be left as it is"}


async def _owner(
    found: Settings, api: CalcomApi, authorization: str, store: ThreadedDatabase, *, keep: bool
) -> int:
    """The user whose key it is; he is known here from now on."""
    asked = await api.me(authorization)
    match asked:
        case CalcomUser():
            if keep:
                await store.run(keep_user, asked, policy_of(found).rules, system_clock())
            return asked.id
        case NotGood() | TokenExpired():
            raise Failure(
                f"CALBELL_CALCOM_API_KEY: {found.calcom_api_url} does not take it: make a new key "
                "in Cal.com's settings, and see that CALBELL_CALCOM_API_URL is its instance"
            )
        case CannotTell(reason):
            raise Failure(
                f"{found.calcom_api_url} does not answer as Cal.com's API v2 ({reason}): mend "
                "CALBELL_CALCOM_API_URL, or use calbell connect --manual where there is no API"
            )
        case _:
            assert_never(asked)


async def _paste(found: Settings, public_url: str, *, rotate: bool, dry_run: bool) -> int:
    scope = Scope(ScopeKind.INSTANCE)
    if dry_run:
        out("would print an address, a secret and the triggers, and keep them")
    else:
        wanted = Wanted(scope, public_url, rotate=rotate)
        with threads(found, makes=True) as store:
            flow = Connect(CalcomApi(found.calcom_api_url), store, SystemRandom(), system_clock)
            source = await flow.paste(wanted)
        out("Paste this into Cal.com as its instance admin: Settings > Admin > Webhooks > New")
        out("(without that page: Settings > Developer > Webhooks, of a team or a user).")
        out(f"Subscriber URL   {url_of(public_url, source)}")
        out(f"Secret           {source.secret}")
        out("Payload template the default one: leave it as it is")
        out("Event triggers   these, and no other:")
        for trigger in TRIGGERS:
            out(f"                 {trigger}")
        out('Then press "Ping test" there: calbell doctor shows that it was heard.')
    await _check_health(public_url)
    _say_coverage(scope)
    return 0


def _say_webhook(what: str, scope: Scope, mended: tuple[str, ...], others: int) -> None:
    why = f": {', '.join(mended)}" if mended else ""
    out(f"webhook      {what}{why}")
    if others:
        out(
            f"             {others} more of this scope point here: copies are harmless, delete them"
        )


def _say_coverage(scope: Scope) -> None:
    heard, unheard = coverage(scope)
    out(f"heard        {heard}")
    out(f"not heard    {unheard}")


def _refused(reason: str, scope: Scope) -> str:
    remedy = {
        ScopeKind.ORGANIZATION: "the key must be that of the organisation's admin",
        ScopeKind.OAUTH_CLIENT: "the key must be of the platform that owns the client",
        ScopeKind.EVENT_TYPE: "the key must be of its owner, or of a team admin with --team",
    }.get(scope.kind, "or use calbell connect --manual")
    if "not allowed" in reason:
        remedy = "CALBELL_PUBLIC_URL must be public and https for hosted Cal.com"
    return f"Cal.com made no webhook ({scope.name}): {reason}; {remedy}"


async def _try(url: str, secret: str) -> None:
    """A signed test came through the public address."""
    answer = await try_address(url, secret, system_clock())
    if isinstance(answer, Answered) and answer.status == 200:
        out("test         a signed webhook came through the public address")
        return
    said = _in_words(answer)
    raise Failure(
        f"the webhook exists, but a signed test at {url} failed ({said}): start calbell serve on "
        "this database, and see that CALBELL_PUBLIC_URL leads to it; then run this again"
    )


async def _check_health(public_url: str) -> None:
    answer = await try_address(f"{public_url}/healthz", None, system_clock())
    if isinstance(answer, Answered) and answer.status == 200:
        out(f"test         {public_url} answers")
        return
    said = _in_words(answer)
    out(f"test         {public_url}/healthz does not answer well ({said}): start calbell serve,")
    out("             and see that CALBELL_PUBLIC_URL leads to it")


def _in_words(answer: Answer) -> str:
    return f"status {answer.status}" if isinstance(answer, Answered) else answer.reason
