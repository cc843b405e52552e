"""The simulator's own OpenAPI document, made of its routes and of the forms that they read."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from calbell.simulator import push
from calbell.simulator.faults import Fault
from calbell.simulator.messages import Message
from calbell.simulator.tickets import Accepted, Rejected

if TYPE_CHECKING:
    from calbell.simulator.control import Route

Told = dict[str, object]

_PUSH: Final[Mapping[str, tuple[str, type]]] = {
    push.SEND: ("Sends to up to 100 recipients: one ticket each.", Message),
    push.GET_RECEIPTS: ("The receipts that are ready, by ticket id.", push.ReceiptsOrder),
    push.GET_TOKEN: ("The push token of an app on a phone.", push.App),
}


def document(routes: Sequence["Route"]) -> Told:
    """OpenAPI 3.1, complete for requests; answers are described in words."""
    bodies = {kind for _, kind in _PUSH.values()} | {r.takes for r in routes if r.takes}
    kinds = sorted([*bodies, Accepted, Rejected], key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(
        [*kinds, Fault], schema_hook=_anything, ref_template="#/components/schemas/{name}"
    )
    by_kind = dict(zip(kinds, schemas, strict=False))
    paths: dict[str, Told] = {}
    for path, (does, kind) in _PUSH.items():
        schema = by_kind[kind]
        if kind is Message:
            schema = {"oneOf": [schema, {"type": "array", "items": schema}]}
        paths[path] = {"post": _operation("Push", does, schema, path)}
    for route in routes:
        taken = None if route.takes is None else by_kind[route.takes]
        operation = _operation("Control", route.does, taken, route.path)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Expo simulator", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": components},
    }


def _anything(kind: type) -> Told:
    """`object` is any JSON."""
    if kind is object:
        return {"description": "Any JSON."}
    raise NotImplementedError


_ABOUT = (
    "A local program that answers like the Expo Push Service, and is told what to do wrong. The "
    "`options` of a fault are the other fields of the schema whose `fault` it has."
)


def _operation(tag: str, does: str, body: object, path: str) -> Told:
    told: Told = {"tags": [tag], "summary": does, "responses": _RESPONSES}
    if names := [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        told["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]
    if body is not None:
        told["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return told


_RESPONSES: Final = {
    "200": {"description": "Done; what came of it.", "content": {"application/json": {}}},
    "4XX": {"description": "`errors`, which say what was wrong."},
}
