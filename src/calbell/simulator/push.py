"""The push endpoints of the service, `/--/api/v2/push/*`, as long as they behave."""

import re
from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from calbell.simulator.fault_queue import QueuedFault
from calbell.simulator.faults import Endpoint
from calbell.simulator.messages import Batch, Message, read_batch
from calbell.simulator.phones import APP, Phone, Platform
from calbell.simulator.reading import parsed, shaped
from calbell.simulator.tickets import Accepted, Rejected
from calbell.simulator.tokens import UUID_PATTERN
from calbell.simulator.twists import Twist
from calbell.simulator.verdicts import unregistered
from calbell.simulator.wire import (
    BearerInvalid,
    Refused,
    Request,
    Response,
    invalid,
    json_response,
    not_found,
    too_many_requests,
    unpacked,
)
from calbell.simulator.world import World

MAX_NOTIFICATIONS = 100
MAX_RECEIPTS = 1_000

_ROOT: Final = "/--/api/v2/push/"
SEND: Final = _ROOT + "send"
GET_RECEIPTS: Final = _ROOT + "getReceipts"
GET_TOKEN: Final = _ROOT + "getExpoPushToken"

PATHS: Final = (SEND, GET_RECEIPTS, GET_TOKEN)

_CAN_BE_SPOILED: Final = {SEND: Endpoint.SEND, GET_RECEIPTS: Endpoint.RECEIPTS}

Recipient = tuple[str, Message, Phone | None]
"""A token, what is sent to it, and its phone if anybody knows it."""


def carried_out(world: World, request: Request, struck: QueuedFault | None = None) -> Response:
    """The honest answer, after the request has had its effect; or a refusal and no effect.

    What a fault does to single notifications is part of the effect.
    """
    if request.path not in _ENDPOINTS:
        raise not_found(f"There is nothing at {request.path}.")
    if request.method != "POST":
        message = f"{request.path} takes POST, not {request.method}."
        raise Refused(405, "NOT_FOUND", message, headers={"allow": "POST"})
    return json_response({"data": _ENDPOINTS[request.path](world, request, struck)})


def endpoint_of(request: Request) -> Endpoint | None:
    """The endpoint that a fault for it would spoil."""
    return _CAN_BE_SPOILED.get(request.path) if request.method == "POST" else None


def _send(world: World, request: Request, struck: QueuedFault | None) -> object:
    """The tickets, after the steps of expo-simulator.md section 3 in their order."""
    value = parsed(unpacked(request))
    bearer = _checked_bearer(world, request)
    batch = read_batch(value, world.switches)
    _check_number(batch)
    recipients = _found(world, batch)
    world.log.offered(len(recipients), world.now)
    _check_projects(recipients)
    _check_security(
        world, bearer, {project for each in recipients if (project := _project_of(each))}
    )
    _check_rate(world, recipients)
    twists = world.twisted(struck, [token for token, _, _ in recipients])
    tickets = [
        _ticket(world, recipient, twist)
        for recipient, twist in zip(recipients, twists, strict=True)
    ]
    return tickets[0] if batch.is_single else tickets


def _checked_bearer(world: World, request: Request) -> str | None:
    """The access token, which some project has; none where none was sent (S30)."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, bearer = header.partition(" ")
    if scheme.lower() != "bearer" or not world.knows_bearer(bearer.strip()):
        raise BearerInvalid
    return bearer.strip()


def _check_security(world: World, bearer: str | None, projects: Iterable[str]) -> None:
    for name in dict.fromkeys(projects):
        if not world.project(name).admits_sender(bearer, world.projects):
            raise Refused(
                world.switches.unauthorized_status,
                "UNAUTHORIZED",
                f"Insufficient permissions to send push notifications to {name}",
            )


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
        limit = world.project(projects[0]).rate_limit
        raise too_many_requests(limit, 1 if world.switches.retry_after else None)


def _ticket(world: World, recipient: Recipient, twist: Twist) -> Accepted | Rejected:
    token, message, phone = recipient
    if phone and phone.device.registered:
        return world.accept(phone, message, twist)
    return world.refuse(unregistered(token, world.switches, is_known=phone is not None))


class ReceiptsOrder(msgspec.Struct, frozen=True):
    """The tickets whose receipts are asked for."""

    ids: list[str]


_RECEIPTS_DECODER: Final = msgspec.json.Decoder(ReceiptsOrder)


def _get_receipts(world: World, request: Request, _: QueuedFault | None) -> object:
    """The receipts that are ready, by id; the other ids are left out (S34 to S38, S46)."""
    value = parsed(unpacked(request))
    bearer = _checked_bearer(world, request)
    ids = shaped(_RECEIPTS_DECODER, value).ids
    if len(ids) > MAX_RECEIPTS:
        raise Refused(
            400,
            "PUSH_TOO_MANY_RECEIPTS",
            f"You can get a maximum of {MAX_RECEIPTS} receipts per request "
            f"(received {len(ids)}); divide your requests.",
        )
    if not world.switches.open_receipts:
        _check_security(world, bearer, world.projects_of(ids))
    return world.ready_receipts(ids)


class App(msgspec.Struct, frozen=True, rename="camel"):
    """An app on a phone that asks for its token (expo-push.md section 7)."""

    type: Literal["fcm", "apns"]
    device_id: str
    app_id: str = APP
    project_id: str | None = None
    experience_id: str | None = None

    @property
    def platform(self) -> Platform:
        return Platform.ANDROID if self.type == "fcm" else Platform.IOS


_APP_DECODER: Final = msgspec.json.Decoder(App)


def _get_token(world: World, request: Request, _: QueuedFault | None) -> object:
    """The token of the app that asks, the same each time it asks (S53)."""
    app = shaped(_APP_DECODER, parsed(unpacked(request)))
    token = world.token_of_app(_project_asked_for(app), app.platform, app.app_id, app.device_id)
    return {"expoPushToken": token}


def _project_asked_for(app: App) -> str:
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


_ENDPOINTS: Final[dict[str, Callable[[World, Request, QueuedFault | None], object]]] = {
    SEND: _send,
    GET_RECEIPTS: _get_receipts,
    GET_TOKEN: _get_token,
}
