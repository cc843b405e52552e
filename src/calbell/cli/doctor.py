"""`calbell doctor`."""

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import SystemRandom
from statistics import median
from typing import Annotated

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from rich.markup import escape

from calbell import config
from calbell.calcom.http import Answer, Answered, CalcomApi
from calbell.calcom.me import CalcomUser
from calbell.calcom.registered import Scope, ScopeKind
from calbell.calcom.trial import try_address
from calbell.callback import CallbackAddress
from calbell.cli import findings
from calbell.cli.callback import of_callback
from calbell.cli.context import is_there
from calbell.cli.findings import Finding, State, doubtful, fine, wrong
from calbell.cli.output import narrate, out
from calbell.config import AuthMethod, ConfigError, Settings
from calbell.domain.holds import Held
from calbell.expo.client import RECEIPTS_PATH
from calbell.expo.http import HttpTransport
from calbell.expo.transport import AnswerLost, NotTransmitted, Reply
from calbell.flows.clocks import system_clock
from calbell.flows.connect import Connect, Planned, Wanted
from calbell.flows.reconcile import TRIGGER
from calbell.store import (
    durability,
    events,
    holds,
    migrate,
    notices,
    proof,
    sources,
    sweeps,
    upkeep,
)
from calbell.store.connection import Connection, Engine, StoreUnavailable
from calbell.store.database import InlineDatabase, run_once
from calbell.store.engines import engine_of, time_of
from calbell.store.events import NotedRefusal
from calbell.store.migrate import SchemaMismatch
from calbell.store.notices import Callback
from calbell.store.sources import Source
from calbell.store.sqlite import SqliteEngine
from calbell.store.sweeps import Sweep
from calbell.store.upkeep import Depth

EXPO_PATIENCE = timedelta(seconds=10)
NO_TICKET = b'{"ids":["00000000-0000-0000-0000-000000000000"]}'
"""Asks for a receipt that there cannot be: it costs nothing and proves the access token."""

MOST_REFUSALS = 1_000
PROOFS = 5
COLOURS = {State.OK: "green", State.WARNING: "yellow", State.WRONG: "red"}


class Records(Struct, frozen=True, kw_only=True):
    """What the database tells of how things went."""

    depth: Depth
    held: tuple[Held, ...]
    refusals: tuple[NotedRefusal, ...]
    sources: tuple[Source, ...]
    last_event_at: datetime | None
    sweep: Sweep
    repaired: int
    callback: Callback


