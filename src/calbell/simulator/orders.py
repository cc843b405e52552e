"""What the world can be told to be: projects, devices, taps, switches, the time.

Each order is read from JSON by the control API, from TOML by a scenario, and from a form by the
page; what is left out of one stays as it is.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from calbell.simulator.faults import Seconds
from calbell.simulator.magic import FIRST_PROJECT
from calbell.simulator.phones import Device, Fate, Phone, Platform, Tapped
from calbell.simulator.projects import Credentials, Project
from calbell.simulator.reading import misshapen
from calbell.simulator.switches import Switches
from calbell.simulator.wire import invalid, not_found
from calbell.simulator.world import World

TEN_YEARS = 315_360_000
"""Seconds, the most that the clock is advanced at once."""

ProjectName = Annotated[str, Meta(pattern=r"^@[^/\s]+/[^/\s]+$")]


class ProjectOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Makes a project, or changes it."""

    project: ProjectName
    rate_limit: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    push_security: bool | UnsetType = UNSET
    access_tokens: tuple[str, ...] | UnsetType = UNSET
    credentials: Credentials | UnsetType = UNSET

    def carried_out(self, world: World) -> Project:
        return world.set_project(self.project, **_given(self, "project"))


class DeviceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Makes a device and mints its token; or, with a `token`, changes the device it names.
    `unregister_in` seconds the app is removed from the phone."""

    token: str | UnsetType = UNSET
    platform: Platform | UnsetType = UNSET
    project: ProjectName | UnsetType = UNSET
    name: str | UnsetType = UNSET
    channels: tuple[str, ...] | UnsetType = UNSET
    offline: bool | UnsetType = UNSET
    registered: bool | UnsetType = UNSET
    fate: Fate | UnsetType = UNSET
    app: str | UnsetType = UNSET
    categories: dict[str, dict[str, str]] | UnsetType = UNSET
    unregister_in: Seconds | UnsetType = UNSET

    def carried_out(self, world: World) -> Device:
        """Without a token a new device, else the one it names; then everything else is set."""
        token = self.token if isinstance(self.token, str) else self._made(world)
        if token == self.token and (self.platform or self.project):
            raise invalid("A token keeps its platform and its project.")
        phone_of(world, token)
        if not isinstance(self.unregister_in, UnsetType):
            world.unregister_later(token, self.unregister_in)
        changes = _given(self, "token", "platform", "project", "unregister_in")
        return world.change_device(token, **changes)

    def _made(self, world: World) -> str:
        return world.add_device(self.platform or Platform.IOS, self.project or FIRST_PROJECT).token


class TapOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The notification is tapped, or the button of it that `action` names: the app opens."""

    ticket_id: str
    action: str | None = None

    def carried_out(self, world: World, token: str) -> Tapped:
        tapped = phone_of(world, token).tap(self.ticket_id, self.action, world.now)
        if tapped is None:
            raise not_found("The phone shows no notification of this ticket.")
        return tapped


class ClockOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Moves the clock; between such orders it runs with the real one."""

    seconds: Annotated[float, Meta(ge=0, le=TEN_YEARS)]

    def carried_out(self, world: World) -> None:
        world.advance(self.seconds)


def switched(world: World, changes: dict[str, Any]) -> Switches:
    """The switches with these changes, in force from now on."""
    try:
        switches = msgspec.convert(msgspec.to_builtins(world.switches) | changes, Switches)
    except msgspec.ValidationError as error:
        raise misshapen(error) from None
    world.switches = switches
    return switches


def phone_of(world: World, token: str) -> Phone:
    phone = world.find(token)
    if phone is None:
        raise not_found("There is no device with this token.")
    return phone


def _given(order: msgspec.Struct, *but: str) -> dict[str, Any]:
    """What the order says, without these fields of it."""
    return {
        field: value
        for field in order.__struct_fields__
        if field not in but and (value := getattr(order, field)) is not UNSET
    }
