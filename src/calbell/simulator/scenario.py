"""Scenarios: a TOML file says which projects and phones there are, and what goes wrong when.

```toml
about = "The gateway gives up, but the push has been sent."

[[phone]]                       # as many as wanted: the fields of POST /_sim/devices
name = "Ada's iPhone"

[[fault]]                       # the fields of POST /_sim/faults
fault = "F05"                   # which, by its number
phone = "Ada's iPhone"          # for whom: a phone by its name, or a `token`; else for all
nth = 2                         # from which request on
after_seconds = 60              # from which time on, by the simulator's clock
for_seconds = 3600              # for how long
every_seconds = 86400           # how often that comes again
times = 3                       # how often it strikes
options = {}                    # what the fault takes
```

`[[project]]` has the fields of `POST /_sim/projects`, `[switches]` those of `/_sim/switches`.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from calbell.simulator.fault_queue import FaultOrder, QueuedFault
from calbell.simulator.orders import DeviceOrder, ProjectOrder
from calbell.simulator.reading import misshapen
from calbell.simulator.switches import Switches
from calbell.simulator.wire import Refused, invalid
from calbell.simulator.world import World

Order = TypeVar("Order")
Made = TypeVar("Made")

_TABLES: Final = ("project", "phone", "fault")
_STORIES: Final = files("calbell.simulator") / "stories"


class WrongScenario(Exception):
    """The file cannot be read, or says what cannot be; the text names file, line and reason."""


class ScenarioFault(FaultOrder, frozen=True, forbid_unknown_fields=True):
    """A fault of a scenario, which may name a phone of it."""

    phone: str | None = None


class Scenario(msgspec.Struct, frozen=True):
    """What there is, and what goes wrong; everything in it has been checked."""

    about: str
    switches: Switches
    projects: Sequence[ProjectOrder]
    phones: Sequence[DeviceOrder]
    faults: Sequence[tuple[QueuedFault, str | None]]
    """Each with the name of the phone that it befalls, if it is one phone."""

    def begin(self, world: World) -> None:
        """The world is as the scenario says, and the times of its faults run from now on."""
        world.switches = self.switches
        for project in self.projects:
            project.carried_out(world)
        tokens = {phone.name: phone.carried_out(world).token for phone in self.phones}
        for fault, phone in self.faults:
            token = fault.token if phone is None else tokens[phone]
            world.queue(msgspec.structs.replace(fault, token=token))


def told_stories() -> list[str]:
    """The names of the scenarios that come with the simulator."""
    return sorted(Path(each.name).stem for each in _STORIES.iterdir() if each.name.endswith("toml"))


def load(name: str) -> Scenario:
    """The scenario in the file of this path, or the one of this name that comes with the
    simulator. Raises `WrongScenario`."""
    try:
        story = name in told_stories()
        text = (_STORIES / f"{name}.toml" if story else Path(name)).read_text("utf-8")
    except OSError as error:
        told = ", ".join(told_stories())
        raise WrongScenario(
            f"{name}: {error.strerror}; scenarios that come with the simulator: {told}"
        ) from error
    except UnicodeDecodeError:
        raise WrongScenario(f"{name}: this is not UTF-8") from None
    return read(text, name)


def read(text: str, name: str) -> Scenario:
    """The scenario that the text says. Raises `WrongScenario`, which calls the text `name`."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongScenario(_with_line_first(name, str(error), text)) from None
    return _Reader(text, name).scenario(value)


def _with_line_first(name: str, complaint: str, text: str) -> str:
    """What the parser says, whose words end with the place: a line, or the end of the document."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", complaint)
    what, line = found.groups() if found else (complaint, None)
    return f"{name}, line {line or max(1, len(text.splitlines()))}: {what}"


class _Reader:
    """Turns tables into orders, and complaints about one into the line that they are about."""

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.splitlines()
        self._name = name

    def scenario(self, value: Mapping[str, Any]) -> Scenario:
        for key in value:
            if key not in ("about", "switches", *_TABLES):
                raise self._wrong(f'"{key}" is not allowed.', _Place(0))
        if not isinstance(value.get("about", ""), str):
            raise self._wrong('"about" must be a string.', _Place(0))
        phones = self._each(value, "phone", DeviceOrder, _new_phone)
        names = {phone.name for phone in phones}

        def checked(fault: ScenarioFault) -> tuple[QueuedFault, str | None]:
            if fault.phone is not None and fault.phone not in names:
                raise invalid(f'"phone" must name a [[phone]]; there is no "{fault.phone}".')
            return fault.checked(), fault.phone

        place = self._find("[switches]", 0)
        return Scenario(
            value.get("about", ""),
            self._read(value.get("switches", {}), Switches, _as_it_is, place),
            self._each(value, "project", ProjectOrder, _as_it_is),
            phones,
            self._each(value, "fault", ScenarioFault, checked),
        )

    def _each(
        self,
        value: Mapping[str, Any],
        table: str,
        shape: type[Order],
        check: Callable[[Order], Made],
    ) -> list[Made]:
        entries = value.get(table, [])
        if not isinstance(entries, list):
            raise self._wrong(
                f'"{table}" must be written [[{table}]].', self._find(f"[{table}]", 0)
            )
        return [
            self._read(entry, shape, check, self._find(f"[[{table}]]", n))
            for n, entry in enumerate(entries)
        ]

    def _read(
        self, entry: object, shape: type[Order], check: Callable[[Order], Made], place: "_Place"
    ) -> Made:
        try:
            return check(msgspec.convert(entry, shape))
        except msgspec.ValidationError as error:
            raise self._wrong(misshapen(error).message, place) from None
        except Refused as refused:
            raise self._wrong(refused.message, place) from None

    def _find(self, header: str, number: int) -> "_Place":
        """Where the n-th table of this header begins, if it has a header."""
        heads = [n for n, line in enumerate(self._lines) if line.split("#")[0].strip() == header]
        return _Place(heads[number], header) if number < len(heads) else _Place(0)

    def _wrong(self, complaint: str, place: "_Place") -> WrongScenario:
        line = place.begins
        if key := re.match(r'"(?P<name>\w+)', complaint):
            line = self._line_of(key["name"], place)
        return WrongScenario(f"{self._name}, line {line + 1}: {complaint}")

    def _line_of(self, key: str, place: "_Place") -> int:
        """The line of the table that sets this key; else that of its header."""
        word = rf'(?<![\w-])"?{re.escape(key)}"?'
        sets = re.compile(rf"{word}\s*=" if place.header else rf"{word}\s*=|^\s*\[+{word}")
        for n in range(place.begins, len(self._lines)):
            is_another = n > place.begins and self._lines[n].lstrip().startswith("[")
            if place.header and is_another:
                break
            if sets.search(self._lines[n]):
                return n
        return place.begins


class _Place(msgspec.Struct, frozen=True):
    """Where a table begins; one without a header is the whole file."""

    begins: int
    header: str = ""


def _as_it_is(order: Order) -> Order:
    return order


def _new_phone(order: DeviceOrder) -> DeviceOrder:
    if order.token:
        raise invalid('"token" is minted: a phone has none of its own.')
    if not order.name:
        raise invalid('"name" is required.')
    return order
