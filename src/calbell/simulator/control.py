"""The control API, `/_sim/*`: a thin layer of JSON over what `World` can do."""

from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, unquote

import msgspec

from calbell.simulator import push, telling
from calbell.simulator.apns import apns_file
from calbell.simulator.fault_queue import FaultOrder
from calbell.simulator.faults import SUPPORTED
from calbell.simulator.orders import (
    ClockOrder,
    DeviceOrder,
    ProjectOrder,
    TapOrder,
    phone_of,
    switched,
)
from calbell.simulator.phones import Device
from calbell.simulator.reading import parsed, shaped
from calbell.simulator.switches import Switches
from calbell.simulator.telling import Told, time_of
from calbell.simulator.wire import Request, Response, json_response, not_found, unpacked
from calbell.simulator.world import World

Shape = TypeVar("Shape")
Act = Callable[[World, Request, list[str]], object]
"""What a route does and answers, given what stands in the place of its `{…}`."""


class Route(msgspec.Struct, frozen=True):
    """One thing that can be asked for. `takes` is the form of the body, if it has one."""

    method: str
    path: str
    does: str
    act: Act
    takes: type | None = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def matches(self, method: str, path: str) -> list[str] | None:
        """What stands in the place of its `{…}`; nothing where the route is another."""
        ours, theirs = self.path.split("/"), path.split("/")
        if method != self.method or len(ours) != len(theirs):
            return None
        pairs = list(zip(ours, theirs, strict=True))
        if any(our != their for our, their in pairs if not our.startswith("{")):
            return None
        return [unquote(their) for our, their in pairs if our.startswith("{")]


def concerns(path: str) -> bool:
    return path == "/_sim" or path.startswith("/_sim/")


def carried_out(world: World, request: Request) -> Response:
    """The answer, after the request has had its effect; a refusal names what is wrong with it."""
    for route in ROUTES:
        if (names := route.matches(request.method, request.path)) is not None:
            answer = route.act(world, request, names)
            return answer if isinstance(answer, Response) else json_response(answer)
    raise not_found(f"There is no {request.method} {request.path}.")


def _read(shape: type[Shape], request: Request) -> Shape:
    return shaped(msgspec.json.Decoder(shape), parsed(unpacked(request)))


def _index(world: World, _: Request, names: list[str]) -> Told:
    return {
        "program": "Expo simulator",
        "now": time_of(world.now),
        "projects": world.projects,
        "devices": len(world.devices),
        "tickets": len(world.tickets),
        "faults": SUPPORTED,
        "push": push.PATHS,
        "control": [route.name for route in ROUTES],
    }


def _reset(world: World, _: Request, names: list[str]) -> Told:
    world.reset()
    return {"now": time_of(world.now)}


def _projects(world: World, _: Request, names: list[str]) -> Told:
    return {"projects": [telling.project(each) for each in world.projects]}


def _set_project(world: World, request: Request, names: list[str]) -> Told:
    return telling.project(_read(ProjectOrder, request).carried_out(world))


def _devices(world: World, _: Request, names: list[str]) -> Told:
    return {"devices": world.devices}


def _set_device(world: World, request: Request, names: list[str]) -> Device:
    return _read(DeviceOrder, request).carried_out(world)


def _displayed(world: World, _: Request, names: list[str]) -> Told:
    return telling.displayed(phone_of(world, names[0]))


def _apns(world: World, _: Request, names: list[str]) -> Response:
    token, ticket_id = names[0], names[1].removesuffix(".apns")
    phone = phone_of(world, token)
    for shown in phone.shown:
        if shown.ticket_id == ticket_id:
            return apns_file(shown, phone.device)
    raise not_found("The phone shows no notification of this ticket.")


def _tap(world: World, request: Request, names: list[str]) -> Told:
    return telling.tapped(_read(TapOrder, request).carried_out(world, names[0]))


def _lock(world: World, _: Request, names: list[str]) -> Told:
    phone = phone_of(world, names[0])
    phone.lock()
    return telling.displayed(phone)


def _clear(world: World, _: Request, names: list[str]) -> Told:
    phone = phone_of(world, names[0])
    phone.clear()
    return telling.displayed(phone)


def _advance(world: World, request: Request, names: list[str]) -> Told:
    _read(ClockOrder, request).carried_out(world)
    return {"now": time_of(world.now)}


def _faults(world: World, _: Request, names: list[str]) -> Told:
    return {"faults": [telling.fault(each) for each in world.faults.waiting(world.now)]}


def _set_fault(world: World, request: Request, names: list[str]) -> Told:
    return telling.fault(world.queue(_read(FaultOrder, request).checked()))


def _switches(world: World, _: Request, names: list[str]) -> Switches:
    return world.switches


def _set_switches(world: World, request: Request, names: list[str]) -> Switches:
    return switched(world, _read(dict[str, Any], request))


def _requests(world: World, request: Request, names: list[str]) -> Told:
    return telling.requests(world, raw="raw" in parse_qs(request.query))


def _tickets(world: World, _: Request, names: list[str]) -> Told:
    return {"tickets": [telling.ticket(each) for each in world.tickets[-telling.TICKETS_LISTED :]]}


def _openapi(_: World, __: Request, names: list[str]) -> Told:
    from calbell.simulator.openapi import document

    return document(ROUTES)


ROUTES: Final = (
    Route("GET", "/_sim", "What there is.", _index),
    Route("GET", "/_sim/openapi.json", "This simulator, described.", _openapi),
    Route("POST", "/_sim/reset", "Empties everything but the switches.", _reset),
    Route("GET", "/_sim/projects", "The projects.", _projects),
    Route("POST", "/_sim/projects", "Makes or changes a project.", _set_project, ProjectOrder),
    Route("GET", "/_sim/devices", "The devices.", _devices),
    Route("POST", "/_sim/devices", "Makes or changes a device.", _set_device, DeviceOrder),
    Route("GET", "/_sim/devices/{token}/displayed", "What the phone shows.", _displayed),
    Route(
        "GET",
        "/_sim/devices/{token}/displayed/{ticket}",
        "The notification of `<ticket>.apns` as a file for an iOS Simulator.",
        _apns,
    ),
    Route("POST", "/_sim/devices/{token}/tap", "Taps a notification.", _tap, TapOrder),
    Route("POST", "/_sim/devices/{token}/lock", "Closes the app that a tap opened.", _lock),
    Route("POST", "/_sim/devices/{token}/clear", "Sweeps all notifications away.", _clear),
    Route("POST", "/_sim/clock/advance", "Moves the clock.", _advance, ClockOrder),
    Route("GET", "/_sim/faults", "The faults that may still strike.", _faults),
    Route("POST", "/_sim/faults", "Queues a fault.", _set_fault, FaultOrder),
    Route("GET", "/_sim/switches", "The switches.", _switches),
    Route("POST", "/_sim/switches", "Changes switches.", _set_switches, Switches),
    Route("GET", "/_sim/requests", "The requests; with `?raw` as they came, too.", _requests),
    Route("GET", "/_sim/tickets", "The newest thousand tickets.", _tickets),
)