def doctor(*, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Look at settings, database, clock, Expo, Cal.com and webhooks; say what is wrong and how to
    mend it.

    One line each: `ok`, `warning` or `wrong`, and then what to do. Nothing stays changed, nothing
    is sent to a phone, no secret is shown. It exits with 1 if something is wrong.
    docs/reference/doctor.md lists the checks.

    Parameters
    ----------
    json
        As one JSON list, for programs.
    """
    found = list(_examine())
    if json:
        out(msgspec.json.encode(found).decode())
    else:
        for one in found:
            remedy = f" -> {one.remedy}" if one.remedy else ""
            colour = COLOURS[one.state]
            line = f"[{colour}]{one.state:8}[/] {one.check:17} {escape(one.said + remedy)}"
            narrate(line)
    return 1 if any(one.state is State.WRONG for one in found) else 0


def _examine() -> Iterator[Finding]:
    try:
        settings = config.load(os.environ, Path.cwd())
    except ConfigError as error:
        yield wrong("settings", " ".join(str(error).split()), "mend the variable that it names")
        return
    yield fine("settings", "every variable is good")
    yield from findings.of_settings(settings)
    now = system_clock()
    records = None
    connection = None
    try:
        engine = engine_of(settings.database_url)
        if is_there(engine):
            connection = engine.connect()
            run_once(connection, migrate.check)
            yield from _database(engine, connection)
            records = run_once(connection, _records, now)
        else:
            yield doubtful("database", "there is no such file yet", "calbell serve makes it")
    except StoreUnavailable as error:
        yield wrong("database", str(error), "mend what it says, or CALBELL_DATABASE_URL")
    except SchemaMismatch as error:
        yield wrong("database", str(error), "run calbell migrate with this version, or update it")
    if records is not None:
        yield from _of_records(settings, records, now)
    yield from asyncio.run(_outside(settings, connection, records))
    if connection is not None:
        connection.close()


def _database(engine: Engine, connection: Connection) -> Iterator[Finding]:
    took = []
    for _ in range(PROOFS):
        began = time.monotonic()
        run_once(connection, proof.prove, False)
        took.append(time.monotonic() - began)
    off = () if isinstance(engine, SqliteEngine) else run_once(connection, durability.switched_off)
    remedies = [(name, durability.REMEDIES[name]) for name in off]
    name = "SQLite" if isinstance(engine, SqliteEngine) else "PostgreSQL"
    yield from findings.of_database(name, timedelta(seconds=median(took)), remedies)
    if not isinstance(engine, SqliteEngine):
        at_zero, _ = run_once(connection, time_of, time.monotonic)
        ahead = time.time() - (at_zero + time.monotonic())
        clock = findings.of_clock("database", timedelta(seconds=ahead))
        if clock is not None:
            yield clock


def _records(connection: Connection, now: datetime) -> Records:
    """One unit of work: all that is judged."""
    return Records(
        depth=upkeep.depth(connection, now),
        held=tuple(holds.standing(connection)),
        refusals=tuple(events.last_refusals(connection, MOST_REFUSALS)),
        sources=tuple(sources.listed(connection)),
        last_event_at=upkeep.last_event_at(connection),
        sweep=sweeps.state(connection),
        repaired=events.count_of(connection, TRIGGER, now - findings.RECENT),
        callback=notices.callback(connection, now),
    )


def _of_records(settings: Settings, records: Records, now: datetime) -> Iterator[Finding]:
    yield findings.of_queue(records.depth, now)
    yield from findings.of_holds(records.held)
    yield from findings.of_sources(settings, records.sources, records.last_event_at, now)
    yield from findings.of_refusals(records.refusals, now)
    yield from findings.of_sweep(settings, records.sweep, records.repaired, now)


async def _outside(
    settings: Settings, connection: Connection | None, records: Records | None
) -> list[Finding]:
    """What can only be found out by asking others."""
    found = list[Finding | None]()
    public = settings.public_url
    answer = await try_address(f"{public}/readyz", None, system_clock()) if public else None
    found.append(findings.of_public_url(settings, answer))
    reply = await _ask_expo(settings)
    has_token = settings.expo_access_token is not None
    status = reply.status if reply else None
    found.append(findings.of_expo(settings.expo_base_url, status, has_token=has_token))
    if reply is not None:
        found.append(findings.of_clock("Expo", findings.ahead_of(reply.headers, system_clock())))
    if records is not None:
        url = settings.callback_url
        refused = await CallbackAddress(url).leads_nowhere() if url else None
        found += of_callback(settings, records.callback, refused)
    api = CalcomApi(settings.calcom_api_url)
    try:
        if AuthMethod.CALCOM in settings.auth or settings.calcom_api_key is not None:
            asked = await _ask_calcom(settings, api)
            has_key = settings.calcom_api_key is not None
            found.append(findings.of_calcom(settings.calcom_api_url, asked, has_key=has_key))
            if isinstance(asked, Answered):
                ahead = findings.ahead_of(asked.headers, system_clock())
                found.append(findings.of_clock("Cal.com", ahead))
        if records is not None and connection is not None:
            found += await _registered(settings, api, connection, records.sources)
    finally:
        await api.close()
    return [one for one in found if one is not None]


async def _ask_expo(settings: Settings) -> Reply | None:
    headers = {"accept": "application/json", "content-type": "application/json"}
    if settings.expo_access_token is not None:
        headers["authorization"] = f"Bearer {settings.expo_access_token.reveal()}"
    transport = HttpTransport(settings.expo_base_url, EXPO_PATIENCE, 1)
    try:
        return await transport.post(RECEIPTS_PATH, NO_TICKET, headers)
    except (NotTransmitted, AnswerLost):
        return None
    finally:
        await transport.close()


async def _ask_calcom(settings: Settings, api: CalcomApi) -> Answer:
    key = settings.calcom_api_key
    return await api.ask("GET", "/me", f"Bearer {key.reveal() if key else 'calbell-doctor'}")


async def _registered(
    settings: Settings, api: CalcomApi, connection: Connection, known: tuple[Source, ...]
) -> list[Finding]:
    """Whether the webhooks are at Cal.com as they are known here, as far as the key shows it."""
    if settings.calcom_api_key is None or settings.public_url is None:
        return []
    authorization = f"Bearer {settings.calcom_api_key.reveal()}"
    owner = await api.me(authorization)
    if not isinstance(owner, CalcomUser):
        return []
    connect = Connect(api, InlineDatabase(connection), SystemRandom(), system_clock)
    found = []
    for source in known:
        scope = _scope_of(source)
        if scope is None or source.user_id not in (None, owner.id):
            continue
        wanted = Wanted(scope, settings.public_url, source.user_id)
        planned = await connect.plan(wanted, authorization)
        if isinstance(planned, Planned):
            found.append(_of_plan(scope, planned))
    return found


def _scope_of(source: Source) -> Scope | None:
    """Those of which the same call is right whoever made them."""
    kind, _, id_ = source.scope.partition(":")
    match kind:
        case ScopeKind.USER if source.user_id is not None:
            return Scope(ScopeKind.USER)
        case ScopeKind.ORGANIZATION:
            return Scope(ScopeKind.ORGANIZATION, id_)
        case ScopeKind.OAUTH_CLIENT:
            return Scope(ScopeKind.OAUTH_CLIENT, id_)
        case _:
            return None


def _of_plan(scope: Scope, planned: Planned) -> Finding:
    check = "webhook"
    option = f" --{'client' if scope.kind is ScopeKind.OAUTH_CLIENT else scope.kind} {scope.id}"
    remedy = f"run calbell connect{option if scope.id else ''}"
    match planned.what:
        case "fine":
            return fine(check, f"that of {scope.name} at Cal.com is as it should be")
        case "make":
            return wrong(check, f"that of {scope.name} is gone at Cal.com", remedy)
        case _:
            said = ", ".join(planned.mended)
            return wrong(check, f"that of {scope.name} at Cal.com: {said}", remedy)
