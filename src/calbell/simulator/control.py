"""The control API, `/_sim/*`: a thin layer of JSON over what `World` can do."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from calbell.simulator import push
from calbell.simulator.faults import SUPPORTED, Endpoint, Fault, QueuedFault
from calbell.simulator.magic import FIRST_PROJECT
from calbell.simulator.phones import Device, Platform, Shown
from calbell.simulator.reading import misshapen, parsed, shaped
from calbell.simulator.request_log import LoggedRequest
from calbell.simulator.tickets import Ticket
from calbell.simulator.wire import (
    Refused,
    Request,
    Response,
    invalid,
    json_response,
    not_found,
    unpacked,
)
from calbell.simulator.world import World

ROUTES: Final = (
    "GET /_sim",
    "POST /_sim/reset",
    "POST /_sim/projects",
    "GET /_sim/devices",
    "POST /_sim/devices",
    "GET /_sim/devices/{token}/displayed",
    "POST /_sim/clock/advance",
    "POST /_sim/faults",
    "GET /_sim/requests",
    "GET /_sim/tickets",
)

TICKETS_LISTED = 1_000
TEN_YEARS = 315_360_000
"""Seconds, the most that the clock is advanced at once."""

ProjectName = Annotated[str, Meta(pattern=r"^@[^/\s]+/[^/\s]+$")]


class _ProjectBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    project: ProjectName
    rate_limit: Annotated[int, Meta(ge=0)] | None = None


class _DeviceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str | None = None
    platform: Platform | None = None
    project: ProjectName | None = None
    name: str | None = None
    channels: list[str] | None = None
    offline: bool | None = None
    registered: bool | None = None


class _AdvanceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seconds: Annotated[float, Meta(ge=0, le=TEN_YEARS)]


class _FaultBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fault: str
    on: Endpoint = Endpoint.SEND
    token: str | None = None
    nth: Annotated[int, Meta(ge=1)] = 1
    times: Annotated[int, Meta(ge=0)] = 1
    options: dict[str, Any] = msgspec.field(default_factory=dict)


_PROJECT: Final = msgspec.json.Decoder(_ProjectBody)
_DEVICE: Final = msgspec.json.Decoder(_DeviceBody)
_ADVANCE: Final = msgspec.json.Decoder(_AdvanceBody)
_FAULT: Final = msgspec.json.Decoder(_FaultBody)
_ANYTHING: Final = msgspec.json.Decoder(Any)


def concerns(path: str) -> bool:
    return path == "/_sim" or path.startswith("/_sim/")


def carried_out(world: World, request: Request) -> Response:
    """The answer, after the request has had its effect; a refusal names what is wrong with it."""
    _, _, *place = request.path.split("/")
    match request.method, place:
        case "GET", []:
            answer = _index(world)
        case "GET", ["devices"]:
            answer = {"devices": world.devices}
        case "GET", ["devices", token, "displayed"]:
            answer = _displayed(world, unquote(token))
        case "GET", ["requests"]:
            answer = _requests(world)
        case "GET", ["tickets"]:
            answer = {"tickets": [_ticket(each) for each in world.tickets[-TICKETS_LISTED:]]}
        case "POST", _:
            return json_response(_changed(world, place, request))
        case _:
            raise _nothing_there(request)
    return json_response(answer)


def _changed(world: World, place: list[str], request: Request) -> object:
    match place:
        case ["reset"]:
            world.reset()
            return {"now": _time(world.now)}
        case ["projects"]:
            return _project(world, shaped(_PROJECT, parsed(unpacked(request))))
        case ["devices"]:
            return _device(world, shaped(_DEVICE, parsed(unpacked(request))))
        case ["clock", "advance"]:
            world.advance(shaped(_ADVANCE, parsed(unpacked(request))).seconds)
            return {"now": _time(world.now)}
        case ["faults"]:
            return _fault(world, shaped(_FAULT, parsed(unpacked(request))))
        case _:
            raise _nothing_there(request)


def _project(world: World, body: _ProjectBody) -> dict[str, object]:
    project = world.set_project(body.project, rate_limit=body.rate_limit)
    return {"project": project.name, "rate_limit": project.rate_limit}


def _device(world: World, body: _DeviceBody) -> Device:
    """Without a token a new device, else the one it names; then everything else is set."""
    if body.token is None:
        platform, project = body.platform or Platform.IOS, body.project or FIRST_PROJECT
        token = world.add_device(platform, project).token
    elif body.platform or body.project:
        raise invalid("A token keeps its platform and its project.")
    elif world.find(body.token) is None:
        raise not_found("There is no device with this token.")
    else:
        token = body.token
    return world.change_device(
        token,
        offline=body.offline,
        registered=body.registered,
        name=body.name,
        channels=body.channels,
    )


def _fault(world: World, body: _FaultBody) -> dict[str, object]:
    if body.fault not in SUPPORTED:
        raise invalid(f'"fault" must be one of {", ".join(SUPPORTED)}.')
    options = {**body.options, "fault": body.fault}
    try:
        fault: Fault = msgspec.convert(options, Fault)
    except msgspec.ValidationError as error:
        raise misshapen(error) from None
    return _queued(
        world.queue_fault(fault, body.on, token=body.token, nth=body.nth, times=body.times)
    )


def _queued(queued: QueuedFault) -> dict[str, object]:
    told: dict[str, object] = msgspec.to_builtins(queued)
    options = msgspec.to_builtins(queued.fault)
    return told | {"fault": options.pop("fault"), "options": options}


def _index(world: World) -> dict[str, object]:
    return {
        "program": "Expo simulator",
        "now": _time(world.now),
        "projects": world.projects,
        "devices": len(world.devices),
        "tickets": len(world.tickets),
        "faults": SUPPORTED,
        "push": push.PATHS,
        "control": ROUTES,
    }


def _displayed(world: World, token: str) -> dict[str, object]:
    phone = world.find(token)
    if phone is None:
        raise not_found("There is no device with this token.")
    return {"displayed": [_shown(each) for each in phone.shown]}


def _shown(shown: Shown) -> dict[str, object]:
    message = msgspec.to_builtins(shown.message)
    del message["to"]
    return {
        "ticket_id": shown.ticket_id,
        "shown_at": _time(shown.shown_at),
        "blank": shown.blank,
        "message": message,
    }


def _ticket(ticket: Ticket) -> dict[str, object]:
    return {
        "id": ticket.id,
        "token": ticket.token,
        "outcome": ticket.outcome,
        "accepted_at": _time(ticket.accepted_at),
        "ready_at": _time(ticket.ready_at),
        "gone_at": _time(ticket.gone_at),
    }


def _requests(world: World) -> dict[str, object]:
    return {
        "requests": [_request(each) for each in world.requests],
        "max_parallel": world.log.max_parallel,
    }


def _request(logged: LoggedRequest) -> dict[str, object]:
    return {
        "at": _time(logged.at),
        "method": logged.method,
        "path": logged.path,
        "query": logged.query,
        "headers": logged.headers,
        "size": len(logged.body),
        "body": _body(logged),
        "status": logged.status,
        "fault": logged.fault,
    }


def _body(logged: LoggedRequest) -> object:
    """The body as the service read it: JSON; else text, as far as it is text."""
    request = Request(logged.method, logged.path, headers=logged.headers, body=logged.body)
    try:
        return shaped(_ANYTHING, parsed(unpacked(request)))
    except Refused:
        return logged.body.decode(errors="replace")


def _nothing_there(request: Request) -> Refused:
    return not_found(f"There is no {request.method} {request.path}.")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
