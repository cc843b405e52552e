"""The state as JSON, for the control API."""

import base64
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from calbell.simulator.fault_queue import QueuedFault
from calbell.simulator.phones import Phone, Shown, Tapped
from calbell.simulator.projects import Project
from calbell.simulator.reading import parsed, shaped
from calbell.simulator.request_log import LoggedRequest
from calbell.simulator.tickets import Ticket
from calbell.simulator.wire import Refused, Request, unpacked
from calbell.simulator.world import World

TICKETS_LISTED = 1_000

Told = dict[str, object]

_ANYTHING: Final = msgspec.json.Decoder(Any)


def time_of(at: float) -> str:
    """ISO 8601, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def project(project: Project) -> Told:
    told: Told = msgspec.to_builtins(project)
    return {"project": told.pop("name"), **told}


def fault(queued: QueuedFault) -> Told:
    told: Told = msgspec.to_builtins(queued)
    options = msgspec.to_builtins(queued.fault)
    return told | {"fault": options.pop("fault"), "options": options}


def displayed(phone: Phone) -> Told:
    return {
        "displayed": [shown(each) for each in phone.shown],
        "opened": tapped(phone.tapped) if phone.tapped else None,
    }


def shown(shown: Shown) -> Told:
    message = msgspec.to_builtins(shown.message)
    del message["to"]
    return {
        "ticket_id": shown.ticket_id,
        "shown_at": time_of(shown.shown_at),
        "blank": shown.blank,
        "replaced": shown.replaced,
        "message": message,
    }


def tapped(tapped: Tapped) -> Told:
    """What the app gets to know: its deep link is `data.url`, as Expo's router reads it."""
    return {
        "ticket_id": tapped.shown.ticket_id,
        "tapped_at": time_of(tapped.tapped_at),
        "action": tapped.action,
        "url": tapped.url,
        "data": tapped.data,
    }


def ticket(ticket: Ticket) -> Told:
    return {
        "id": ticket.id,
        "token": ticket.token,
        "outcome": ticket.outcome,
        "accepted_at": time_of(ticket.accepted_at),
        "ready_at": None if ticket.ready_at is None else time_of(ticket.ready_at),
        "gone_at": time_of(ticket.gone_at),
    }


def requests(world: World, *, raw: bool) -> Told:
    return {
        "requests": [_request(each, raw=raw) for each in world.requests],
        "max_parallel": world.log.max_parallel,
        "max_per_second": world.log.max_per_second,
    }


def _request(logged: LoggedRequest, *, raw: bool) -> Told:
    told: Told = {
        "at": time_of(logged.at),
        "method": logged.method,
        "path": logged.path,
        "query": logged.query,
        "headers": logged.headers,
        "size": len(logged.body),
        "body": decoded(logged),
        "status": logged.status,
        "fault": logged.fault,
    }
    return told | {"raw": base64.b64encode(logged.body).decode()} if raw else told


def decoded(logged: LoggedRequest) -> object:
    """The body as the service read it: JSON; else text, as far as it is text."""
    request = Request(logged.method, logged.path, headers=logged.headers, body=logged.body)
    try:
        return shaped(_ANYTHING, parsed(unpacked(request)))
    except Refused:
        return logged.body.decode(errors="replace")
