"""The push endpoints of the service, `/--/api/v2/push/*`, as long as they behave."""

import re
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from calbell.simulator.faults import Endpoint, too_many_requests
from calbell.simulator.messages import Batch, Message, read_batch
from calbell.simulator.phones import Phone, Platform
from calbell.simulator.reading import parsed, shaped
from calbell.simulator.tickets import Accepted, Rejected
from calbell.simulator.tokens import UUID_PATTERN, is_well_formed
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

MAX_NOTIFICATIONS = 100
MAX_RECEIPTS = 1_000

_ROOT: Final = "/--/api/v2/push/"
_SEND: Final = _ROOT + "send"
_GET_RECEIPTS: Final = _ROOT + "getReceipts"
_GET_TOKEN: Final = _ROOT + "getExpoPushToken"

PATHS: Final = (_SEND, _GET_RECEIPTS, _GET_TOKEN)

_CAN_BE_SPOILED: Final = {_SEND: Endpoint.SEND, _GET_RECEIPTS: Endpoint.RECEIPTS}

Recipient = tuple[str, Message, Phone | None]
"""A token, what is sent to it, and its phone if anybody knows it."""


def carried_out(world: World, request: Request) -> Response:
    """The honest answer, after the request has had its effect; or a refusal and no effect."""
    if request.path not in _ENDPOINTS:
        raise not_found(f"There is nothing at {request.path}.")
    if request.method != "POST":
        message = f"{request.path} takes POST, not {request.method}."
        raise Refused(405, "NOT_FOUND", message, headers={"allow": "POST"})
    return json_response({"data": _ENDPOINTS[request.path](world, request)})


def endpoint_of(request: Request) -> Endpoint | None:
    """The endpoint that a fault for it would spoil."""
    return _CAN_BE_SPOILED.get(request.path) if request.method == "POST" else None


def _send(world: World, request: Request) -> object:
    """The tickets, after the steps of expo-simulator.md section 3 in their order.

    Not simulated yet, each with its place below: the bearer (S30), push security (S29).
    """
    value = parsed(unpacked(request))
    # S30
    batch = read_batch(value)
    _check_number(batch)
    recipients = _found(world, batch)
    _check_projects(recipients)
    # S29
    _check_rate(world, recipients)
    tickets = [_ticket(world, recipient) for recipient in recipients]
    return tickets[0] if batch.is_single else tickets


def _check_number(batch: Batch) -> None:
    received = batch.size()
    if received > MAX_NOTIFICATIONS:
        raise Refused(
            400,
            "PUSH_TOO_MANY_NOTIFICATIONS",
            f"You can send a maximum of {MAX_NOTIFICATIONS} notifications per request "
            f"(received {received}); divide your requests.",
        )


def _found(world: World, batch: Batch) -> list[Recipient]:
    return [(token, message, world.find(token)) for token, message in batch.addressed()]


def _project_of(recipient: Recipient) -> str | None:
    """Unknown tokens have no project, and neither have those registered no more."""
    _, _, phone = recipient
    return phone.device.project if phone and phone.device.registered else None


def _check_projects(recipients: list[Recipient]) -> None:
    tokens: dict[str, dict[str, None]] = {}
    for recipient in recipients:
        if project := _project_of(recipient):
            tokens.setdefault(project, {})[recipient[0]] = None
    if len(tokens) > 1:
        raise Refused(
            400,
            "PUSH_TOO_MANY_EXPERIENCE_IDS",
            "All push notification messages in the same request must be for the same project; "
            "check the details field to investigate conflicting tokens.",
            details={project: list(of_project) for project, of_project in tokens.items()},
        )


def _check_rate(world: World, recipients: list[Recipient]) -> None:
    """The notifications to known tokens count against their project, which is one by now."""
    projects = [project for each in recipients if (project := _project_of(each))]
    if projects and not world.admits(projects[0], len(projects)):
        raise too_many_requests(world.project(projects[0]).rate_limit)


def _ticket(world: World, recipient: Recipient) -> Accepted | Rejected:
    token, message, phone = recipient
    if phone and phone.device.registered:
        return world.accept(phone, message)
    if phone or is_well_formed(token):
        fault = "is not a registered push notification recipient"
    else:
        fault = "is not a valid Expo push token"
    details = {"error": "DeviceNotRegistered", "expoPushToken": token}
    return Rejected(f'"{token}" {fault}', details)


class _Receipts(msgspec.Struct, frozen=True):
    ids: list[str]


_RECEIPTS_DECODER: Final = msgspec.json.Decoder(_Receipts)


def _get_receipts(world: World, request: Request) -> object:
    """The receipts that are ready, by id; the other ids are left out (S34 to S38)."""
    ids = shaped(_RECEIPTS_DECODER, parsed(unpacked(request))).ids
    if len(ids) > MAX_RECEIPTS:
        raise Refused(
            400,
            "PUSH_TOO_MANY_RECEIPTS",
            f"You can get a maximum of {MAX_RECEIPTS} receipts per request "
            f"(received {len(ids)}); divide your requests.",
        )
    return world.ready_receipts(ids)


class _App(msgspec.Struct, frozen=True, rename="camel"):
    """An app on a phone that asks for its token (expo-push.md section 7)."""

    type: Literal["fcm", "apns"]
    device_id: str
    app_id: str = ""
    project_id: str | None = None
    experience_id: str | None = None

    @property
    def platform(self) -> Platform:
        return Platform.ANDROID if self.type == "fcm" else Platform.IOS


_APP_DECODER: Final = msgspec.json.Decoder(_App)


def _get_token(world: World, request: Request) -> object:
    """The token of the app that asks, the same each time it asks (S53)."""
    app = shaped(_APP_DECODER, parsed(unpacked(request)))
    token = world.token_of_app(_project_asked_for(app), app.platform, app.app_id, app.device_id)
    return {"expoPushToken": token}


def _project_asked_for(app: _App) -> str:
    """A project id is a UUID; here it is also the name of a project, `@simulator/<uuid>`."""
    match app.experience_id, app.project_id:
        case str(experience_id), None:
            return experience_id
        case None, str(project_id):
            if not re.fullmatch(UUID_PATTERN, project_id):
                raise invalid('"projectId": Invalid uuid.')
            return f"@simulator/{project_id.lower()}"
        case _:
            raise invalid("Must supply exactly one of [experienceId, projectId].")


_ENDPOINTS: Final[dict[str, Callable[[World, Request], object]]] = {
    _SEND: _send,
    _GET_RECEIPTS: _get_receipts,
    _GET_TOKEN: _get_token,
}
